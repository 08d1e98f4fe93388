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
//
// Sums of i8 are whole numbers, of which the epilogue makes f32 before all else: the row's zero
// times the sum of the column's steps is what they are too much, and the two scales what they
// count.
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Families.h"
#include "codegen/cpu/Product.h"
#include "codegen/cpu/Region.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace vitc::codegen::cpu {

static constexpr int64_t panel = cost::cpuPanel;

/// Sums of products of an u8 and a step of -127 to 127 stay in i32.
static constexpr int64_t mostDepth = (int64_t(1) << 31) / (255 * 127);

static LogicalResult checkWeights(CpuKernel &k, ArrayRef<Operation *> roots) {
  for (Operation *root : roots) {
    auto type = vit::LinearOp(root).getWeight().getType();
    if (type.getRank() != 3 || type.getDimSize(2) != panel)
      return k.error() << "expected a weight in panels of " << panel
                       << " columns, as vit-pack-panels makes it, but got " << type;
    if (type.getElementType().isBF16() && type.getDimSize(1) % 2)
      return k.error() << "expected an even K of bf16, as vit-pad-widths makes it, but got "
                       << type;
    if (type.getElementType().isInteger(8) && type.getDimSize(1) > mostDepth)
      return k.error() << "expected a K of i8 of " << mostDepth
                       << " at most, for the sum is i32, but got " << type;
  }
  return success();
}

/// What a product reads of values of this type.
static cost::CpuProducts productsOf(Type element) {
  if (element.isInteger(8))
    return cost::CpuProducts::I8;
  return element.isBF16() ? cost::CpuProducts::Bf16 : cost::CpuProducts::F32;
}

/// Values in each unit of four bytes.
static int64_t valuesOfUnit(cost::CpuProducts products) {
  switch (products) {
  case cost::CpuProducts::F32:
    return 1;
  case cost::CpuProducts::Bf16:
    return 2;
  case cost::CpuProducts::I8:
    return 4;
  }
  llvm_unreachable("all types are above");
}

namespace {

/// The rows of one tile: one panel of columns.
class GemmWriter {
public:
  GemmWriter(CpuKernel &k, ArrayRef<Operation *> roots)
      : k(k), roots(roots), first(roots.front()),
        products(productsOf(k.typeOf(first.getInput()).getElementType())),
        stride(k.widthOf(first.getInput()) / valuesOfUnit(products)),
        depth(products == cost::CpuProducts::I8 ? stride - 2 : stride),
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
      writePanel(k.at(k.pointer(first.getInput()), k.mul(row, stride)), row, count, k.tileX());
    });
  }

private:
  using Values = CpuBuilder::Values;

  Value divideUp(Value a, int64_t b) { return k.div(k.add(a, b - 1), b); }

  /// Of the equal shares that the tiles have of all rows: a last tile of a few rows would take as
  /// long to read its panel as a full one.
  Value beginOf(Value tile, Value all, Value tiles) {
    constexpr int64_t step = cost::cpuRowStep;
    return k.mul(k.div(k.mul(divideUp(all, step), tile), tiles), step);
  }

  /// `count` rows from `row` on of panel `index`.
  void writePanel(Value input, Value row, Value count, Value index) {
    ProductShape shape = {stride, 1, panel, panel, panel};
    shape.products = products;
    Values weights;
    for (auto [root, sum] : llvm::zip_equal(roots, sums)) {
      Value weight = k.pointer(vit::LinearOp(root).getWeight());
      weights.push_back(k.at(weight, k.mul(index, stride * panel)));
      emitProduct(k, shape, input, weights.back(), sum, count, k.imm(depth));
    }
    Value column = k.mul(index, panel);
    Region region(k);
    k.loop(k.imm(0), count, 1, [&](Value i) {
      for (int64_t offset = 0; offset < panel; offset += lanes) {
        Place place = {k.add(row, i), k.add(column, offset)};
        if (columns % panel != 0)
          place.mask = k.lanesBelow(place.column, columns);
        Known known;
        for (auto [root, sum, weight] : llvm::zip_equal(roots, sums, weights)) {
          Value from = k.at(sum, k.add(k.mul(i, panel), offset));
          known[root->getResult(0)] =
              products == cost::CpuProducts::I8
                  ? scaledSum(from, k.at(input, k.mul(i, stride)), k.at(weight, offset))
                  : k.load(from);
        }
        region.store(place, known);
      }
    });
  }

  /// 16 sums of i8 as f32, of a row and of columns of a panel.
  Value scaledSum(Value sum, Value row, Value weight) {
    Value zero = k.splat(k.loadWord(k.at(row, depth + 1)));
    Value excess = k.mulI(zero, k.loadIntegers(k.at(weight, (depth + 1) * panel)));
    Value exact = k.toFloat(k.subI(k.loadIntegers(sum), excess));
    Value scale =
        k.mulF(k.splat(k.loadScalar(k.at(row, depth))), k.load(k.at(weight, depth * panel)));
    return k.mulF(exact, scale);
  }

  CpuKernel &k;
  ArrayRef<Operation *> roots;
  vit::LinearOp first; ///< all read its input
  const cost::CpuProducts products;
  const int64_t stride; ///< of rows and of columns in a panel, in units of four bytes
  const int64_t depth;  ///< of the sum, likewise: of i8 a scale and a whole number lie behind it
  const int64_t columns;
  /// Rows whose sums are in scratch memory: in registers are 12, 6 or 4 at a time.
  static constexpr int64_t together = 3 * cost::cpuRowStep;
  Values sums; ///< of each linear
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
