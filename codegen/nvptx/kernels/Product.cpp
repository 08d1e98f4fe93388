//===- Product.cpp - Products of fragments of any storage type ------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/kernels/Product.h"

using namespace mlir;

namespace vitc::codegen {

Fragments Fragments::slice(int64_t first, int64_t count) const {
  auto part = [&](ArrayRef<Value> of) {
    return PtxBuilder::Values(of.empty() ? of : of.slice(first, count));
  };
  return {part(big), part(small)};
}

Fragments splitFragments(PtxBuilder &b, ArrayRef<Value> registers, Type storage) {
  if (storage != b.f32)
    return {PtxBuilder::Values(registers), {}};
  Fragments fragments;
  for (Value word : registers) {
    Value value = b.bitcast(word, b.f32), big = b.fromF32(value, b.tf32);
    fragments.big.push_back(big);
    fragments.small.push_back(b.fromF32(b.subF(value, big), b.tf32));
  }
  return fragments;
}

void multiply(PtxBuilder &b, const Fragments &left, const Fragments &right,
              MutableArrayRef<Value> sums, Type storage) {
  auto add = [&](ArrayRef<Value> x, ArrayRef<Value> y) {
    llvm::copy(b.mma(x, y, sums, storage == b.f32 ? b.tf32 : storage), sums.begin());
  };
  if (storage == b.f32) {
    add(left.small, right.big);
    add(left.big, right.small);
  }
  add(left.big, right.big);
}

} // namespace vitc::codegen
