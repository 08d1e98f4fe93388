//===- Region.h - The fused ops of a kernel ---------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A kernel is a root and elementwise ops around it. The root's family decides which thread holds
// which elements; what happens to them before they are stored, and to operands before the root
// reads them, is the same for every family and written here, in f32:
//
//   Region region(k);
//   Known known{{root->getResult(0), accumulators}};          // two neighbours, say
//   region.store(place, region.results(place, 2, known));     // bias, gelu, residual, ..., yield
//
// Everything an evaluation reads it reads at `place`, which therefore must lie inside the tensors:
// clamp rows and columns before, and drop what was computed twice when storing.
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_NVPTX_KERNELS_REGION_H
#define CODEGEN_NVPTX_KERNELS_REGION_H

#include "codegen/nvptx/kernels/KernelBuilder.h"

#include "llvm/ADT/DenseMap.h"

namespace vitc::codegen {

/// Neighbouring columns of one row of an activation.
struct Place {
  mlir::Value row;    ///< i32, among all rows of the launch: [0, count * rowsPerImage)
  mlir::Value column; ///< i32, the first column is column + delta; a multiple of the vector width
  int64_t delta = 0;  ///< becomes an immediate offset where `row` and `column` are shared
  mlir::Value token;  ///< row % rowsPerImage if it is at hand, else null
  /// Mean (null: 0) and reciprocal deviation of the row as `normalize` sees it, if they are at
  /// hand.
  mlir::Value mean = {}, factor = {};
  mlir::Value moments = {}; ///< the argument that they come from
};

/// f32 values of neighbouring columns, by the value in the kernel they belong to.
using Known = llvm::SmallDenseMap<mlir::Value, llvm::SmallVector<mlir::Value>, 8>;

class Region {
public:
  explicit Region(KernelBuilder &k) : k(k) {}

  /// The f32 values of `value` in `count` columns from `place`. `count` is a power of two, at most
  /// 8, that divides the width of `value`. `value` is an argument of the kernel, the result of an
  /// elementwise op, or known. What is computed is added to `known`, which is of this place only: a
  /// value used twice is computed once.
  llvm::SmallVector<mlir::Value> evaluate(mlir::Value value, const Place &place, unsigned count,
                                          Known &known);

  /// evaluate() of every yielded value.
  llvm::SmallVector<llvm::SmallVector<mlir::Value>> results(const Place &place, unsigned count,
                                                            Known &known);
  /// Rounds and stores them, each to its own result.
  void store(const Place &place, llvm::ArrayRef<llvm::SmallVector<mlir::Value>> values);
  void store(unsigned result, const Place &place, llvm::ArrayRef<mlir::Value> values);

  /// How many arguments the fused ops read row by row: all but the root's own operands, moments and
  /// vectors over columns. Each keeps addresses in registers.
  unsigned rowOperands();

private:
  llvm::SmallVector<mlir::Value>
  compute(vit::ElementwiseInterface op, const Place &place,
          llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value)> operand);
  llvm::SmallVector<mlir::Value> rotate(vit::RopeOp op, const Place &place,
                                        const llvm::SmallVector<mlir::Value> &values);
  llvm::SmallVector<mlir::Value> makeMoments(vit::MomentsOp op, const Place &place, unsigned count);
  llvm::SmallVector<mlir::Value> normalize(vit::NormalizeOp op, const Place &place,
                                           const llvm::SmallVector<mlir::Value> &values,
                                           const llvm::SmallVector<mlir::Value> &sums);
  llvm::SmallVector<mlir::Value> load(mlir::Value argument, const Place &place, unsigned count);
  mlir::Value address(mlir::Value pointer, mlir::RankedTensorType type, const Place &place);

  KernelBuilder &k;
};

/// Where a thread's vector is: its row, its first column, its number among those of all rows.
using VectorBody = llvm::function_ref<void(mlir::Value row, mlir::Value column, mlir::Value index)>;
/// Has the threads take the vectors of all rows of a tensor of type `type`, as `geometry` says.
void overVectors(KernelBuilder &k, mlir::RankedTensorType type,
                 const cost::VectorGeometry &geometry, VectorBody body);

/// The functions themselves, on one f32 value.
mlir::Value emitGelu(PtxBuilder &b, vit::GeluForm form, mlir::Value x);
mlir::Value emitSilu(PtxBuilder &b, mlir::Value x);    ///< x / (1 + e^-x)
mlir::Value emitSigmoid(PtxBuilder &b, mlir::Value x); ///< 1 / (1 + e^-x)

/// The sum of one value or more, in pairs: the order depends on how many there are alone.
mlir::Value emitSum(PtxBuilder &b, PtxBuilder::Values values);
/// 1 / sqrt(squares / columns + eps); NaN where the squares leave f32: of infinity it would be 0,
/// and a row finite and wrong.
mlir::Value emitReciprocalDeviation(PtxBuilder &b, mlir::Value squares, int64_t columns,
                                    double eps);

} // namespace vitc::codegen

#endif // CODEGEN_NVPTX_KERNELS_REGION_H
