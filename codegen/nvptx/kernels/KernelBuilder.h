//===- KernelBuilder.h - The builder inside one kernel ----------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Writes one llvm.func into gpu.module @k_module of a vit.kernel @k: the kernel as one of its
// schedules has it. Parameters: a global pointer for each argument, then for each result, then for
// scratch memory and counters if K is split, then, if the kernel is for images of any size, i32 for
// height and width of an image if it is read, and for the patches of an image, then i32 `count`. A
// family writes the body with the instructions of PtxBuilder and ends with finish().
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_NVPTX_KERNELS_KERNELBUILDER_H
#define CODEGEN_NVPTX_KERNELS_KERNELBUILDER_H

#include "codegen/nvptx/Codegen.h"
#include "codegen/nvptx/ptx/PtxBuilder.h"
#include "passes/CostBridge.h"

namespace vitc::codegen {

class KernelBuilder : public PtxBuilder {
public:
  /// Creates the function `name` in the kernel's module, and that behind the kernel if it is not
  /// there yet; everything written goes to the function's entry.
  KernelBuilder(vit::KernelOp kernel, vit::ScheduleAttr schedule, llvm::StringRef name);

  vit::KernelOp kernel;
  mlir::Operation *module;            ///< the gpu.module
  mlir::FunctionOpInterface function; ///< the llvm.func
  /// What passes/cost knows of the kernel; geometries follow from both.
  const cost::Work work;
  const cost::Schedule schedule;

  mlir::Operation *root() { return kernel.getRoot(); }
  template <typename Op> Op rootAs() { return llvm::cast<Op>(kernel.getRoot()); }
  /// The largest batch that is run with the schedule.
  int64_t lastBatch() { return attribute.getMaxBatch(); }

  /// Types of what is stored.
  static mlir::RankedTensorType typeOf(Value value) {
    return llvm::cast<mlir::RankedTensorType>(value.getType());
  }
  static Type storageOf(Value value) { return typeOf(value).getElementType(); }
  /// Size of the last dimension.
  static int64_t widthOf(Value value) { return typeOf(value).getShape().back(); }

  /// The pointer of an argument of the kernel, 16-byte aligned and only read. `value` must be one.
  Value pointer(Value value);
  /// The pointer of the i-th yielded value, only written; and its type.
  Value resultPointer(unsigned i);
  mlir::RankedTensorType resultType(unsigned i);
  unsigned numResults() { return kernel.getYield().getNumOperands(); }

  /// Memory that blocks leave f32 sums in for each other, 16-byte aligned, and an i32 for each tile
  /// of the result, 0 before and after each launch. Only where K is split.
  Value scratch();
  Value counters();

  /// The last parameter: rows if all activations are rank 2, else images.
  Value count();
  /// Whether what depends on the size of an image is a parameter.
  bool anySize() { return kernel.getTokens().has_value(); }
  /// A number of tokens, as a type has it: a constant, or made of the parameter.
  Value tokens(int64_t number);
  Value tokensOf(mlir::RankedTensorType type) { return tokens(vit::rowsPerImage(type)); }
  /// The size of an image in pixels, of a kernel that reads images of any size.
  Value imageHeight(), imageWidth();
  /// Rows of an activation: count * rowsPerImage.
  Value rows(mlir::RankedTensorType type) { return mul(count(), tokensOf(type)); }

  /// A diagnostic at the kernel that begins with its name.
  mlir::InFlightDiagnostic error();

  /// Ends the function and stores how it is launched. The schedule's bound on registers, if there
  /// is one, replaces the demand for blocks.
  mlir::LogicalResult finish(const cost::Geometry &geometry);

private:
  vit::ScheduleAttr attribute;
};

} // namespace vitc::codegen

#endif // CODEGEN_NVPTX_KERNELS_KERNELBUILDER_H
