//===- TimeTest.cpp - Predicted times against published ones ----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "CostTesting.h"

#include <catch2/catch.hpp>

using namespace costtest;

TEST_CASE("large products run as published kernels do on the RTX 4090") {
  // f16, 4096^3, TFLOP/s: tinygrad's kernel (PR #6926), emmy's with warp tiles of 64x64 (PR #314),
  // the Triton original of the first, cuBLAS of torch 2.7.
  Work work = linear(4096, 4096, 4096);
  auto rate = [&](const char *text) {
    return teraflops(work, predict(work, tile(text), 1, rtx4090()).seconds);
  };
  CHECK(rate("64x128x64/32x64/2") == Approx(166.3).epsilon(0.10));
  CHECK(rate("128x128x32/64x64/3") == Approx(156.7).epsilon(0.10));
  CHECK(rate("64x128x32/64x32/2") == Approx(162).epsilon(0.10));
  auto best4096 = best(work, 1, preferencesFor(rtx4090()));
  CHECK(teraflops(work, best4096->prediction.seconds) == Approx(168.4).epsilon(0.10));
  Work half = linear(2048, 2048, 2048);
  CHECK(teraflops(half, best(half, 1, preferencesFor(rtx4090()))->prediction.seconds) ==
        Approx(159).epsilon(0.10));
  // Tiles of 64x64 load more than L2 gives.
  Prediction small = predict(work, tile("64x64x32/32x32/3"), 1, rtx4090());
  CHECK(std::string(small.bound) == "L2");
  CHECK(teraflops(work, small.seconds) < 135);
}

TEST_CASE("products of tf32 run as published ones do, those of f32 at a third of that") {
  // cuBLAS, 4096^3 and 8192^3, TFLOP/s: 84.4 and 85.7.
  Work work = linear(4096, 4096, 4096);
  work.inputBytes = work.outputBytes = work.narrowest = 4;
  work.rootRead *= 2, work.weightRead *= 2, work.written *= 2;
  double tf32 = teraflops(work, best(work, 1, preferencesFor(rtx4090()))->prediction.seconds);
  CHECK(tf32 == Approx(84.4).epsilon(0.10));
  work.threefold = true;
  double f32 = teraflops(work, best(work, 1, preferencesFor(rtx4090()))->prediction.seconds);
  CHECK(f32 == Approx(tf32 / 3).epsilon(0.10));
}

TEST_CASE("tiles cost whole waves") {
  // 128 multiprocessors, one tile each, or one tile more than that.
  Schedule s = tile("128x128x32/64x64/3");
  double whole = predict(linear(128 * 16, 128 * 8, 1024), s, 1, rtx4090()).seconds;
  double more = predict(linear(128 * 16 + 1, 128 * 8, 1024), s, 1, rtx4090()).seconds;
  CHECK(more > 1.3 * whole);
  CHECK(predict(linear(128 * 15 + 1, 128 * 8, 1024), s, 1, rtx4090()).seconds ==
        Approx(whole).epsilon(0.01));
}

TEST_CASE("a few warps alone wait for their fragments, unless those are buffered") {
  Work work = linear(197, 768, 768);
  Schedule s = tile("64x64x32/32x32/3");
  double single = predict(work, s, 1, rtx4090()).seconds;
  s.gemm().buffers = 2;
  CHECK(predict(work, s, 1, rtx4090()).seconds < 0.9 * single);
}

TEST_CASE("blocks that live together hide each other's waits, wave after wave") {
  // Four stages leave room for one block of four warps, two for two.
  Work work = linear(4096, 4096, 4096);
  Prediction two = predict(work, tile("128x64x64/64x32/2"), 1, rtx4090());
  Prediction alone = predict(work, tile("128x64x64/64x32/4"), 1, rtx4090());
  REQUIRE(two.occupancy.blocks == 2);
  REQUIRE(alone.occupancy.blocks == 1);
  CHECK(alone.seconds > 1.1 * two.seconds);
}

TEST_CASE("activations that fit in L2 are free, larger ones cost DRAM") {
  Work gelu = elementwise(197, 3072, 1, {0, 1});
  Schedule s = elements(2048);
  Prediction small = predict(gelu, s, 16, rtx4090()), large = predict(gelu, s, 256, rtx4090());
  CHECK(std::string(small.bound) == "L2");
  CHECK(std::string(large.bound) == "DRAM");
  double bytes = 2.0 * 197 * 3072 * 2 * 256;
  CHECK(large.seconds == Approx(bytes / (0.92 * 1008e9)).epsilon(0.02));
  CHECK(large.seconds > 16 * 3 * small.seconds);
}

