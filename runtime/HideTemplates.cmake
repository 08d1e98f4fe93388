# cmake -DARCHIVE=FILE -DNM=FILE -DOBJCOPY=FILE -P HideTemplates.cmake
# Gives what the archive defines weakly, which are instances of templates and inline functions, hidden
# visibility: a linker still merges them with others of their name, and exports none.
execute_process(COMMAND "${NM}" --defined-only "${ARCHIVE}" OUTPUT_VARIABLE symbols
  COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[0-9a-f]+ [VW] [^\n]+" weak "${symbols}")
list(TRANSFORM weak REPLACE "^[0-9a-f]+ [VW] " "")
list(REMOVE_DUPLICATES weak)
list(JOIN weak "\n" names)
file(WRITE "${ARCHIVE}.weak" "${names}\n")
execute_process(COMMAND "${OBJCOPY}" "--set-symbols-visibility=${ARCHIVE}.weak=hidden" "${ARCHIVE}"
  COMMAND_ERROR_IS_FATAL ANY)
