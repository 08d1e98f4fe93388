//===- Attention.h - What both forms of attention share ---------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A warp computes 16 query rows of one head, or several times as many. Where the rows are, how they
// get to shared memory, the two products, what is added to scores, and how the result leaves is the
// same whether all keys are there at once (AttentionWholeRow.cpp) or block after block
// (AttentionOnline.cpp).
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_NVPTX_KERNELS_ATTENTION_H
#define CODEGEN_NVPTX_KERNELS_ATTENTION_H

#include "codegen/nvptx/kernels/Region.h"
#include "passes/cost/families/Attention.h"

namespace vitc::codegen {

/// Rows of one operand that are copied to shared memory.
struct AttentionTile {
  unsigned operand;     ///< 0, 1, 2: query, key, value
  mlir::Value first;    ///< member of the sequence; null: 0
  int64_t count;        ///< rows in shared memory
  mlir::Value existing; ///< how many of them exist, the others are zero; null: `surely`
  int64_t surely;       ///< so many do at least
};

class AttentionEmitter {
public:
  explicit AttentionEmitter(KernelBuilder &k)
      : k(k), op(k.rootAs<vit::AttentionOp>()), headDim(op.getHeadDim()),
        plan(cost::attentionGeometry(k.work, k.schedule.attention())),
        storage(k.storageOf(op.getQuery())), scale(op.getScale().convertToDouble()) {}
  virtual ~AttentionEmitter() = default;

  /// Writes the kernel, or says why it cannot be.
  mlir::LogicalResult emit();

protected:
  using Value = mlir::Value;
  using Values = PtxBuilder::Values;

  /// What the block does, once it is known where its threads are.
  virtual void compute() = 0;

  /// From the number of this thread: its sequence, head and rows.
  void locate(Value thread);

  // Shared memory.
  AttentionTile queryTile();
  /// Starts copying this head's columns.
  void copy(const AttentionTile &tile, Value buffer, Value thread);
  /// Which part of its window each key is in; barrier before it is read.
  void writeParts();
  Value queries() { return k.atByte(k.dynamicShared(), {}, plan.queryOffset); }

  // Scores: 4 f32 for every 8 keys, of 16 query rows. `group` says which of the warp's.
  /// What is added to the scores of keys `first`, ... (null: 0), over the scale: the products begin
  /// with it. From there on a row of the bias has at least `columns` columns.
  Values summands(Value first, int64_t tiles, int64_t columns, int64_t group = 0);
  int64_t biasWidth() { return k.work.biased ? k.widthOf(op.getBias()) : 0; }
  /// Takes what separates parts of a window off them.
  void separateParts(Values &sums, Value first, int64_t group = 0);
  /// Adds Q * K^T, unscaled, to the scores of each group.
  void scores(Value keys, llvm::MutableArrayRef<Values> sums);
  /// Whether keys exist, of which `limit` do, or surely `atLeast`. Null if all of a tile do.
  Value isKey(int64_t tile, unsigned element, Value limit, int64_t atLeast);
  /// The score whose scaled exponential is largest, of two; and one that never is.
  Value extreme(Value a, Value b) { return scale < 0 ? k.minF(a, b) : k.maxF(a, b); }
  Value leastScore();
  /// The factor that makes an exponent of two of a score.
  Value exponentFactor();

  /// What product() takes of the probabilities of two keys, as lanes have them: neighbours.
  Values pack(Value first, Value second);
  /// Tiles of keys, of which all are computed, that product() takes: those that fill its steps.
  int64_t tilesOfSteps(int64_t tiles) {
    int64_t ofStep = plan.mma->k / plan.mma->n;
    return (tiles + ofStep - 1) / ofStep * ofStep;
  }
  /// Adds p * V to `sums` of each group, 4 values for every 8 columns; `p` has what pack() gave for
  /// each tile of keys and half of it, zeros behind the last one.
  void product(Value values, llvm::ArrayRef<Values> p, llvm::MutableArrayRef<Values> sums);
  /// 1 / the sum of what the lanes of a row have.
  Value inverseOfSum(Value sum);
  Values noResult() { return Values(plan.mma->sums() * plan.columns / plan.mma->n, k.immF(0.0)); }
  /// Applies the fused ops and stores, two columns at a time.
  void store(const Values &out, llvm::ArrayRef<Value> inverse, int64_t group = 0);

  /// `count` columns from `first` on, of a row whose place has no column yet.
  void storeZeros(Region &region, Place place, int64_t first, int64_t count);

  bool isDynamic() { return op.getAxis() == vit::Axis::Batch; }

  KernelBuilder &k;
  vit::AttentionOp op;
  const int64_t headDim;
  const cost::AttentionGeometry plan;
  const mlir::Type storage;
  const double scale;

  Value warp, lane, quad, pair; // lane; lane / 4: row in the fragment; 2 * (lane % 4): column in it
  Value head, keyCount;         // keyCount is null if it is the constant work.keys
  Value queryLimit;             // query rows of the sequence
  Value blockRow;               // first query row of the block
  Value row;                    // first of this lane's rows in the sequence, `quad` included
  /// The lane's rows of a group, `half` 0 and 1.
  Value rowOf(int64_t group, int64_t half) {
    return k.add(row, plan.mma->m * group + plan.mma->m / 2 * half);
  }

private:
  /// The tiles of V from `tile` on, at most two, in step `step` of the keys: mma's B.
  Values loadValues(Value fragments, int64_t step, int64_t tile);
  /// Refuses what the schedule does not show.
  mlir::LogicalResult check();

  /// Where the rows of one operand, or of the result, are: member r is row first + r * step of the
  /// launch. Those of windows lie in lines of the grid.
  struct Rows {
    Value first;
    int64_t step = 1;
  };
  /// A member's row among all rows of the launch, and its token in the image.
  struct Member {
    Value row, token;
  };
  Member memberOf(const Rows &rows, Value member);
  Rows rowsOf(unsigned operand) { return operand == 0 ? queryRows : keyRows; }
  unsigned copyBytesOf(unsigned operand);
  void copyColumns(const AttentionTile &tile, Value buffer, Value thread, int64_t firstChunk,
                   int64_t chunks);
  Value headColumn(unsigned operand);

  Rows queryRows, keyRows;
  Value windowTop, windowLeft; // the first member's line and column, shifted
  Value lastWindows[2];        // whether the window is in the last row, the last column of them
};

mlir::LogicalResult emitWholeRowAttention(KernelBuilder &k);
mlir::LogicalResult emitOnlineAttention(KernelBuilder &k);

} // namespace vitc::codegen

#endif // CODEGEN_NVPTX_KERNELS_ATTENTION_H
