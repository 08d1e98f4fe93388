# vitc_add_model(<name> SOURCE <checkpoint directory or .mlir file> [EMBED_WEIGHTS]
#                [DTYPE f16|bf16|tf32|f32|i8] [GPU <rtx4090, ...>] [MAX_BATCH <n>] [OUTPUTS <name>...] [TARGET cuda cpu]
#                [<OPTION> [<value>...]]... [FLAGS <flag of vitc build>...])
# An OPTION is one of VitcOptions.cmake: one of docs/cli.md in capital letters, MAX_BATCH of --max-batch.
# Target <name>, a static library compiled by vitc when its source changes, with the header <name>.h; brings
# vit::runtime along. Of a name that is none in C, such as vit-b16, header and functions have '_' for what C
# does not allow, and the target has both names. The library needs the weights at run time unless they are
# embedded. What is wrong with a call, with its values or with the model is an error of configure.
function(vitc_add_model)
  if(ARGC EQUAL 0)
    message(FATAL_ERROR "vitc_add_model(): expected the library's name, found nothing; write "
      "vitc_add_model(b16 SOURCE <directory or .mlir file>)")
  endif()
  set(name "${ARGV0}")
  include("${CMAKE_CURRENT_FUNCTION_LIST_DIR}/VitcOptions.cmake")
  set(switches EMBED_WEIGHTS ${vitc_flag_options})
  set(values SOURCE ${vitc_value_options})
  set(lists FLAGS ${vitc_list_options})
  _vitc_check_name("${name}")
  foreach(i RANGE ${ARGC}) # ARGN would lose the empty ones
    set(word_${i} "${ARGV${i}}")
  endforeach()
  _vitc_check_arguments("${name}" ${ARGC})
  cmake_parse_arguments(PARSE_ARGV 1 arg "${switches}" "${values}" "${lists}")
  string(MAKE_C_IDENTIFIER "${name}" identifier)
  _vitc_find_source("${name}" "${arg_SOURCE}")

  set(flags "")
  foreach(keyword IN LISTS vitc_value_options vitc_list_options)
    if(DEFINED arg_${keyword})
      list(JOIN arg_${keyword} "," value)
      if(keyword MATCHES "^(TUNING|LABELS)$") # a file of the project, as SOURCE is
        cmake_path(ABSOLUTE_PATH value NORMALIZE)
        list(APPEND inputs "${value}")
      endif()
      _vitc_flag_of(${keyword} flag)
      list(APPEND flags "${flag}" "${value}")
    endif()
  endforeach()
  foreach(keyword IN LISTS switches)
    if(arg_${keyword})
      _vitc_flag_of(${keyword} flag)
      list(APPEND flags "${flag}")
    endif()
  endforeach()

  set(out "${CMAKE_CURRENT_BINARY_DIR}/${identifier}.vitc")
  set(command build "${source}" -o "${out}" --name "${identifier}" --quiet ${flags} ${arg_FLAGS})
  _vitc_try("${name}" ${command})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${inputs}) # to try again

  set(files "${out}/lib${identifier}.a" "${out}/${identifier}.h" "${out}/${identifier}.report.json")
  add_custom_command(
    OUTPUT ${files}
    COMMAND vitc::vitc ${command}
    DEPENDS ${inputs} vitc::vitc
    COMMENT "vitc ${name}" VERBATIM)
  add_custom_target(${identifier}.vitc DEPENDS ${files})

  file(MAKE_DIRECTORY "${out}") # an imported target's include directory must exist
  add_library(${name} STATIC IMPORTED GLOBAL)
  set_target_properties(${name} PROPERTIES
    IMPORTED_LOCATION "${out}/lib${identifier}.a"
    IMPORTED_LINK_INTERFACE_LANGUAGES C
    INTERFACE_INCLUDE_DIRECTORIES "${out}"
    INTERFACE_LINK_LIBRARIES vit::runtime)
  add_dependencies(${name} ${identifier}.vitc)
  if(NOT name STREQUAL identifier)
    add_library(${identifier} ALIAS ${name})
    message(STATUS "vitc_add_model(${name}): '${name}' is no name in C; the header is ${identifier}.h and "
      "the library ${identifier}_library(), the target is ${name} or ${identifier}")
  endif()
endfunction()

