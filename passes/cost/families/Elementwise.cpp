//===- Elementwise.cpp - Kernels without a root ---------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// What could not be fused, and kernels that copy or cast.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/families/Vectors.h"

using namespace vitc::cost;

static int placing(const Work &) { return 16; }

constexpr FamilyTraits vitc::cost::elementwiseFamily =
    VectorFamily<ElementwiseSchedule, placing>::traits("elementwise");
