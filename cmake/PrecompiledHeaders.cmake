# vitc_use_mlir_headers(<target>...): compiles MlirHeaders.h once, with the first of all targets, and
# has the others use the result. That needs equal flags, so executables are compiled as libraries
# are: -fPIC after the -fPIE that CMake gives them.
function(vitc_use_mlir_headers)
  foreach(target IN LISTS ARGN)
    if(TARGET vit_dialect AND NOT target STREQUAL "vit_dialect")
      target_precompile_headers(${target} REUSE_FROM vit_dialect)
    else()
      target_precompile_headers(${target} PRIVATE "${PROJECT_SOURCE_DIR}/cmake/MlirHeaders.h")
    endif()
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
      # More false alarms in std::string (GCC 105651): headers of a system that are precompiled are
      # no longer known as such.
      target_compile_options(${target} PRIVATE -Wno-stringop-overflow -Wno-array-bounds)
    endif()
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "EXECUTABLE")
      target_compile_options(${target} PRIVATE -fPIC)
    endif()
  endforeach()
endfunction()
