# What most sources that use MLIR read, compiled once for all of them: parsing these headers is most of
# the time that such a source takes. Sources include what they use all the same. Nothing of our own
# belongs here, for a change of it would compile everything anew; nor do the headers of the gpu, llvm
# and nvvm dialects, which few sources need and which cost more than all others. Named without a path
# of this tree, so that a compiler cache serves every checkout.
set(VITC_MLIR_HEADERS
  <mlir/Dialect/Func/IR/FuncOps.h>
  <mlir/IR/Builders.h>
  <mlir/IR/BuiltinOps.h>
  <mlir/IR/BuiltinTypes.h>
  <mlir/IR/DialectImplementation.h>
  <mlir/IR/IRMapping.h>
  <mlir/IR/OpImplementation.h>
  <mlir/IR/Remarks.h>
  <mlir/IR/SymbolTable.h>
  <mlir/Interfaces/ControlFlowInterfaces.h>
  <mlir/Interfaces/FunctionInterfaces.h>
  <mlir/Interfaces/SideEffectInterfaces.h>
  <mlir/Parser/Parser.h>
  <mlir/Pass/Pass.h>
  <mlir/Pass/PassManager.h>
  <llvm/ADT/MapVector.h>
  <llvm/ADT/StringExtras.h>
  <llvm/ADT/TypeSwitch.h>
  <llvm/Support/Error.h>
  <llvm/Support/FileSystem.h>
  <llvm/Support/FormatVariadic.h>
  <llvm/Support/JSON.h>
  <llvm/Support/MathExtras.h>
  <llvm/Support/Path.h>
  <llvm/Support/SourceMgr.h>
  <llvm/Support/raw_ostream.h>)

# vitc_use_mlir_headers(<target>...): the first of all targets compiles the headers, the others use
# the result. That needs equal flags, so executables are compiled as libraries are: -fPIC after the
# -fPIE that CMake gives them.
function(vitc_use_mlir_headers)
  foreach(target IN LISTS ARGN)
    if(TARGET vit_dialect AND NOT target STREQUAL "vit_dialect")
      target_precompile_headers(${target} REUSE_FROM vit_dialect)
    else()
      target_precompile_headers(${target} PRIVATE ${VITC_MLIR_HEADERS})
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
