//===- Fusion.cpp - Whether a fusion pays ---------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// An epilogue works column group by column group after the products are done, when their fragments
// are dead, so it costs a linear no registers. What grows are pointers, two registers for each, and
// the values of one group that are live together, one set for each result and operand. The limits
// keep both below what the main loop needs anyway.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/Cost.h"

using namespace vitc::cost;

Decision vitc::cost::decideFusion(const FusionQuery &query) {
  struct Limit {
    const char *what;
    int value, most;
  };
  const Limit limits[] = {
      {"results", query.results, 4},
      {"activations read beside the root's operands", query.activations, 6},
      {"vectors", query.vectors, 12},
      {"elementwise ops", query.ops, 24},
      {"parameters", query.parameters, 24},
  };
  for (const Limit &limit : limits)
    if (limit.value > limit.most)
      return {false, std::to_string(limit.value) + " " + limit.what + ", limit " +
                         std::to_string(limit.most)};
  return {true, ""};
}
