//===- Zeros.cpp - Weights of zeros ---------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/Zeros.h"

#include "passes/Queries.h"

using namespace mlir;

Value vitc::zeroWeight(OpBuilder &builder, Location loc, Value weight, RankedTensorType type) {
  auto firstRow = [&](Value of) {
    SmallVector<int64_t> shape(tensorType(of).getShape());
    shape[0] = 1;
    return vit::SliceOp::create(builder, loc, type.clone(shape), of, 0);
  };
  assert(tensorType(weight).getRank() == type.getRank() && "one element is padded");
  Value one = firstRow(weight);
  if (type.getRank() == 2) {
    RankedTensorType column = type.clone({widthOf(weight), int64_t(1)});
    one = firstRow(vit::ReshapeOp::create(builder, loc, column, one));
  }
  Value zero = vit::ScaleOp::create(builder, loc, one.getType(), one, Value(), Value(),
                                    builder.getF64FloatAttr(0.0));
  return vit::PadOp::create(builder, loc, type, zero);
}
