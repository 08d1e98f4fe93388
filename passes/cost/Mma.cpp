//===- Mma.cpp - The tensor core's instructions ---------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/cost/Mma.h"

using namespace vitc::cost;

// clang-format off
static constexpr MmaShape shapes[] = {
    // m   n   k  bytes  rate
    { 16,  8, 16,  2,    1.0 }, // f16 and bf16
};
// clang-format on

const MmaShape *vitc::cost::findMma(int bytes) {
  for (const MmaShape &shape : shapes)
    if (shape.bytes == bytes)
      return &shape;
  return nullptr;
}
