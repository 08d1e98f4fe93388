//===- Tokens.cpp - Kernels that move rows --------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Families.h"
#include "codegen/cpu/Region.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace vitc::codegen::cpu {

namespace {

/// Where a row of the result lies.
struct ResultRow {
  Value row, image, token;
};

/// Calls `body` for each row of the tile.
void overResultRows(CpuKernel &k, llvm::function_ref<void(const ResultRow &)> body) {
  RankedTensorType type = k.typeOf(k.root()->getResult(0));
  Value tokens = k.tokensOf(type);
  overRows(k, type, cost::cpuStreamRows(type.getShape().back()),
           [&](Value row) { body({row, k.div(row, tokens), k.rem(row, tokens)}); });
}

/// Stores the results for every vector of a row, of which `value` gives the root's.
void storeRow(CpuKernel &k, Value row, int64_t width, Value firstColumn,
              llvm::function_ref<Value(Value column, Value mask)> value) {
  Region region(k);
  k.overColumns(width, [&](Value column, Value mask) {
    Known known;
    known[k.root()->getResult(0)] = value(column, mask);
    region.store({row, k.add(firstColumn, column), mask}, known);
  });
}

/// Rows of an activation and of a table, one behind the other. `table` comes first or last.
LogicalResult emitJoin(CpuKernel &k, Value table, Value input, bool tableFirst) {
  int64_t width = k.widthOf(input);
  Value tokens = k.tokensOf(k.typeOf(input)),
        split = tableFirst ? k.tokens(k.typeOf(table).getDimSize(0)) : tokens;
  overResultRows(k, [&](const ResultRow &at) {
    Value first = k.less(at.token, split), behind = k.sub(at.token, split);
    Value ofTable = tableFirst ? at.token : behind, ofInput = tableFirst ? behind : at.token;
    Value fromTable = k.at(k.pointer(table), k.mul(ofTable, width));
    Value fromInput = k.at(k.pointer(input), k.mul(k.add(k.mul(at.image, tokens), ofInput), width));
    Value from =
        tableFirst ? k.select(first, fromTable, fromInput) : k.select(first, fromInput, fromTable);
    storeRow(k, at.row, width, k.imm(0),
             [&](Value column, Value mask) { return k.load(k.at(from, column), mask); });
  });
  return success();
}

LogicalResult emitBroadcast(CpuKernel &k, vit::BroadcastOp op) {
  int64_t width = k.widthOf(op.getTokens());
  overResultRows(k, [&](const ResultRow &at) {
    Value from = k.at(k.pointer(op.getTokens()), k.mul(at.token, width));
    storeRow(k, at.row, width, k.imm(0),
             [&](Value column, Value mask) { return k.load(k.at(from, column), mask); });
  });
  return success();
}

/// Tokens from `first` on; what the kernel does to them before is done for these alone.
LogicalResult emitSelect(CpuKernel &k, Value input, int64_t first) {
  Value tokens = k.tokensOf(k.typeOf(input)), begin = k.tokens(first);
  Region region(k);
  overResultRows(k, [&](const ResultRow &at) {
    Value row = k.add(k.mul(at.image, tokens), k.add(at.token, begin));
    storeRow(k, at.row, k.widthOf(input), k.imm(0), [&](Value column, Value mask) {
      Known known;
      return region.evaluate(input, {row, column, mask}, known);
    });
  });
  return success();
}

LogicalResult emitMean(CpuKernel &k, vit::MeanTokensOp op) {
  Value input = op.getInput();
  int64_t width = k.widthOf(input), first = int64_t(op.getFirst());
  Value tokens = k.tokensOf(k.typeOf(input)), summed = k.sub(tokens, k.imm(first));
  std::optional<int64_t> known = constantOf(summed);
  Value factor =
      known ? k.splat(1.0 / double(*known)) : k.splat(k.divF(k.immF(1.0), k.toFloat(summed)));
  overResultRows(k, [&](const ResultRow &at) {
    Value image = k.at(k.pointer(input), k.mul(at.image, k.mul(tokens, width)));
    storeRow(k, at.row, width, k.imm(0), [&](Value column, Value mask) {
      auto sum =
          k.loop(k.imm(first), tokens, 1, {k.splat(0.0)}, [&](Value token, ArrayRef<Value> before) {
            Value x = k.load(k.at(k.at(image, k.mul(token, width)), column), mask);
            return CpuBuilder::Values{k.addF(before[0], x)};
          });
      return k.mulF(sum[0], factor);
    });
  });
  return success();
}

/// The columns of four neighbours of a grid, in the order (0, 0), (1, 0), (0, 1), (1, 1).
LogicalResult emitMerge(CpuKernel &k, vit::MergePatchesOp op) {
  Value input = op.getInput();
  int64_t width = k.widthOf(input), across = op.getGrid()[1],
          tokens = vit::rowsPerImage(k.typeOf(input));
  Region region(k);
  overResultRows(k, [&](const ResultRow &at) {
    Value y = k.mul(k.div(at.token, across / 2), 2), x = k.mul(k.rem(at.token, across / 2), 2);
    for (int64_t part = 0; part < 4; ++part) {
      Value token = k.add(k.mul(k.add(y, part % 2), across), k.add(x, part / 2));
      Value row = k.add(k.mul(at.image, tokens), token);
      storeRow(k, at.row, width, k.imm(part * width), [&](Value column, Value mask) {
        Known known;
        return region.evaluate(input, {row, column, mask}, known);
      });
    }
  });
  return success();
}

} // namespace

