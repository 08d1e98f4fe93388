//===- Rows.cpp - Norms, and elementwise ops alone ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Families.h"
#include "codegen/cpu/Quantize.h"
#include "codegen/cpu/Region.h"

using namespace mlir;

namespace vitc::codegen::cpu {

void overRows(CpuKernel &k, RankedTensorType type, int64_t rowsOfTile,
              llvm::function_ref<void(Value)> body) {
  k.grid[0] = {vit::rowsPerImage(type), rowsOfTile, 1};
  k.grid[1] = {0, 1, 1};
  k.tile = std::to_string(rowsOfTile) + (rowsOfTile == 1 ? " row" : " rows");
  Value begin = k.mul(k.tileX(), rowsOfTile);
  Value end = k.min(k.add(begin, rowsOfTile), k.rows(type));
  k.loop(begin, end, 1, body);
}

LogicalResult emitElementwise(CpuKernel &k) {
  RankedTensorType type = k.resultType(0);
  int64_t width = type.getShape().back();
  Region region(k);
  overRows(k, type, cost::cpuStreamRows(width), [&](Value row) {
    k.overColumns(width, [&](Value column, Value mask) {
      Known known;
      region.store({row, column, mask}, known);
    });
  });
  k.finish();
  return success();
}

namespace {

/// One row, or one of its groups: its values are in scratch memory.
class RowNorm {
public:
  RowNorm(CpuKernel &k, vit::NormInterface norm)
      : values(k.scratch(k.widthOf(norm.getInput()) + lanes)), k(k), norm(norm),
        width(k.widthOf(norm.getInput()) / int64_t(norm.getGroups())),
        columns(norm.getColumns() ? int64_t(norm.getColumns()) : width) {}

  const Value values;
  Value quantized; ///< null, or what of each row `quantize` reads, which is left in `values`

  /// Computes what the norm reads, and stores what of it is a result.
  void fill(Region &region, Value row) {
    k.overColumns(k.widthOf(norm.getInput()), [&](Value column, Value mask) {
      Place place = {row, column, mask};
      Known known;
      k.store(region.evaluate(norm.getInput(), place, known), k.at(values, column), mask);
      region.storeBefore(place, known);
    });
  }

  /// Mean and reciprocal deviation of the group at a column.
  void measure(Value first) {
    if (norm.subtractsMean())
      mean = k.mulF(sum(first, [&](Value x, Value) { return x; }), k.immF(1.0 / double(columns)));
    Value squares = sum(first, [&](Value x, Value mask) {
      Value centred = centre(x);
      if (mask && mean) // lanes without a value are 0 - mean otherwise
        centred = k.select(mask, centred, k.splat(0.0));
      return k.mulF(centred, centred);
    });
    Value variance = k.mulF(squares, k.immF(1.0 / double(columns)));
    Value deviation = k.sqrt(k.addF(variance, k.immF(norm.getEps().convertToDouble())));
    // NaN where the squares leave f32: of infinity the factor would be 0, and a row finite and
    // wrong.
    factor = k.addF(k.mulF(variance, k.immF(0.0)), k.divF(k.immF(1.0), deviation));
  }

  void store(Region &region, Value row, Value first) {
    Value spread = k.splat(factor);
    k.overColumns(width, [&](Value column, Value mask) {
      Value place = k.add(first, column);
      Value y = k.mulF(centre(k.load(k.at(values, place), mask)), spread);
      Place inGroup = {row, column, mask};
      Known none;
      if (norm.getScale())
        y = k.mulF(y, region.evaluate(norm.getScale(), inGroup, none));
      if (norm.getShift())
        y = k.addF(y, region.evaluate(norm.getShift(), inGroup, none));
      if (Value counts = columns != width ? k.lanesBelow(column, columns) : Value())
        y = k.select(counts, y, k.splat(0.0));
      Known known;
      known[norm->getResult(0)] = y;
      region.storeAfter({row, place, mask}, known);
      if (quantized) // in the place of what no one reads any more
        k.store(region.evaluate(quantized, {row, place, mask}, known), k.at(values, place), mask);
    });
  }

private:
  Value centre(Value x) { return mean ? k.subF(x, k.splat(mean)) : x; }