# Ends configure with what is wrong with a call and what to write.
function(_vitc_refuse name)
  set(text "")
  math(EXPR last "${ARGC}-1")
  foreach(i RANGE 1 ${last}) # a ';' in a text would be lost in a list
    string(APPEND text "${ARGV${i}}")
  endforeach()
  message(FATAL_ERROR "vitc_add_model(${name}): ${text}")
endfunction()

# --max-batch of MAX_BATCH.
function(_vitc_flag_of keyword result)
  string(TOLOWER "--${keyword}" flag)
  string(REPLACE "_" "-" flag "${flag}")
  set(${result} "${flag}" PARENT_SCOPE)
endfunction()

# A name for a target and, after '_' took the place of what C does not allow, for C.
function(_vitc_check_name name)
  string(MAKE_C_IDENTIFIER "${name}" identifier)
  if(name IN_LIST switches OR name IN_LIST values OR name IN_LIST lists)
    _vitc_refuse("${name}" "expected the library's name first, found the keyword ${name}; write "
      "vitc_add_model(b16 SOURCE <directory or .mlir file>)")
  elseif(NOT name MATCHES "^[A-Za-z0-9_.+-]+$")
    _vitc_refuse("${name}" "expected a name of letters, digits, '_', '-', '.' and '+', found '${name}'; "
      "write vitc_add_model(${identifier} ...)")
  elseif(name MATCHES "^(all|clean|depend|edit_cache|help|install|package|package_source|preinstall|rebuild_cache|test|ALL_BUILD|INSTALL|PACKAGE|RUN_TESTS|ZERO_CHECK)$")
    _vitc_refuse("${name}" "CMake has a target of this name itself; write another, such as ${name}_model")
  endif()
  foreach(target IN ITEMS "${name}" "${identifier}" "${identifier}.vitc")
    if(TARGET "${target}")
      _vitc_refuse("${name}" "there is a target '${target}' already; write another name, such as "
        "${identifier}_2")
    endif()
  endforeach()
endfunction()

# Keywords that are not known, stand twice or have no value. cmake_parse_arguments would take the last of
# two, and would not tell an empty value from none. The arguments are word_1 and so on of the caller.
function(_vitc_check_arguments name count)
  set(keywords ${switches} ${values} ${lists})
  set(seen "")
  set(kind "") # of the keyword before: what may follow it
  set(last "")
  foreach(i RANGE 1 ${count})
    if(i EQUAL count) # the range has one too many
      break()
    endif()
    set(word "${word_${i}}")
    if(word IN_LIST keywords)
      if(word IN_LIST seen)
        _vitc_refuse("${name}" "expected ${word} once, found it twice; leave one out")
      elseif(kind STREQUAL "value" OR kind STREQUAL "first")
        _vitc_refuse("${name}" "expected a value after ${last}, found ${word}; write ${last} <value>, or leave "
          "${last} out (is a variable empty?)")
      endif()
      list(APPEND seen "${word}")
      set(last "${word}")
      set(kind "none")
      if(word IN_LIST values)
        set(kind "value")
      elseif(word IN_LIST lists)
        set(kind "first")
      endif()
    elseif(kind STREQUAL "" OR kind STREQUAL "none")
      _vitc_refuse_keyword("${name}" "${word}" ${keywords})
    else()
      if(word STREQUAL "")
        _vitc_refuse("${name}" "expected a value after ${last}, found ''; write ${last} <value>, or leave "
          "${last} out (is a variable empty?)")
      endif()
      if(kind STREQUAL "value")
        set(kind "none")
      else()
        set(kind "more")
        if(NOT last STREQUAL "FLAGS")
          _vitc_refuse_misspelt("${name}" "${word}" ${keywords})
        endif()
      endif()
    endif()
  endforeach()
  if(kind STREQUAL "value" OR kind STREQUAL "first")
    _vitc_refuse("${name}" "expected a value after ${last}, found nothing; write ${last} <value>, or leave "
      "${last} out (is a variable empty?)")
  endif()
  if(NOT "SOURCE" IN_LIST seen)
    _vitc_refuse("${name}" "expected SOURCE, found none; write vitc_add_model(${name} SOURCE <directory of a "
      "checkpoint, or .mlir file>)")
  endif()
endfunction()

