//===- KernelBuilder.h - The builder inside one kernel ----------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Turns a vit.kernel @k into gpu.module @k_module { llvm.func @k }: one global pointer for each
// argument, then for each result, then i32 `count`. A family creates one, writes the body with the
// instructions of PtxBuilder, and ends with finish().
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_KERNELS_KERNELBUILDER_H
#define CODEGEN_KERNELS_KERNELBUILDER_H

#include "codegen/Codegen.h"
#include "codegen/ptx/PtxBuilder.h"

namespace vitc {

class KernelBuilder : public PtxBuilder {
public:
  /// Creates module and function behind `kernel`; everything written goes to the function's entry.
  explicit KernelBuilder(vit::KernelOp kernel);

  vit::KernelOp kernel;
  mlir::gpu::GPUModuleOp module;
  mlir::LLVM::LLVMFuncOp function;

  mlir::Operation *root() { return kernel.getRoot(); }
  template <typename Op> Op rootAs() { return llvm::cast<Op>(kernel.getRoot()); }
  /// The kernel's schedule, or null after an error: none or more than one, or another number of
  /// entries in block and warp than the family has.
  vit::ScheduleAttr schedule(size_t blockEntries, size_t warpEntries);

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

  /// The last parameter: rows if all activations are rank 2, else images.
  Value count();
  /// Rows of an activation: count * rowsPerImage.
  Value rows(mlir::RankedTensorType type) { return mul(count(), vit::rowsPerImage(type)); }

  /// A diagnostic at the kernel that begins with its name.
  mlir::InFlightDiagnostic error();

  /// Ends the function and stores how it is launched. `minBlocks` blocks must fit in one
  /// multiprocessor (0: let ptxas choose). Fails if the device has not that much shared memory.
  mlir::LogicalResult finish(const LaunchShape &launch, unsigned minBlocks = 0);
};

/// The largest power of two up to `most` that divides `width`: how many columns one access can
/// take.
unsigned vectorWidth(int64_t width, unsigned most);

/// Shared memory one block may have on sm_89: 99 KB.
constexpr uint32_t maxSharedPerBlock = 99 * 1024;

} // namespace vitc

#endif // CODEGEN_KERNELS_KERNELBUILDER_H