TEST_CASE("a product waits for its weights where there is little else to do") {
  Work head = linear(1, 1000, 4096);
  auto found = best(head, 1, preferencesFor(*findGpu("rtx4060")));
  CHECK(std::string(found->prediction.bound) == "DRAM");
  CHECK(found->prediction.seconds > 1000 * 4096 * 2 / 272e9);
}

TEST_CASE("whole rows of attention come near the tensor cores' rate") {
  // ViT-B, batch 32: 384 heads of 197 tokens; 208^2 of 197^2 products are done.
  Work work = attention(197, 12, 64);
  auto found = best(work, 32, preferencesFor(rtx4090()));
  double flops = 4.0 * 197 * 197 * 64 * 12 * 32;
  double rate = flops / found->prediction.seconds / 1e12;
  CHECK(rate > 110);
  CHECK(rate < 148);
}

TEST_CASE("layer_norm is traffic, three times as much where rows are read again") {
  Work work = norm(197, 768);
  Schedule s = rows(8);
  double kept = predict(work, s, 24, rtx4090()).seconds;
  CHECK(kept < 5e-6);
  s.norm().recompute = true;
  CHECK(predict(work, s, 24, rtx4090()).seconds > 1.4 * kept);
}

namespace {

struct Vit {
  int64_t width, layers, heads;
};

/// Seconds of the forward pass with a kernel for each layer part, and its gaps.
double fusedModel(const Vit &vit, int64_t batch, const Preferences &p) {
  int64_t d = vit.width, tokens = 197;
  auto seconds = [&](const Work &work) {
    return best(work, batch, p)->prediction.seconds + p.gpu->launchGapUs * 1e-6;
  };
  double layer = 2 * seconds(norm(tokens, d)) + seconds(linear(tokens, 3 * d, d)) +
                 seconds(attention(tokens, vit.heads, 64)) + seconds(linear(tokens, d, d, 1)) +
                 seconds(linear(tokens, 4 * d, d, 0, 1)) + seconds(linear(tokens, d, 4 * d, 1));
  return double(vit.layers) * layer + seconds(linear(tokens, d, 768, 1)) + seconds(norm(1, d)) +
         seconds(linear(1, 1000, d));
}

/// The same with a kernel for each op.
double unfusedModel(const Vit &vit, int64_t batch, const Preferences &p) {
  int64_t d = vit.width, tokens = 197;
  auto seconds = [&](const Work &work) {
    return best(work, batch, p)->prediction.seconds + p.gpu->launchGapUs * 1e-6;
  };
  auto bias = [&](int64_t width) { return seconds(elementwise(tokens, width, 1, {1, 0})); };
  double add = seconds(elementwise(tokens, d, 2, {1, 0}));
  double layer = 2 * seconds(norm(tokens, d)) + seconds(linear(tokens, 3 * d, d)) + bias(3 * d) +
                 seconds(attention(tokens, vit.heads, 64)) + seconds(linear(tokens, d, d)) +
                 bias(d) + add + seconds(linear(tokens, 4 * d, d)) + bias(4 * d) +
                 seconds(elementwise(tokens, 4 * d, 1, {0, 1})) +
                 seconds(linear(tokens, d, 4 * d)) + bias(d) + add;
  return double(vit.layers) * layer + seconds(linear(tokens, d, 768));
}

} // namespace

TEST_CASE("ViT-B at batch 32 is predicted above 4000 images a second, below the roofline") {
  double rate = 32 / fusedModel({768, 12, 12}, 32, preferencesFor(rtx4090()));
  CHECK(rate > 4000);
  CHECK(rate < 165.2e12 / 35.13e9);
}

TEST_CASE("without fusions and with tiles of 128x128 it is what PyTorch's eager mode reaches") {
  // timm's tables, RTX 4090, PyTorch 2.9.1 eager, AMP f16, batch 1024: images a second.
  Preferences p = preferencesFor(rtx4090());
  p.tile = tile("128x128x32/64x32/3").gemm();
  CHECK(1024 / unfusedModel({384, 12, 6}, 1024, p) == Approx(8214.74).epsilon(0.15));
  CHECK(1024 / unfusedModel({768, 12, 12}, 1024, p) == Approx(2992.79).epsilon(0.15));
  CHECK(1024 / unfusedModel({1024, 24, 16}, 1024, p) == Approx(954.12).epsilon(0.15));
}

TEST_CASE("a device with half the multiprocessors takes about twice as long") {
  Preferences large = preferencesFor(rtx4090()), small = preferencesFor(*findGpu("rtx4080"));
  double ratio = fusedModel({768, 12, 12}, 64, small) / fusedModel({768, 12, 12}, 64, large);
  CHECK(ratio == Approx(165.2 / 97.5).epsilon(0.1));
}
