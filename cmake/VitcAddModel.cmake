# vitc_add_model(<name> SOURCE <checkpoint directory or .mlir file>
#                [DTYPE f16|bf16] [GPU <rtx4090, ...>] [MAX_BATCH <n>] [OUTPUTS <name>...]
#                [EMBED_WEIGHTS] [FLAGS <flag of vitc build>...])
# Static library <name> with header <name>.h, compiled by vitc when its source changes; brings
# vit::runtime along. The library needs the weights at run time unless they are embedded.
function(vitc_add_model name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "EMBED_WEIGHTS" "SOURCE;DTYPE;GPU;MAX_BATCH" "OUTPUTS;FLAGS")
  if(NOT arg_SOURCE OR arg_UNPARSED_ARGUMENTS OR arg_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR "vitc_add_model(${name}): expected SOURCE <directory or file> [DTYPE] [GPU] "
      "[MAX_BATCH] [OUTPUTS] [EMBED_WEIGHTS] [FLAGS], got '${ARGN}'")
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
  foreach(keyword IN ITEMS DTYPE GPU MAX_BATCH)
    if(DEFINED arg_${keyword})
      string(TOLOWER "--${keyword}" flag)
      string(REPLACE "_" "-" flag "${flag}")
      list(APPEND flags "${flag}" "${arg_${keyword}}")
    endif()
  endforeach()
  if(arg_OUTPUTS)
    list(JOIN arg_OUTPUTS "," outputs)
    list(APPEND flags --outputs "${outputs}")
  endif()
  if(arg_EMBED_WEIGHTS)
    list(APPEND flags --embed-weights)
  endif()

  set(out "${CMAKE_CURRENT_BINARY_DIR}/${name}.vitc")
  set(files "${out}/lib${name}.a" "${out}/${name}.h" "${out}/${name}.report.json")
  add_custom_command(
    OUTPUT ${files}
    COMMAND vitc::vitc build "${source}" -o "${out}" --name "${name}" ${flags} ${arg_FLAGS}
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