LogicalResult emitTokens(CpuKernel &k) {
  LogicalResult written =
      TypeSwitch<Operation *, LogicalResult>(k.root())
          .Case([&](vit::PrependOp op) {
            return emitJoin(k, op.getTokens(), op.getInput(), /*tableFirst=*/true);
          })
          .Case([&](vit::AppendOp op) {
            return emitJoin(k, op.getTokens(), op.getInput(), /*tableFirst=*/false);
          })
          .Case([&](vit::BroadcastOp op) { return emitBroadcast(k, op); })
          .Case([&](vit::SelectOp op) {
            return emitSelect(k, op.getInput(), int64_t(op.getToken()));
          })
          .Case([&](vit::SliceTokensOp op) {
            return emitSelect(k, op.getInput(), int64_t(op.getFirst()));
          })
          .Case([&](vit::MeanTokensOp op) { return emitMean(k, op); })
          .Case([&](vit::MergePatchesOp op) { return emitMerge(k, op); })
          .Default([&](Operation *op) -> LogicalResult {
            return k.error() << "'" << op->getName() << "' has no code for CPUs";
          });
  if (succeeded(written))
    k.finish();
  return written;
}

/// Rows of lines of pixels: a line of a patch is a run of neighbours in the image, too, of bytes
/// with all their channels.
LogicalResult emitPatchify(CpuKernel &k) {
  auto op = cast<vit::PatchifyOp>(k.root());
  vit::ImageShape shape = vit::imageShapeOf(op.getInput().getType());
  int64_t channels = shape.channels, ph = op.getPatch()[0], pw = op.getPatch()[1],
          lead = op.getLead();
  Value height = k.anySize() ? k.imageHeight() : k.imm(shape.height);
  Value width = k.anySize() ? k.imageWidth() : k.imm(shape.width);
  Value down = k.div(height, ph), across = k.div(width, pw);
  bool bytes = op.getOrder() == vit::PatchOrder::Bytes,
       unfold = op.getOrder() == vit::PatchOrder::Unfold;
  int64_t runs = bytes ? ph : channels * ph, length = bytes ? pw * channels : pw,
          columns = k.widthOf(op.getResult());
  Value line = bytes ? k.mul(width, channels) : width; // values of one
  auto at = [&](Value pointer, Value offset) {
    return k.at(pointer, offset, bytes ? Type(k.getI8Type()) : k.f32);
  };
  auto load = [&](Value pointer, Value mask) {
    if (!bytes)
      return k.load(pointer, mask);
    Value centre = k.splat(-double(vit::byteCentre) / double(vit::byteUnit));
    return k.fma(k.loadBytes(pointer, mask), k.splat(1.0 / double(vit::byteUnit)), centre);
  };
  overResultRows(k, [&](const ResultRow &row) {
    Value patch = k.sub(row.token, k.imm(lead)), isPatch = k.less(k.imm(-1), patch);
    patch = k.max(patch, k.imm(0)); // reads of a row of zeros, too, must stay inside
    Value image =
        at(k.pointer(op.getInput()), k.mul(row.image, k.mul(k.mul(height, width), channels)));
    k.loop(k.imm(0), k.imm(runs), 1, [&](Value run) {
      Value channel, i, j, y;
      if (unfold) { // all runs of an image in the order (c, i, j, y)
        Value flat = k.add(k.mul(patch, runs), run);
        y = k.rem(flat, ph);
        j = k.rem(k.div(flat, ph), across);
        i = k.rem(k.div(flat, k.mul(across, ph)), down);
        channel = k.div(flat, k.mul(k.mul(across, down), ph));
      } else {
        y = k.rem(run, ph);
        channel = k.div(run, ph);
        j = k.rem(patch, across);
        i = k.div(patch, across);
      }
      Value above = k.add(k.add(k.mul(channel, height), k.mul(i, ph)), y);
      Value from = at(image, k.add(k.mul(above, line), k.mul(j, length)));
      storeRow(k, row.row, length, k.mul(run, length), [&](Value column, Value mask) {
        Value pixels = load(at(from, column), mask);
        return lead ? k.select(isPatch, pixels, k.splat(0.0)) : pixels;
      });
    });
    if (runs * length < columns)
      storeRow(k, row.row, columns - runs * length, k.imm(runs * length),
               [&](Value, Value) { return k.splat(0.0); });
  });
  k.finish();
  return success();
}

} // namespace vitc::codegen::cpu
