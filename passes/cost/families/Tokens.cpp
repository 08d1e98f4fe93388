//===- Tokens.cpp - Kernels that move rows --------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// patchify, prepend, broadcast, select: copies, and gathers, whose threads divide their place in
// the result several times to find where it comes from.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/families/Vectors.h"

using namespace vitc::cost;

static int placing(const Work &work) { return work.gathers ? 40 : 16; }

constexpr FamilyTraits vitc::cost::tokensFamily =
    VectorFamily<TokensSchedule, placing>::traits("tokens");
