# The test that stands where something is missing.
message(FATAL_ERROR "${REASON}")
