//===- Gemm.cpp - Linears with what is fused behind them ------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A tile is some rows of the result by one panel of 32 columns. Panels are the fast dimension of
// the grid, so the rows of the input stay in a near cache while panel after panel passes by.
//
// The sums of a few rows go to scratch memory, which stays in the first-level cache, and from there
// through the epilogue: that costs a store and a load for each sum, after `depth` multiply-adds,
// and the epilogue is a small loop whatever is fused. Several linears of one input, as of a gated
// MLP, are several such pieces of scratch memory.
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Families.h"
#include "codegen/cpu/Product.h"
#include "codegen/cpu/Region.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace vitc::codegen::cpu {

static constexpr int64_t panel = cost::cpuPanel;

static LogicalResult checkWeights(CpuKernel &k, ArrayRef<Operation *> roots) {
  for (Operation *root : roots) {
    auto type = vit::LinearOp(root).getWeight().getType();
    if (type.getRank() != 3 || type.getDimSize(2) != panel)
      return k.error() << "expected a weight in panels of " << panel
                       << " columns, as vit-pack-panels makes it, but got " << type;
    if (type.getElementType().isBF16() && type.getDimSize(1) % 2)
      return k.error() << "expected an even K of bf16, as vit-pad-widths makes it, but got "
                       << type;
  }
  return success();
}

namespace {

/// The rows of one tile: one panel of columns.
class GemmWriter {
public:
  GemmWriter(CpuKernel &k, ArrayRef<Operation *> roots)
      : k(k), roots(roots), first(roots.front()),
        pairs(k.typeOf(first.getInput()).getElementType().isBF16()),
        depth(k.widthOf(first.getInput()) / (pairs ? 2 : 1)),
        columns(k.widthOf(first.getResult())) {}

  void write() {
    int64_t most = cost::cpuProductRows(columns);
    k.grid[0] = {0, 1, static_cast<int64_t>(llvm::divideCeil(columns, panel))};
    k.grid[1] = {vit::rowsPerImage(first.getType()), most, 1};
    k.tile = std::to_string(most) + "x" + std::to_string(panel);
    for (size_t i = 0; i < roots.size(); ++i)
      sums.push_back(k.scratch(together * panel));
    Value all = k.rows(first.getType()), tiles = divideUp(all, most);
    Value begin = beginOf(k.tileY(), all, tiles);
    Value end = k.min(beginOf(k.add(k.tileY(), 1), all, tiles), all);
    k.loop(begin, end, together, [&](Value row) {
      Value count = k.min(k.sub(end, row), k.imm(together));
      writePanel(k.at(k.pointer(first.getInput()), k.mul(row, depth)), row, count, k.tileX());
    });
  }

private:
  Value divideUp(Value a, int64_t b) { return k.div(k.add(a, b - 1), b); }

  /// Of the equal shares that the tiles have of all rows: a last tile of a few rows would take as
  /// long to read its panel as a full one.
  Value beginOf(Value tile, Value all, Value tiles) {
    constexpr int64_t step = cost::cpuRowStep;
    return k.mul(k.div(k.mul(divideUp(all, step), tile), tiles), step);
  }

  /// `count` rows from `row` on of panel `index`.
  void writePanel(Value input, Value row, Value count, Value index) {
    ProductShape shape = {depth, 1, panel, panel, panel};
    shape.pairs = pairs;
    for (auto [root, sum] : llvm::zip_equal(roots, sums)) {
      Value weight = k.pointer(vit::LinearOp(root).getWeight());
      emitProduct(k, shape, input, k.at(weight, k.mul(index, depth * panel)), sum, count,
                  k.imm(depth));
    }
    Value column = k.mul(index, panel);
    Region region(k);
    k.loop(k.imm(0), count, 1, [&](Value i) {
      for (int64_t offset = 0; offset < panel; offset += lanes) {
        Place place = {k.add(row, i), k.add(column, offset)};
        if (columns % panel != 0)
          place.mask = k.lanesBelow(place.column, columns);
        Known known;
        for (auto [root, sum] : llvm::zip_equal(roots, sums))
          known[root->getResult(0)] = k.load(k.at(sum, k.add(k.mul(i, panel), offset)));
        region.store(place, known);
      }
    });
  }

  CpuKernel &k;
  ArrayRef<Operation *> roots;
  vit::LinearOp first; ///< all read its input
  const bool pairs;    ///< of bf16
  const int64_t depth; ///< of the sum, in values or pairs: units of four bytes
  const int64_t columns;
  /// Rows whose sums are in scratch memory: in registers are 12, 6 or 4 at a time.
  static constexpr int64_t together = 3 * cost::cpuRowStep;
  SmallVector<Value> sums; ///< of each linear
};

} // namespace

LogicalResult emitGemm(CpuKernel &k) {
  SmallVector<Operation *> roots = k.kernel.getRoots();
  if (failed(checkWeights(k, roots)))
    return failure();
  GemmWriter(k, roots).write();
  k.finish();
  return success();
}

} // namespace vitc::codegen::cpu
