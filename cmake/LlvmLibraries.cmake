# vit_llvm: LLVM and MLIR for what links our libraries. Programs of this build take Debian's two shared
# libraries. A target with the property VITC_CARRIES_LLVM takes archives instead, for a machine that has no LLVM;
# the linker keeps the members that are needed. Archives of Debian name the shared library as what they need, so
# their order is not known, and all are searched until nothing is missing.

# vitc_archives_of(<result> <library>...): the files of those that are archives of LLVM or MLIR.
function(vitc_archives_of result)
  set(files "")
  foreach(library IN LISTS ARGN)
    if(NOT TARGET ${library} OR NOT library MATCHES "^(LLVM|MLIR).+" OR library MATCHES "^(LLVMBOLT|LLVMExegesis)")
      continue()
    endif()
    get_target_property(type ${library} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
      list(APPEND files "$<TARGET_FILE:${library}>")
    endif()
  endforeach()
  set(${result} "${files}" PARENT_SCOPE)
endfunction()
vitc_archives_of(carried ${LLVM_AVAILABLE_LIBS} ${MLIR_EXPORTED_TARGETS})

# Of Debian's compression libraries the archives, too. (Z3, which LLVM's Support names, only serves the static analyzer.)
find_library(VITC_ZSTD_ARCHIVE libzstd.a)
find_library(VITC_ZLIB_ARCHIVE libz.a)
list(APPEND carried "${VITC_ZSTD_ARCHIVE}" "${VITC_ZLIB_ARCHIVE}")

add_library(vit_llvm INTERFACE)
set(carries "$<BOOL:$<TARGET_PROPERTY:VITC_CARRIES_LLVM>>")
list(JOIN carried "," group)
target_link_libraries(vit_llvm INTERFACE "$<$<NOT:${carries}>:MLIR;LLVM>"
  "$<${carries}:$<LINK_GROUP:RESCAN,${group}>>")
