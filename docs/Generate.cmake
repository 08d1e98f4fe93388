# Writes dialect.md and passes.md into DESTINATION from the .td files of SOURCE; with COMPARE, fails if
# that folder's files differ from them.
function(generate name title)
  execute_process(
    COMMAND "${TABLEGEN}" ${ARGN} -I "${MLIR_INCLUDE}" -I "${SOURCE}/dialect" -I "${SOURCE}/passes"
    OUTPUT_VARIABLE text ERROR_VARIABLE error RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "mlir-tblgen failed for ${name}: ${error}")
  endif()
  string(REPLACE "[TOC]\n\n" "" text "${text}") # which only MLIR's own site understands
  string(REGEX REPLACE "^(<!--[^\n]*-->\n)" "\\1${title}" text "${text}")
  string(REGEX REPLACE "\n\n\n+" "\n\n" text "${text}")
  file(WRITE "${DESTINATION}/${name}" "${text}")
  if(DEFINED COMPARE)
    execute_process(
      COMMAND "${CMAKE_COMMAND}" -E compare_files "${DESTINATION}/${name}" "${COMPARE}/${name}"
      OUTPUT_QUIET ERROR_QUIET RESULT_VARIABLE different)
    if(different)
      message(SEND_ERROR "docs/${name} is not what the .td files say; build the target 'docs'")
    endif()
  endif()
endfunction()

generate(dialect.md "" -gen-dialect-doc -dialect=vit "${SOURCE}/dialect/VitOps.td")
generate(passes.md "\n# Passes\n" -gen-pass-doc "${SOURCE}/passes/Passes.td")
