//===- ModelFunction.h - Which function is the model ------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DIALECT_MODELFUNCTION_H
#define DIALECT_MODELFUNCTION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <optional>

namespace vitc::vit {

/// The name of the function that does the arithmetic on weights.
inline constexpr llvm::StringLiteral prepareName = "prepare";

/// The functions of `module` that are models: all of one block but @prepare.
llvm::SmallVector<mlir::func::FuncOp> modelFunctions(mlir::ModuleOp module);

/// Of a function that is a model for images of any size: see anySizeName.
struct AnySize {
  int64_t maxTokens; ///< patches of an image
  int64_t patch[2];  ///< height and width, in pixels
};
std::optional<AnySize> anySizeOf(mlir::Operation *function);
/// That of the module's model.
std::optional<AnySize> anySizeOf(mlir::ModuleOp module);

/// The only one, or an error that says what was found.
llvm::Expected<mlir::func::FuncOp> findModel(mlir::ModuleOp module);

} // namespace vitc::vit

#endif // DIALECT_MODELFUNCTION_H
