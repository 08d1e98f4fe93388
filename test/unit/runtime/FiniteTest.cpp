//===- FiniteTest.cpp - Outputs that are no numbers -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "runtime/Finite.h"
#include "RuntimeFixture.h"

#include "vit/vit.hpp"

#include <cstring>
#include <limits>

using Catch::Matchers::Contains;
using namespace tiny;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Weights of 1, and one that overflows with inputs above 1.
vit_status largeWeights(void *, const char *name, uint32_t rank, const int64_t *shape,
                        float *values) {
  std::fill_n(values, rank == 2 ? shape[0] * shape[1] : shape[0], 1.0f);
  if (std::string(name) == "block.weight")
    values[5] = 3e38f;
  return VIT_OK;
}

struct Large {
  Large() {
    configure("");
    REQUIRE(model.loadFrom(&library, largeWeights, nullptr) == VIT_OK);
    REQUIRE(workspace.create(model, 3) == VIT_OK);
  }
  vit_status run() {
    const void *inputs[] = {x.data()};
    void *outputs[] = {y.data()};
    return workspace.runHost(3, inputs, outputs);
  }
  vit::Model model;
  vit::Workspace workspace;
  std::vector<float> x = std::vector<float>(3 * tinyValues, 0.5f), y = x;
};

} // namespace

TEST_CASE("runtime: outputs that are not finite are a status where that is asked for") {
  Large large;
  CHECK(large.run() == VIT_OK);
  large.x[size_t(tinyValues) + 5] = 2; // of image 1
  CHECK(large.run() == VIT_OK);        // nobody asked
  CHECK(large.y[size_t(tinyValues) + 5] == infinity);
  REQUIRE(large.workspace.setChecks(VIT_CHECK_FINITE) == VIT_OK);
  CHECK(large.run() == VIT_NOT_FINITE);
  CHECK_THAT(vit_last_error(), Contains("vit: output 0 'logits' has 1 of 32 values that are not "
                                        "finite for image 1, although the inputs are finite"));
  CHECK(large.y[size_t(tinyValues) + 5] == infinity); // they are there all the same
  large.x[size_t(tinyValues) + 20] = -infinity;       // of the same image
  CHECK(large.run() == VIT_OK);
  large.x[5] = 2; // image 0, all of whose inputs are finite
  CHECK(large.run() == VIT_NOT_FINITE);
  CHECK_THAT(vit_last_error(), Contains("image 0"));
  REQUIRE(large.workspace.setChecks(0) == VIT_OK);
  CHECK(large.run() == VIT_OK);
  CHECK(large.workspace.setChecks(2) == VIT_BAD_ARGUMENT);
  CHECK(std::string(vit_last_error()) ==
        "vit: checks is 2, expected 0 or VIT_CHECK_FINITE, which is 1");
  CHECK(vit_workspace_set_checks(nullptr, 1) == VIT_BAD_ARGUMENT);
}

TEST_CASE("runtime: outputs on the device are looked at, too") {
  Large large;
  auto in = vitrt::DeviceMemory::allocate(large.model.get(), 3 * 128);
  auto out = vitrt::DeviceMemory::allocate(large.model.get(), 3 * 128);
  REQUIRE(in);
  REQUIRE(out);
  const void *inputs[] = {in->data()};
  void *outputs[] = {out->data()};
  auto run = [&] {
    REQUIRE(in->upload(large.x.data(), large.x.size() * 4));
    return large.workspace.run(3, inputs, outputs);
  };
  REQUIRE(large.workspace.setChecks(VIT_CHECK_FINITE) == VIT_OK);
  CHECK(run() == VIT_OK);
  large.x[2 * size_t(tinyValues) + 5] = 2;
  CHECK(run() == VIT_NOT_FINITE);
  CHECK_THAT(vit_last_error(), Contains("image 2"));
  large.x[2 * size_t(tinyValues)] = std::nanf("");
  CHECK(run() == VIT_OK);
}

TEST_CASE("runtime: every type knows its infinities, and the text its cure") {
  vit_library changed = library;
  vit_tensor output = tinyOutputs[0];
  vit_prepared weight = tinyWeights[0];
  changed.outputs = &output;
  changed.weights = &weight;
  changed.weight_count = 1;
  vitrt::SizedPlan sized = {&tinyPlans[0]};
  std::vector<float> x(tinyValues, 1.0f);
  std::vector<uint8_t> y;
  auto check = [&] {
    return vitrt::checkFinite(
        changed, sized, 1, [&](bool isInput, uint32_t, uint64_t bytes, const uint8_t *&out) {
          CHECK(bytes == (isInput ? x.size() * 4 : y.size()));
          out = isInput ? reinterpret_cast<const uint8_t *>(x.data()) : y.data();
          return vitrt::Status();
        });
  };
  struct Case {
    uint32_t dtype;
    uint64_t largest, bad[3]; // infinities and a NaN
  };
  const Case cases[] = {
      {VIT_F16, 0x7BFF, {0x7C00, 0xFC00, 0x7C01}},
      {VIT_BF16, 0x7F7F, {0x7F80, 0xFF80, 0xFFFF}},
      {VIT_TF32, 0x7F7FE000, {0x7F800000, 0xFF800000, 0x7F802000}},
      {VIT_F32, 0x7F7FFFFF, {0x7F800000, 0xFF800000, 0x7F800001}},
      {VIT_F64, 0x7FEFFFFFFFFFFFFF, {0x7FF0000000000000, 0xFFF0000000000000, 0x7FF0000000000001}}};
  for (const Case &one : cases) {
    size_t size = vitrt::sizeOf(output.dtype = weight.dtype = one.dtype);
    y.assign(tinyValues * size, 0);
    std::memcpy(&y[3 * size], &one.largest, size);
    CHECK(check());
    for (uint64_t bits : one.bad) {
      std::memcpy(&y[31 * size], &bits, size);
      CHECK(check().status() == VIT_NOT_FINITE);
      CHECK_THAT(check().message(),
                 Contains(one.dtype == VIT_F16 ? "--residual f32, or with --dtype bf16"
                                               : "vitc check --bisect"));
    }
  }
  // Where images attend to each other, one bad input excuses all of them.
  changed.batch_axis = 1;
  CHECK_THAT(check().message(), Contains("values that are not finite, although"));
  x[0] = infinity;
  CHECK(check());
}
