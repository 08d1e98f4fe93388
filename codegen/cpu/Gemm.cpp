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

LogicalResult emitGemm(CpuKernel &k) {
  SmallVector<Operation *> roots = k.kernel.getRoots();
  if (failed(checkWeights(k, roots)))
    return failure();
  vit::LinearOp first(roots.front());
  int64_t depth = k.widthOf(first.getInput()), columns = k.widthOf(first.getResult());
  int64_t tileRows = cost::cpuProductRows(depth), together = 3 * cost::microRows(k.form.cpu);
  auto panels = static_cast<int64_t>(llvm::divideCeil(columns, panel));
  k.grid[0] = {0, 1, panels};
  k.grid[1] = {vit::rowsPerImage(first.getType()), tileRows, 1};

  SmallVector<Value> sums;
  for (size_t i = 0; i < roots.size(); ++i)
    sums.push_back(k.scratch(together * panel));
  Value begin = k.mul(k.tileY(), tileRows);
  Value end = k.min(k.add(begin, tileRows), k.rows(first.getType()));
  Value column = k.mul(k.tileX(), panel);
  ProductShape shape = {depth, 1, panel, panel, panel};
  Region region(k);
  k.loop(begin, end, together, [&](Value row) {
    Value count = k.min(k.sub(end, row), k.imm(together));
    for (auto [root, sum] : llvm::zip_equal(roots, sums)) {
      vit::LinearOp linear(root);
      emitProduct(k, shape, k.at(k.pointer(linear.getInput()), k.mul(row, depth)),
                  k.at(k.pointer(linear.getWeight()), k.mul(k.tileX(), depth * panel)), sum, count,
                  k.imm(depth));
    }
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
  });
  k.finish();
  return success();
}

} // namespace vitc::codegen::cpu
