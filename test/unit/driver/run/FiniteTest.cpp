//===- FiniteTest.cpp - Inputs and outputs that are no numbers -------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "driver/run/Finite.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

using namespace vitc::driver;
using Catch::Matchers::Contains;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
const ValueShape image = {"pixel_values", {1, 2, 2}};

std::vector<std::string> warnings(std::vector<float> values, const ValueShape &shape = image) {
  return inputWarnings(shape, values);
}

} // namespace

TEST_CASE("finite: inputs that are no numbers are counted and placed") {
  CHECK(warnings({0, 1, -2, 0.5}).empty());
  auto told = warnings({0, 1, 2, 3, 0, NAN, -inf, 0.5});
  REQUIRE(told.size() == 1);
  CHECK(told[0] ==
        "'pixel_values' has 2 of 8 values that are not finite, of image 1 element 1 is nan; "
        "what is made of them is no number either");
  CHECK_THAT(warnings({0, 1, 2, -inf})[0], Contains("of image 0 element 3 is -inf"));
}

TEST_CASE("finite: pixels of 8 bits where normalised values are expected") {
  auto told = warnings({0, 17, 255, 3});
  REQUIRE(told.size() == 1);
  CHECK_THAT(told[0], Contains("only integers from 0 to 255, as pixels of 8 bits") &&
                          Contains("give (pixel / 255 - mean) / std"));
  CHECK(warnings({0, 17, 255, 3.5}).empty());
  CHECK(warnings({0, 17, 256, 3}).empty());
  CHECK(warnings({0, 17, 255, -1}).empty());
  CHECK(warnings({0, 1, 16, 3}).empty()); // a picture of few levels, or a one-hot code
  CHECK(warnings({0, 17, 255, 3}, {"x", {4}}).empty());
}

TEST_CASE("finite: the first image whose output is no number though its input is one") {
  RunnableModel model = {{"x", {1}}, {{"y", {1}}, {"z", {2}}}, 2, false};
  auto run = [](int64_t batch, std::span<const float> input,
                std::span<std::vector<double>> outputs) {
    for (int64_t i = 0; i != batch; ++i) {
      outputs[0][i] = input[i];
      outputs[1][2 * i] = 0;
      outputs[1][2 * i + 1] = input[i] == 7 ? HUGE_VAL : 1;
    }
    return Result<void>();
  };
  auto look = [&](std::vector<float> values, bool batchAxis = false) {
    model.batchAxis = batchAxis;
    FiniteWatch watch(model, run);
    auto done =
        runChunks(model, values, int64_t(values.size()), watch.function(), [](auto, auto, auto) {});
    CHECK(bool(done));
    return watch.finding();
  };
  CHECK_FALSE(look({1, 2, 3}));
  CHECK_FALSE(look({1, NAN, 3})); // as it must be
  auto found = look({1, NAN, 3, 7, 7});
  REQUIRE(found);
  CHECK(found->text() == "image 3 of 'z' has inf although its input is finite");
  CHECK(found->batch == 2);
  CHECK(found->input == std::vector<float>{3, 7});
  CHECK_FALSE(look({NAN, 7}, /*batchAxis=*/true)); // one image is in the other
  CHECK(look({1, 7}, /*batchAxis=*/true));
}
