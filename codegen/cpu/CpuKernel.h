//===- CpuKernel.h - The builder inside one kernel --------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Writes one llvm.func: a vit.kernel as a vit_cpu_function of one form. Its `args` are a pointer
// for each argument of the kernel, then for each result, then `count`: rows if all activations have
// rank 2, else images. In front of `count` kernels for images of any size have the number of
// patches of one, and in front of that patchify has their height and width.
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_CPU_CPUKERNEL_H
#define CODEGEN_CPU_CPUKERNEL_H

#include "codegen/cpu/CpuBuilder.h"
#include "dialect/VitOps.h"
#include "passes/cost/Cpu.h"
#include "passes/cost/Geometry.h"
#include "vit/library.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace vitc::codegen::cpu {

/// A form that code is written for.
struct Form {
  vit_isa isa;
  llvm::StringLiteral name;     ///< "avx2", of --isa and of functions
  llvm::StringLiteral machine;  ///< LLVM's name of processors that have it
  llvm::StringLiteral features; ///< beyond those
  cost::Cpu cpu;
};
extern const Form avx2, avx512, avx512vnni, avx512bf16;
const Form &formOf(vit_isa isa);

class CpuKernel : public CpuBuilder {
public:
  /// Creates the function `name` in `module`; everything written goes to its entry.
  CpuKernel(vit::KernelOp kernel, mlir::ModuleOp module, const Form &form, llvm::StringRef name);

  vit::KernelOp kernel;
  mlir::ModuleOp module;
  const Form &form;
  mlir::LLVM::LLVMFuncOp function;

  mlir::Operation *root() { return kernel.getRoot(); }
  static mlir::RankedTensorType typeOf(Value value) {
    return llvm::cast<mlir::RankedTensorType>(value.getType());
  }
  static int64_t widthOf(Value value) { return typeOf(value).getShape().back(); }

  Value pointer(Value argument); ///< of an argument of the kernel
  Value resultPointer(unsigned i);
  mlir::RankedTensorType resultType(unsigned i);
  unsigned numResults() { return kernel.getYield().getNumOperands(); }
  Value count() { return parameters.back(); }
  /// Images may be of any size: a number of tokens then is a value.
  bool anySize() { return kernel.getTokens().has_value(); }
  /// Those that a number in a type stands for: see vit::tokenCountOf.
  Value tokens(int64_t number);
  Value tokensOf(mlir::RankedTensorType type) { return tokens(vit::rowsPerImage(type)); }
  Value imageHeight(); ///< of any size, in pixels
  Value imageWidth();
  /// Rows of an activation: count * rowsPerImage.
  Value rows(mlir::RankedTensorType type) { return mul(count(), tokensOf(type)); }
  Value tileX() { return x; }
  Value tileY() { return y; }

  /// A piece of the thread's scratch memory for `values` f32 values.
  Value scratch(int64_t values);
  int64_t scratchBytes() const { return scratchEnd; }

  /// The grid in which the function computes tile (x, y), and what that is, for people.
  cost::Extent grid[2];
  std::string tile;

  mlir::InFlightDiagnostic error();
  /// Ends the function.
  void finish();

private:
  Value x, y, scratchPointer;
  Values parameters;
  int64_t scratchEnd = 0;
};

/// The attributes of a function of this form, and a builder at the start of its body.
mlir::LLVM::LLVMFuncOp createFunction(mlir::ImplicitLocOpBuilder &builder, mlir::ModuleOp module,
                                      llvm::StringRef name, llvm::ArrayRef<mlir::Type> parameters,
                                      const Form &form, mlir::Block *&entry);

} // namespace vitc::codegen::cpu

#endif // CODEGEN_CPU_CPUKERNEL_H
