# vitc_add_model(<name> SOURCE <checkpoint directory or .mlir file> [EMBED_WEIGHTS]
#                [DTYPE f16|bf16] [GPU <rtx4090, ...>] [MAX_BATCH <n>] [OUTPUTS <name>...]
#                [<OPTION> [<value>...]]... [FLAGS <flag of vitc build>...])
# An OPTION is one of VitcOptions.cmake: one of docs/cli.md in capital letters, MAX_BATCH of --max-batch.
# Static library <name> with header <name>.h, compiled by vitc when its source changes; brings
# vit::runtime along. The library needs the weights at run time unless they are embedded.
function(vitc_add_model name)
  include("${CMAKE_CURRENT_FUNCTION_LIST_DIR}/VitcOptions.cmake")
  cmake_parse_arguments(PARSE_ARGV 1 arg "EMBED_WEIGHTS;${vitc_flag_options}"
    "SOURCE;${vitc_value_options}" "FLAGS;${vitc_list_options}")
  if(NOT arg_SOURCE OR arg_UNPARSED_ARGUMENTS OR arg_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR "vitc_add_model(${name}): expected SOURCE <directory or file> "
      "[EMBED_WEIGHTS] [FLAGS] and options of VitcOptions.cmake, found '${ARGN}'")
  endif()
  cmake_path(ABSOLUTE_PATH arg_SOURCE NORMALIZE OUTPUT_VARIABLE source)
  if(IS_DIRECTORY "${source}")
    # Shapes come from the config; weights are compared with it where they are there.
    file(GLOB inputs CONFIGURE_DEPENDS "${source}/config.json" "${source}/model.safetensors")
  else()
    set(inputs "${source}")
  endif()
  if(NOT inputs)
    message(FATAL_ERROR "vitc_add_model(${name}): there is no config.json in '${source}'")
  endif()

  set(flags "")
  foreach(keyword IN LISTS vitc_value_options vitc_list_options)
    if(DEFINED arg_${keyword})
      string(TOLOWER "--${keyword}" flag)
      string(REPLACE "_" "-" flag "${flag}")
      list(JOIN arg_${keyword} "," value)
      list(APPEND flags "${flag}" "${value}")
    endif()
  endforeach()
  foreach(keyword IN LISTS vitc_flag_options ITEMS EMBED_WEIGHTS)
    if(arg_${keyword})
      string(TOLOWER "--${keyword}" flag)
      string(REPLACE "_" "-" flag "${flag}")
      list(APPEND flags "${flag}")
    endif()
  endforeach()

  set(out "${CMAKE_CURRENT_BINARY_DIR}/${name}.vitc")
  set(files "${out}/lib${name}.a" "${out}/${name}.h" "${out}/${name}.report.json")
  add_custom_command(
    OUTPUT ${files}
    COMMAND vitc::vitc build "${source}" -o "${out}" --name "${name}" --quiet ${flags}
      ${arg_FLAGS}
    DEPENDS ${inputs} vitc::vitc
    COMMENT "vitc ${name}" VERBATIM)
  add_custom_target(${name}.vitc DEPENDS ${files})

  file(MAKE_DIRECTORY "${out}") # an imported target's include directory must exist
  add_library(${name} STATIC IMPORTED GLOBAL)
  set_target_properties(${name} PROPERTIES
    IMPORTED_LOCATION "${out}/lib${name}.a"
    IMPORTED_LINK_INTERFACE_LANGUAGES C
    INTERFACE_INCLUDE_DIRECTORIES "${out}"
    INTERFACE_LINK_LIBRARIES vit::runtime)
  add_dependencies(${name} ${name}.vitc)
endfunction()
