# Writes the files of SOURCE that are made from .td files, from the command line of VITC and from the
# families of models that it reads. With
# COMPARE, a folder, they are written there, and it is an error if those of SOURCE are different.
function(write path text)
  if(NOT DEFINED COMPARE)
    file(WRITE "${SOURCE}/${path}" "${text}")
    return()
  endif()
  file(WRITE "${COMPARE}/${path}" "${text}")
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -E compare_files "${COMPARE}/${path}" "${SOURCE}/${path}"
    OUTPUT_QUIET ERROR_QUIET RESULT_VARIABLE different)
  if(different)
    message(SEND_ERROR "${path} is not what its sources say; build the target 'docs'")
  endif()
endfunction()

function(run variable)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE text ERROR_VARIABLE error RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "'${ARGN}' failed: ${error}")
  endif()
  set(${variable} "${text}" PARENT_SCOPE)
endfunction()

function(generate path title)
  run(text "${TABLEGEN}" ${ARGN} -I "${MLIR_INCLUDE}" -I "${SOURCE}/dialect" -I "${SOURCE}/passes")
  string(REPLACE "[TOC]\n\n" "" text "${text}") # which only MLIR's own site understands
  string(REGEX REPLACE "^(<!--[^\n]*-->\n)" "\\1${title}" text "${text}")
  string(REGEX REPLACE "\n\n\n+" "\n\n" text "${text}")
  write("${path}" "${text}")
endfunction()

# Puts `text` between the lines <!-- NAME --> and <!-- end of NAME --> of a page.
function(write_section path name text)
  file(READ "${SOURCE}/${path}" page)
  set(begin "<!-- ${name} -->\n")
  set(end "<!-- end of ${name} -->")
  string(FIND "${page}" "${begin}" first)
  string(FIND "${page}" "${end}" last)
  if(first LESS 0 OR last LESS first)
    message(FATAL_ERROR "${path} has no lines '${begin}' and '${end}'")
  endif()
  string(LENGTH "${begin}" length)
  math(EXPR first "${first} + ${length}")
  string(SUBSTRING "${page}" 0 ${first} before)
  string(SUBSTRING "${page}" ${last} -1 after)
  write("${path}" "${before}${text}${after}")
endfunction()

generate(docs/dialect.md "" -gen-dialect-doc -dialect=vit "${SOURCE}/dialect/VitOps.td")
generate(docs/passes.md "\n# Passes\n" -gen-pass-doc "${SOURCE}/passes/Passes.td")
run(text "${VITC}" --manual=cli)
write(docs/cli.md "${text}")
run(text "${VITC}" --manual=families)
write_section(README.md families "${text}")
run(text "${VITC}" --manual=cmake)
write(cmake/VitcOptions.cmake "${text}")