  Value sum(Value first, llvm::function_ref<Value(Value x, Value mask)> function) {
    Value total = k.splat(0.0);
    int64_t whole = columns / lanes * lanes;
    if (whole)
      total = k.loop(k.imm(0), k.imm(whole), lanes, {total}, [&](Value i, ArrayRef<Value> sums) {
        Value x = k.load(k.at(values, k.add(first, i)));
        return CpuBuilder::Values{k.addF(sums[0], function(x, {}))};
      })[0];
    if (whole < columns) {
      Value mask = k.firstLanes(columns - whole);
      total = k.addF(total, function(k.load(k.at(values, k.add(first, whole)), mask), mask));
    }
    return k.sumOf(total);
  }

  CpuKernel &k;
  vit::NormInterface norm;
  const int64_t width, columns;
  Value mean, factor;
};

/// The result of a kernel that is what `quantize` makes.
unsigned quantizedResult(CpuKernel &k) {
  for (unsigned i = 0; i < k.numResults(); ++i)
    if (k.resultType(i).getElementType().isInteger(8))
      return i;
  llvm_unreachable("a root has a result");
}

vit::QuantizeOp quantizeOf(CpuKernel &k) {
  return dyn_cast<vit::QuantizeOp>(k.kernel.getRoots().back());
}

void storeQuantized(CpuKernel &k, Value values, Value row) {
  unsigned result = quantizedResult(k);
  int64_t bytes = k.resultType(result).getShape().back();
  Value to = k.at(k.resultPointer(result), k.mul(row, bytes), k.getI8Type());
  emitQuantizedRow(k, values, k.widthOf(quantizeOf(k).getInput()), to);
}

/// Rows that some kernel before has made.
LogicalResult emitQuantize(CpuKernel &k) {
  Value input = quantizeOf(k).getInput();
  int64_t width = k.widthOf(input);
  bool inMemory = isa<BlockArgument>(input) && k.typeOf(input).getElementType().isF32();
  Value values = inMemory ? Value() : k.scratch(width + lanes);
  Region region(k);
  overRows(k, k.typeOf(input), cost::cpuStreamRows(width), [&](Value row) {
    if (inMemory)
      return storeQuantized(k, k.at(k.pointer(input), k.mul(row, width)), row);
    k.overColumns(width, [&](Value column, Value mask) {
      Place place = {row, column, mask};
      Known known;
      k.store(region.evaluate(input, place, known), k.at(values, column), mask);
      region.storeBefore(place, known);
    });
    storeQuantized(k, values, row);
  });
  k.finish();
  return success();
}

} // namespace

LogicalResult emitNorm(CpuKernel &k) {
  if (isa<vit::QuantizeOp>(k.root()))
    return emitQuantize(k);
  auto norm = cast<vit::NormInterface>(k.root());
  int64_t width = k.widthOf(norm.getInput()), groups = int64_t(norm.getGroups());
  RowNorm rows(k, norm);
  if (vit::QuantizeOp quantize = quantizeOf(k))
    rows.quantized = quantize.getInput();
  Region region(k);
  overRows(k, k.typeOf(norm->getResult(0)), cost::cpuStreamRows(width), [&](Value row) {
    rows.fill(region, row);
    if (groups == 1) {
      rows.measure(k.imm(0));
      rows.store(region, row, k.imm(0));
    } else {
      k.loop(k.imm(0), k.imm(groups), 1, [&](Value group) {
        Value first = k.mul(group, width / groups);
        rows.measure(first);
        rows.store(region, row, first);
      });
    }
    if (rows.quantized)
      storeQuantized(k, rows.values, row);
  });
  k.finish();
  return success();
}

} // namespace vitc::codegen::cpu