# The keyword that `word` may have been meant to be: the same letters, or all but the last few.
function(_vitc_nearest word result)
  string(TOUPPER "${word}" plain)
  string(REGEX REPLACE "[^A-Z0-9]" "" plain "${plain}")
  foreach(keyword IN LISTS ARGN)
    string(REPLACE "_" "" other "${keyword}")
    string(LENGTH "${plain}" length)
    set(start "${plain}")
    if(length GREATER 5)
      math(EXPR length "${length}-2")
      string(SUBSTRING "${plain}" 0 ${length} start)
    endif()
    if(other STREQUAL plain OR (length GREATER 3 AND (other MATCHES "^${start}" OR plain MATCHES "^${other}")))
      set(${result} "${keyword}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  set(${result} "" PARENT_SCOPE)
endfunction()

function(_vitc_refuse_keyword name word)
  _vitc_nearest("${word}" nearest ${ARGN})
  if(nearest)
    _vitc_refuse("${name}" "unknown argument '${word}'; did you mean ${nearest}?")
  endif()
  list(SORT ARGN)
  list(JOIN ARGN ", " known)
  _vitc_refuse("${name}" "unknown argument '${word}'; expected one of ${known}")
endfunction()

# A misspelt keyword after a list would be one more value of it.
function(_vitc_refuse_misspelt name word)
  _vitc_nearest("${word}" nearest ${ARGN})
  if(nearest AND word MATCHES "^[A-Z][A-Z_-]+$")
    _vitc_refuse("${name}" "unknown argument '${word}'; did you mean ${nearest}?")
  endif()
endfunction()

# Sets `source`, and `inputs`, what is read of it as far as a look at it can tell: vitc knows better, where it is
# there to be asked. It also says what a model can be read from.
function(_vitc_find_source name given)
  cmake_path(ABSOLUTE_PATH given NORMALIZE OUTPUT_VARIABLE source)
  if(NOT EXISTS "${source}")
    _vitc_refuse("${name}" "expected SOURCE to be the directory of a checkpoint or a .mlir file, found nothing at "
      "'${source}'; a relative path begins at ${CMAKE_CURRENT_SOURCE_DIR}")
  endif()
  set(inputs "${source}")
  if(IS_DIRECTORY "${source}") # of which files come and go
    file(GLOB inputs CONFIGURE_DEPENDS "${source}/*.json" "${source}/*.safetensors")
  endif()
  set(source "${source}" PARENT_SCOPE)
  set(inputs "${inputs}" PARENT_SCOPE)
endfunction()

# Asks vitc, without compiling anything, what is wrong with the values and with the model, and sets `inputs` to
# the files that it reads, shards and files given in FLAGS among them. A vitc that this project builds itself is not
# there yet: then files among FLAGS are added.
function(_vitc_try name)
  get_target_property(imported vitc::vitc IMPORTED)
  if(NOT imported)
    foreach(flag IN LISTS arg_FLAGS)
      string(REGEX REPLACE "^--[a-z-]+=" "" flag "${flag}")
      cmake_path(ABSOLUTE_PATH flag BASE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}" NORMALIZE)
      if(EXISTS "${flag}" AND NOT IS_DIRECTORY "${flag}")
        list(APPEND inputs "${flag}")
      endif()
    endforeach()
    set(inputs "${inputs}" PARENT_SCOPE)
    return()
  endif()
  get_target_property(vitc vitc::vitc IMPORTED_LOCATION)
  execute_process(COMMAND "${vitc}" ${ARGN} --dry-run --print-inputs
    WORKING_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}"
    RESULT_VARIABLE code OUTPUT_VARIABLE files ERROR_VARIABLE text)
  if(code STREQUAL "0")
    set(inputs "")
    string(REGEX MATCHALL "[^\n]+" files "${files}")
    foreach(file IN LISTS files)
      cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}" NORMALIZE)
      list(APPEND inputs "${file}")
    endforeach()
    set(inputs "${inputs}" PARENT_SCOPE)
    return()
  endif()
  string(STRIP "${text}" text)
  if(text STREQUAL "")
    set(text "'${vitc}' ended with ${code}; is it an executable of this machine?")
  endif()
  string(REGEX REPLACE "; see vitc build --help$" "" text "${text}")
  string(REGEX REPLACE "^vitc: " "" text "${text}")
  foreach(keyword IN LISTS values lists switches)
    _vitc_flag_of(${keyword} flag)
    string(REGEX REPLACE "(^|[ '\"])${flag}($|[ :='\";,])" "\\1${keyword}\\2" text "${text}")
  endforeach()
  _vitc_refuse("${name}" "${text}")
endfunction()
