//===- FusionTest.cpp - Whether two kernels become one ----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "CostTesting.h"

#include <catch2/catch.hpp>

using namespace costtest;

TEST_CASE("an epilogue saves its traffic and a launch") {
  FusionModel model(preferencesFor(rtx4090()), 64);
  Work product = linear(197, 3072, 768), gelu = elementwise(197, 3072, 1, {1, 1});
  Work joint = linear(197, 3072, 768, 0, 1);
  CHECK(model.decide(product, gelu, joint, 4).fuse);
}

TEST_CASE("what takes longer together is kept apart, with both times") {
  FusionModel model(preferencesFor(rtx4090()), 64);
  Work product = linear(197, 768, 768), small = elementwise(1, 8, 1, {1, 0});
  Work joint = linear(197, 768, 768);
  joint.otherRead = joint.written = 197 * 768 * 64; // would write much more
  Decision decision = model.decide(product, small, joint, 4);
  CHECK(!decision.fuse);
  CHECK(decision.reason.find("us together") != std::string::npos);
  CHECK(decision.reason.find("us apart at batch") != std::string::npos);
}

TEST_CASE("limits of a kernel are refused with the number and the limit") {
  FusionModel model(preferencesFor(rtx4090()), 64);
  Work product = linear(197, 768, 768), add = elementwise(197, 768, 2, {1, 0});
  Work joint = linear(197, 768, 768, 1);
  joint.results = 5;
  CHECK(model.decide(product, add, joint, 9).reason == "5 results, limit 4");
  joint.results = 1;
  CHECK(model.decide(product, add, joint, 25).reason == "25 parameters, limit 24");
  joint.activations = 7;
  CHECK(model.decide(product, add, joint, 9).reason ==
        "7 activations read beside the root's operands, limit 6");
}

TEST_CASE("a gated pair becomes one kernel unless its tile holds too many sums") {
  Work gate = linear(197, 2048, 768, 0, 1), up = linear(197, 2048, 768, 1);
  Work joint = linear(197, 2048, 768, 0, 1, 2);
  joint.after.cheap = 1;
  CHECK(FusionModel(preferencesFor(rtx4090()), 64).decide(gate, up, joint, 4).fuse);
  Preferences pinned = preferencesFor(rtx4090());
  pinned.tile = tile("128x128x32/64x64/3").gemm();
  CHECK(FusionModel(pinned, 64).decide(gate, up, joint, 4).reason ==
        "expected at most 160 accumulators in a thread, found 256 of 2 linears with a warp tile of "
        "64x64: choose a smaller one");
}

TEST_CASE("a layer_norm after a linear, and a linear after a linear, are refused with numbers") {
  FusionModel model(preferencesFor(rtx4090()), 64);
  std::string reason = model.normAfterLinear(linear(197, 768, 768), norm(197, 768));
  CHECK(reason.find("768 columns in one block: 64 rows are 192 KB of sums, an SM has 256 KB of "
                    "registers; with 48 rows it takes at least ") != std::string::npos);
  CHECK(model.linearAfterLinear(linear(197, 3072, 768), linear(197, 768, 3072)) ==
        "the second needs all 3072 columns of the first: 64 rows are 384 KB, shared memory has 99 "
        "KB; summed as they come, 64 rows of its 768 columns are 192 KB of sums, an SM has 256 KB "
        "of registers");
}
