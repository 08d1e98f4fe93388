//===- QuantizedTest.cpp - Products of i8 on CPUs -------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Sums of i8 are exact, so there is one right answer: what the definitions of vit.quantize and
// vit.quantize_panels give, computed here one value at a time.
//
//===----------------------------------------------------------------------===//

#include "test/unit/codegen/cpu/CpuModel.h"
#include "weights/HashWeights.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace vitc::test;

namespace {

std::string number(int64_t value) { return std::to_string(value); }

/// relu(x * w), or another function of it, which is not the last product of a model and so of i8;
/// `before` makes %0 of %x.
std::string product(int64_t tokens, int64_t k, int64_t n, const std::string &before = "",
                    const std::string &function = "relu") {
  std::string in = "tensor<?x" + number(tokens) + "x" + number(k) + "xf32>",
              out = "tensor<?x" + number(tokens) + "x" + number(n) + "xf32>",
              weight = "tensor<" + number(n) + "x" + number(k) + "xf32>";
  return "func.func @model(%x: " + in + " {vit.name = \"x\"}) -> (" + out +
         " {vit.name = \"y\"}) {\n" + before + "%w = vit.weight \"fc.weight\" : " + weight +
         "\n%1 = vit.linear " + (before.empty() ? "%x" : "%0") + ", %w : " + in + ", " + weight +
         " -> " + out + "\n%y = vit." + function + " %1 : " + out + " -> " + out +
         "\nreturn %y : " + out + "\n}\n";
}

std::string norm(int64_t tokens, int64_t k, const std::string &options = "") {
  std::string t = "tensor<?x" + number(tokens) + "x" + number(k) + "xf32>",
              v = "tensor<" + number(k) + "xf32>";
  return "%g = vit.weight \"g\" : " + v + "\n%b = vit.weight \"b\" : " + v +
         "\n%0 = vit.layer_norm %x, %g, %b eps 1.0e-6 " + options + " : " + t + ", " + v + ", " +
         v + " -> " + t + "\n";
}

std::vector<float> weights(int64_t n, int64_t k) {
  std::vector<float> values(size_t(n * k));
  vitrt::hashTensor("fc.weight", std::vector{n, k}, 0, values);
  return values;
}

/// A row as vit.quantize has it.
struct Row {
  std::vector<int32_t> steps;
  float scale;
  int32_t zero;
};
Row quantizedRow(const float *x, int64_t k) {
  float low = std::min(0.f, *std::min_element(x, x + k)),
        high = std::max(0.f, *std::max_element(x, x + k)),
        perStep = high > low ? 255 / (high - low) : 0; // a row of zeros has no steps
  auto round = [&](float value) { return int32_t(std::nearbyint(double(value) * perStep)); };
  Row row = {{}, (high - low) / 255, round(-low)};
  for (int64_t i = 0; i < k; ++i)
    row.steps.push_back(std::min(round(x[i]) + row.zero, 255));
  return row;
}

/// A column as vit.quantize_panels has it.
Row quantizedColumn(const float *w, int64_t k) {
  double most = 0;
  for (int64_t i = 0; i < k; ++i)
    most = std::max(most, std::fabs(double(w[i])));
  Row column = {{}, float(most / 127), 0};
  for (int64_t i = 0; i < k; ++i)
    column.steps.push_back(int32_t(std::nearbyint(w[i] / double(column.scale))));
  return column;
}

std::vector<float> productsOf(const std::vector<float> &input, int64_t k, int64_t n) {
  std::vector<float> all = weights(n, k), result;
  for (size_t begin = 0; begin < input.size(); begin += size_t(k)) {
    Row row = quantizedRow(input.data() + begin, k);
    for (int64_t column = 0; column < n; ++column) {
      Row w = quantizedColumn(all.data() + column * k, k);
      int64_t sum = 0;
      for (int64_t i = 0; i < k; ++i)
        sum += int64_t(row.steps[size_t(i)] - row.zero) * w.steps[size_t(i)];
      float scale = row.scale * w.scale;
      result.push_back(float(sum) * scale);
    }
  }
  return result;
}

/// What product() computes.
std::vector<float> expectedOf(const std::vector<float> &input, int64_t k, int64_t n) {
  std::vector<float> values = productsOf(input, k, n);
  for (float &value : values)
    value = std::max(0.f, value);
  return values;
}

bool sameBits(const std::vector<float> &a, const std::vector<float> &b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

std::vector<float> lastOf(const std::vector<float> &values, size_t count) {
  return {values.end() - long(count), values.end()};
}

} // namespace

TEST_CASE("CPU: products of i8 are exact in every form") {
  constexpr int batch = 3;
  for (auto [tokens, k, n] : {std::tuple{1, 1, 1},
                              {5, 7, 33},
                              {13, 64, 32},
                              {43, 50, 40},
                              {50, 131, 100},
                              {7, 1024, 64},
                              {1, 768, 32}}) {
    std::string text = product(tokens, k, n);
    INFO(text);
    for (vit_isa isa : formsHere("i8")) {
      INFO("form " << isa);
      CpuModel model(text, {isa}, "i8");
      std::vector<float> input = randomValues(model.inputValues() * batch, 1);
      std::vector<float> found = model.run(input, batch, 1);
      CHECK(found == expectedOf(input, k, n));
      CHECK(sameBits(found, model.run(input, batch, 5)));
    }
  }
}

TEST_CASE("CPU: products of i8 of the largest values do not saturate") {
  constexpr int64_t k = 512, n = 32;
  for (vit_isa isa : formsHere("i8")) {
    INFO("form " << isa);
    CpuModel model(product(2, k, n), {isa}, "i8");
    std::vector<float> input(2 * k, 1); // 255, whatever the weight
    input[k] = -1e-3f;                  // and some other zero
    CHECK(model.run(input, 1) == expectedOf(input, k, n));
  }
}

TEST_CASE("CPU: rows of i8 are made once, by the norm before them if there is one") {
  constexpr int batch = 4;
  for (auto [tokens, k, options] : {std::tuple{9, 48, ""}, {5, 50, ""}, {3, 48, "columns 21"}}) {
    std::string text = product(tokens, k, 40, norm(tokens, k, options));
    INFO(text);
    std::vector<float> first;
    for (vit_isa isa : formsHere("i8")) {
      INFO("form " << isa);
      CpuModel model(text, {isa}, "i8");
      CHECK(model.library().targets[0].kernel_count == 2);
      std::vector<float> input = randomValues(model.inputValues() * batch, 1);
      std::vector<float> found = model.run(input, batch, 1);
      CHECK(distance(found, model.reference(input, batch)) <= 2e-2);
      CHECK(sameBits(found, model.run(input, batch, 5)));
      CHECK(sameBits(model.run(lastOf(input, model.inputValues()), 1),
                     lastOf(found, model.outputValues())));
      first = first.empty() ? found : first;
      CHECK(sameBits(found, first));
    }
  }
}

TEST_CASE("CPU: a row of i8 with what is no number makes none of its products") {
  constexpr int64_t k = 20, n = 8;
  for (float bad : {NAN, INFINITY, -INFINITY})
    for (vit_isa isa : formsHere("i8")) {
      INFO("form " << isa << ", " << bad);
      // Of no number relu is a matter of taste.
      CpuModel model(product(3, k, n, "", "tanh"), {isa}, "i8");
      std::vector<float> input = randomValues(model.inputValues(), 1);
      std::vector<float> good = model.run(input, 1);
      input[k + 3] = bad;
      std::vector<float> found = model.run(input, 1);
      for (size_t i = 0; i < found.size(); ++i)
        if (i / n == 1)
          CHECK(std::isnan(found[i]));
        else
          CHECK(found[i] == good[i]);
    }
}

TEST_CASE("CPU: rows of i8 that are zero, or nearly, are zero") {
  constexpr int64_t k = 20, n = 8;
  for (vit_isa isa : formsHere("i8")) {
    CpuModel model(product(2, k, n), {isa}, "i8");
    std::vector<float> input(2 * k, 0);
    input[3] = 1e-38f;
    CHECK(model.run(input, 1) == std::vector<float>(2 * n, 0));
  }
}

TEST_CASE("CPU: GELU behind a product of i8 is within 4e-5 of what it is") {
  // Rows of one value, which is a step of 255 or 0, so that products are what they are made for.
  constexpr int tokens = 3000;
  const float weight = weights(1, 1)[0];
  std::vector<float> input;
  for (int i = 0; i < tokens; ++i)
    input.push_back(float(i - tokens / 2) * 0.004f / weight); // products from -6 to 6
  input.front() = -1e30f / weight;
  input.back() = 1e30f / weight;
  std::vector<float> products = productsOf(input, 1, 1), first;
  for (vit_isa isa : formsHere("i8")) {
    INFO("form " << isa);
    CpuModel model(product(tokens, 1, 1, "", "gelu erf"), {isa}, "i8");
    std::vector<float> found = model.run(input, 1);
    double worst = 0;
    for (size_t i = 1; i + 1 < found.size(); ++i)
      worst = std::max(
          worst, std::abs(found[i] - products[i] / 2.0 * std::erfc(-products[i] * M_SQRT1_2)));
    INFO("it is off by " << worst);
    CHECK(worst < 4.1e-5);
    CHECK(found.front() == 0);
    CHECK(found.back() == products.back());
    CHECK(std::isnan(model.run(std::vector<float>(tokens, NAN), 1)[0]));
    first = first.empty() ? found : first;
    CHECK(sameBits(found, first));
  }
}
