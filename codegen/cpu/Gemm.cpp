//===- Gemm.cpp - Linears with what is fused behind them ------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// A tile is some rows of the result by one panel of 32 columns. Panels are the fast dimension of
// the grid, so the rows of the input stay in a thread's cache while panel after panel passes by.
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
  }
  return success();
}

namespace {

/// The rows and panels of one tile.
class GemmWriter {
public:
  GemmWriter(CpuKernel &k, ArrayRef<Operation *> roots)
      : k(k), roots(roots), first(roots.front()), depth(k.widthOf(first.getInput())),
        columns(k.widthOf(first.getResult())), together(3 * k.form.cpu.microRows),
        collide(cost::cpuRowsCollide(depth)) {}

  void write() {
    int64_t tileRows = cost::cpuProductRows(depth), tilePanels = collide ? cost::cpuCopyPanels : 1;
    auto panels = static_cast<int64_t>(llvm::divideCeil(columns, panel));
    k.grid[0] = {0, 1, static_cast<int64_t>(llvm::divideCeil(panels, tilePanels))};
    k.grid[1] = {vit::rowsPerImage(first.getType()), tileRows, 1};
    for (size_t i = 0; i < roots.size(); ++i)
      sums.push_back(k.scratch(together * panel));
    if (collide)
      copied = k.scratch(together * (depth + lanes));
    Value begin = k.mul(k.tileY(), tileRows);
    Value end = k.min(k.add(begin, tileRows), k.rows(first.getType()));
    k.loop(begin, end, together, [&](Value row) {
      Value count = k.min(k.sub(end, row), k.imm(together));
      Value input = k.at(k.pointer(first.getInput()), k.mul(row, depth));
      if (!collide)
        return writePanel(input, row, count, k.tileX());
      copyApart(input, count);
      Value firstPanel = k.mul(k.tileX(), tilePanels);
      k.loop(firstPanel, k.min(k.add(firstPanel, tilePanels), k.imm(panels)), 1,
             [&](Value index) { writePanel(copied, row, count, index); });
    });
  }

private:
  /// Rows that begin a line further each.
  void copyApart(Value input, Value count) {
    k.loop(k.imm(0), count, 1, [&](Value i) {
      Value from = k.at(input, k.mul(i, depth)), to = k.at(copied, k.mul(i, depth + lanes));
      k.overColumns(depth, [&](Value column, Value mask) {
        k.store(k.load(k.at(from, column), mask), k.at(to, column), mask);
      });
    });
  }

  /// `count` rows from `row` on of panel `index`.
  void writePanel(Value input, Value row, Value count, Value index) {
    ProductShape shape = {collide ? depth + lanes : depth, 1, panel, panel, panel};
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
  const int64_t depth, columns;
  const int64_t together; ///< rows whose sums are in scratch memory
  const bool collide;
  SmallVector<Value> sums; ///< of each linear
  Value copied;
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
