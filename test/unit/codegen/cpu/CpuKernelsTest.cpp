//===- CpuKernelsTest.cpp - Each kind of kernel on CPUs -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "test/unit/codegen/cpu/CpuModel.h"
#include "weights/HashWeights.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <limits>

using namespace vitc::test;

namespace {

std::string number(int64_t value) { return std::to_string(value); }

/// `body` makes %y of %x.
std::string function(const std::string &input, const std::string &output, const std::string &body) {
  return "func.func @model(%x: tensor<" + input + "xf32> {vit.name = \"x\"}) -> (tensor<" + output +
         "xf32> {vit.name = \"y\"}) {\n" + body + "\nreturn %y : tensor<" + output + "xf32>\n}\n";
}

bool sameBits(const std::vector<float> &a, const std::vector<float> &b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// Compares with the reference, and each form, number of threads and place in a batch with each
/// other.
void check(const std::string &text, int batch = 3, double tolerance = 2e-6, bool bytes = false) {
  INFO(text);
  std::vector<float> first;
  for (vit_isa isa : formsHere()) {
    CpuModel model(text, {isa});
    INFO("form " << isa);
    std::vector<float> input = randomValues(model.inputValues() * size_t(batch), 1);
    if (bytes)
      for (float &value : input)
        value = float(vitrt::levelOf(value));
    std::vector<float> found = model.run(input, batch, 1);
    double error = distance(found, model.reference(input, batch));
    CHECK(error <= tolerance);
    CHECK(sameBits(found, model.run(input, batch, 5)));
    if (first.empty())
      first = found;
    CHECK(sameBits(found, first));
  }
}

/// Rows of images do not depend on the others: the last image alone has its bits.
void checkBatch(const std::string &text, int batch) {
  for (vit_isa isa : formsHere()) {
    CpuModel model(text, {isa});
    std::vector<float> input = randomValues(model.inputValues() * size_t(batch), 2);
    std::vector<float> all = model.run(input, batch, 2);
    std::vector<float> alone = model.run({input.end() - long(model.inputValues()), input.end()}, 1);
    CHECK(sameBits(alone, {all.end() - long(model.outputValues()), all.end()}));
  }
}

std::string linear(int64_t tokens, int64_t k, int64_t n, const std::string &behind) {
  std::string in = "?x" + number(tokens) + "x" + number(k),
              out = "?x" + number(tokens) + "x" + number(n), t = "tensor<" + out + "xf32>";
  return function(in, out,
                  "%w = vit.weight \"fc.weight\" : tensor<" + number(n) + "x" + number(k) +
                      "xf32>\n" + "%b = vit.weight \"fc.bias\" : tensor<" + number(n) + "xf32>\n" +
                      "%0 = vit.linear %x, %w : tensor<" + in + "xf32>, tensor<" + number(n) + "x" +
                      number(k) + "xf32> -> " + t + "\n" + "%1 = vit.bias_add %0, %b : " + t +
                      ", tensor<" + number(n) + "xf32> -> " + t + "\n" + "%y = " + behind +
                      " %1 : " + t + " -> " + t);
}

std::string attention(int64_t tokens, int64_t heads, int64_t headDim, const std::string &extra = "",
                      const std::string &before = "", const std::string &axis = "tokens") {
  int64_t width = heads * headDim;
  std::string in = "?x" + number(tokens) + "x" + number(3 * width),
              out = "?x" + number(tokens) + "x" + number(width), t = "tensor<" + in + "xf32>";
  return function(in, out,
                  before + "%y = vit.attention %x, %x, %x " + extra + " heads " + number(heads) +
                      " head_dim " + number(headDim) + " scale 0.75 axis " + axis +
                      " offsets [0, " + number(width) + ", " + number(2 * width) + "] " +
                      "WINDOWS : " + t + ", " + t + ", " + t + " -> tensor<" + out + "xf32>");
}

std::string withWindows(std::string text, const std::string &windows) {
  text.replace(text.find("WINDOWS"), 7, windows);
  return text;
}

} // namespace

TEST_CASE("CPU: products of any shape") {
  for (auto [tokens, k, n] :
       {std::tuple{1, 1, 1}, {5, 7, 33}, {13, 64, 32}, {43, 48, 40}, {50, 130, 100}, {7, 1024, 64}})
    check(linear(tokens, k, n, "vit.relu"));
  checkBatch(linear(9, 40, 50, "vit.gelu erf"), 5);
}

TEST_CASE("CPU: products of bf16") {
  for (auto [tokens, k, n] : {std::tuple{1, 2, 1}, {43, 48, 40}, {50, 130, 100}, {7, 1024, 64}}) {
    std::string text = linear(tokens, k, n, "vit.gelu erf");
    INFO(text);
    constexpr int batch = 3;
    std::vector<float> widened;
    for (vit_isa isa : formsHere("bf16")) {
      INFO("form " << isa);
      CpuModel model(text, {isa}, "bf16");
      std::vector<float> input = randomValues(model.inputValues() * batch, 1);
      std::vector<float> found = model.run(input, batch, 1);
      CHECK(distance(found, model.reference(input, batch)) <= 6e-3); // 2^-9 in each factor
      CHECK(sameBits(found, model.run(input, batch, 5)));
      std::vector<float> alone =
          model.run({input.end() - long(model.inputValues()), input.end()}, 1);
      CHECK(sameBits(alone, {found.end() - long(model.outputValues()), found.end()}));
      if (widened.empty())
        widened = found;
      // vdpbf16ps rounds otherwise; what is widened has the same bits.
      if (isa == VIT_ISA_AVX512_BF16)
        CHECK(distance(found, {widened.begin(), widened.end()}) <= 1e-5);
      else
        CHECK(sameBits(found, widened));
    }
  }
}

TEST_CASE("CPU: bf16 is rounded to nearest even and keeps what is no number") {
  // One value goes through a product with the weight 1.
  std::string t = "tensor<?x1x2xf32>";
  std::string text =
      function("?x1x2", "?x1x2",
               "%w = vit.weight \"eye.weight\" : tensor<2x2xf32>\n%y = vit.linear %x, %w : " + t +
                   ", tensor<2x2xf32> -> " + t);
  CpuModel model(text, {VIT_ISA_AVX2}, "bf16");
  std::vector<float> ties = {1 + 0x1p-8f, 0, 1 + 0x3p-8f, 0, NAN, 0, 0x1p-8f + 1 + 0x1p-20f, 0};
  std::vector<float> even = {1, 0, 1 + 0x4p-8f, 0, NAN, 0, 1 + 0x2p-8f, 0};
  std::vector<float> found = model.run(ties, 4), expected = model.run(even, 4);
  for (size_t i = 0; i != found.size(); ++i)
    CHECK((found[i] == expected[i] || (std::isnan(found[i]) && std::isnan(expected[i]))));
  CHECK(std::isnan(found[4]));
}

TEST_CASE("CPU: every function behind a product") {
  for (const char *behind : {"vit.gelu erf", "vit.gelu tanh", "vit.gelu quick", "vit.silu",
                             "vit.tanh", "vit.sigmoid", "vit.relu"})
    check(linear(11, 24, 20, behind));
}

TEST_CASE("CPU: functions of infinities and of the largest numbers are what the reference has") {
  constexpr float infinity = std::numeric_limits<float>::infinity(),
                  largest = std::numeric_limits<float>::max();
  const std::vector<float> input = {infinity, -infinity, largest, -largest, 1e38f,  -1e38f,
                                    1e20f,    -1e20f,    NAN,     88.4f,    -88.4f, 88.75f,
                                    -89.f,    -0.f,      0.f,     300.f,    -300.f};
  const std::string t = "?x" + std::to_string(input.size());
  for (const char *name : {"vit.gelu erf", "vit.gelu tanh", "vit.gelu quick", "vit.silu",
                           "vit.tanh", "vit.sigmoid", "vit.relu"}) {
    std::string type = "tensor<" + t + "xf32>";
    CpuModel model(function(t, t, std::string("%y = ") + name + " %x : " + type + " -> " + type),
                   formsHere());
    std::vector<float> found = model.run(input, 1);
    std::vector<double> expected = model.reference(input, 1);
    for (size_t i = 0; i != input.size(); ++i) {
      INFO(name << " of " << input[i] << " is " << found[i] << ", expected " << expected[i]);
      CHECK(std::isnan(found[i]) == std::isnan(expected[i]));
      if (std::isinf(expected[i]))
        CHECK(found[i] == float(expected[i]));
      else if (!std::isnan(expected[i]))
        CHECK(std::abs(found[i] - expected[i]) <= 1e-6 * std::abs(expected[i]) + 1e-35);
    }
  }
}

TEST_CASE("CPU: functions are within 3e-7 of what they are") {
  using Function = double (*)(double);
  std::pair<const char *, Function> functions[] = {
      {"vit.gelu erf", [](double x) { return x / 2 * std::erfc(-x * M_SQRT1_2); }},
      {"vit.gelu tanh",
       [](double x) {
         return x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
       }},
      {"vit.gelu quick", [](double x) { return x / (1 + std::exp(-1.702 * x)); }},
      {"vit.silu", [](double x) { return x / (1 + std::exp(-x)); }},
      {"vit.tanh", [](double x) { return std::tanh(x); }},
      {"vit.sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }}};
  constexpr int64_t width = 4000;
  std::vector<float> input(width);
  for (int64_t i = 0; i < width; ++i)
    input[size_t(i)] = float(i - width / 2) * 0.002f; // -4 to 4
  input[0] = NAN;
  for (auto [name, exact] : functions) {
    CpuModel model(
        function("?x4000", "?x4000",
                 std::string("%y = ") + name + " %x : tensor<?x4000xf32> -> tensor<?x4000xf32>"),
        {formsHere().front()});
    std::vector<float> found = model.run(input, 1);
    double worst = 0;
    for (size_t i = 1; i < input.size(); ++i) {
      double expected = exact(input[i]);
      double error =
          expected != 0 ? std::abs(found[i] - expected) / std::abs(expected) : std::abs(found[i]);
      worst = std::max(worst, error);
    }
    INFO(name << " is off by " << worst);
    CHECK(worst < 1e-6);
    CHECK(std::isnan(found[0]));
    // Far out they are what they tend to.
    std::vector<float> far(width, 0.f);
    far[0] = 1e4f;
    far[1] = -1e4f;
    far[2] = INFINITY;
    found = model.run(far, 1);
    CHECK(found[0] == Approx(exact(1e4)));
    CHECK(found[1] == Approx(exact(-1e4)).margin(1e-30));
  }
}

TEST_CASE("CPU: norms, also of groups, of columns that do not count, with ops around") {
  for (int64_t width : {1, 15, 16, 48, 100, 770}) {
    std::string t = "tensor<?x5x" + number(width) + "xf32>",
                w = "tensor<" + number(width) + "xf32>";
    check(function("?x5x" + number(width), "?x5x" + number(width),
                   "%g = vit.weight \"norm.weight\" : " + w + "\n%b = vit.weight \"norm.bias\" : " +
                       w + "\n%0 = vit.scale %x by 3.0 : " + t + " -> " + t +
                       "\n%1 = vit.layer_norm %0, %g, %b " + "eps 1.0e-6 : " + t + ", " + w + ", " +
                       w + " -> " + t + "\n%2 = vit.add %1, %0 : " + t + ", " + t + " -> " + t +
                       "\n%y = vit.tanh %2 : " + t + " -> " + t));
  }
  check(function(
      "?x5x72", "?x5x72",
      "%g = vit.weight \"norm.weight\" : tensor<24xf32>\n"
      "%y = vit.rms_norm %x, %g eps 1.0e-6 groups 3 : tensor<?x5x72xf32>, tensor<24xf32> -> "
      "tensor<?x5x72xf32>"));
  check(function(
      "?x40", "?x40",
      "%g = vit.weight \"norm.weight\" : tensor<40xf32>\n%b = vit.weight \"norm.bias\" : "
      "tensor<40xf32>\n%y = vit.layer_norm %x, %g, %b eps 1.0e-6 columns 21 : tensor<?x40xf32>, "
      "tensor<40xf32>, tensor<40xf32> -> tensor<?x40xf32>"));
}

TEST_CASE("CPU: attention of any length and width of heads") {
  for (auto [tokens, heads, headDim] : {std::tuple{1, 1, 1},
                                        {5, 3, 8},
                                        {33, 2, 24},
                                        {197, 1, 64},
                                        {40, 2, 80},
                                        {321, 1, 16},
                                        {500, 1, 40}})
    check(withWindows(attention(tokens, heads, headDim), ""), 2);
  checkBatch(withWindows(attention(50, 2, 16), ""), 3);
}

TEST_CASE("CPU: attention between images, with a bias, in windows") {
  for (int batch : {1, 40, 300})
    check(withWindows(attention(2, 2, 16, "", "", "batch"), ""), batch);
  check(withWindows(attention(37, 3, 16, "bias %t : tensor<37x3x40xf32>",
                              "%t = vit.weight \"table\" : tensor<37x3x40xf32>\n"),
                    ""));
  check(withWindows(attention(64, 2, 16, "bias %t : tensor<16x2x16xf32>",
                              "%t = vit.weight \"table\" : tensor<16x2x16xf32>\n"),
                    "windows <grid = [8, 8], size = [4, 4], shift = [2, 1]>"));
  check(withWindows(attention(196, 1, 12),
                    "windows <grid = [14, 14], size = [7, 7], shift = [0, 0]>"));
}

TEST_CASE("CPU: patches of bytes, exactly") {
  auto patches = [](int64_t channels, int64_t height, int64_t width, int64_t ph, int64_t pw,
                    int64_t lead, int64_t spare) {
    std::string in = "tensor<?x" + number(height) + "x" + number(width) + "x" + number(channels) +
                     "xui8>",
                out = "tensor<?x" + number(lead + height / ph * (width / pw)) + "x" +
                      number(channels * ph * pw + spare) + "xf32>";
    check("func.func @model(%x: " + in + " {vit.name = \"x\"}) -> (" + out +
              " {vit.name = \"y\"}) {\n%y = vit.patchify %x bytes [" + number(ph) + ", " +
              number(pw) + "] lead " + number(lead) + " : " + in + " -> " + out +
              "\nreturn %y : " + out + "\n}\n",
          3, 0, /*bytes=*/true);
  };
  patches(3, 13, 18, 4, 6, 1, 3); // 18 values in a run: a vector and a part
  patches(3, 32, 32, 16, 16, 0, 0);
  patches(1, 10, 15, 5, 5, 0, 7);
  patches(4, 8, 12, 2, 4, 2, 0); // 16: one vector
}

TEST_CASE("CPU: patches, tokens and tables") {
  check(
      function(
          "?x3x13x18", "?x10x75",
          "%y = vit.patchify %x conv [4, 6] lead 1 : tensor<?x3x13x18xf32> -> tensor<?x10x75xf32>"),
      2);
  check(
      function("?x3x12x12", "?x9x48",
               "%y = vit.patchify %x unfold [4, 4] : tensor<?x3x12x12xf32> -> tensor<?x9x48xf32>"),
      2);
  std::string t = "tensor<?x6x20xf32>";
  check(function(
      "?x5x20", "?x20",
      "%c = vit.weight \"cls_token\" : tensor<1x20xf32>\n%p = vit.weight \"pos_embed\" : "
      "tensor<6x20xf32>\n%0 = vit.prepend %c, %x : tensor<1x20xf32>, tensor<?x5x20xf32> -> " +
          t + "\n%1 = vit.position %0, %p : " + t + ", tensor<6x20xf32> -> " + t +
          "\n%y = vit.mean_tokens %1 from 1 : " + t + " -> tensor<?x20xf32>"));
  check(function("?x5x20", "?x20",
                 "%c = vit.weight \"cls_token\" : tensor<1x20xf32>\n%0 = vit.append %x, %c : "
                 "tensor<?x5x20xf32>, tensor<1x20xf32> -> " +
                     t + "\n%1 = vit.tanh %0 : " + t + " -> " + t +
                     "\n%y = vit.select %1 token 4 : " + t + " -> tensor<?x20xf32>"));
  check(function(
      "?x24x10", "?x6x40",
      "%y = vit.merge_patches %x grid [4, 6] : tensor<?x24x10xf32> -> tensor<?x6x40xf32>"));
  for (int64_t width : {32, 24, 20}) // of heads, in vectors and not
    check(function("?x4x" + number(6 * width), "?x4x" + number(6 * width),
                   "%t = vit.weight \"table\" : tensor<4x" + number(width) +
                       "xf32>\n%y = vit.rope %x, %t " + "columns " + number(4 * width) +
                       " : tensor<?x4x" + number(6 * width) + "xf32>, tensor<4x" + number(width) +
                       "xf32> -> tensor<?x4x" + number(6 * width) + "xf32>"));
}

TEST_CASE("CPU: a gated product is one kernel") {
  std::string t = "tensor<?x5x40xf32>", w = "tensor<40x24xf32>";
  std::string text =
      function("?x5x24", "?x5x40",
               "%v = vit.weight \"up.weight\" : " + w + "\n%w = vit.weight \"gate.weight\" : " + w +
                   "\n%0 = vit.linear %x, %w : tensor<?x5x24xf32>, " + w + " -> " + t +
                   "\n%1 = vit.silu %0 : " + t + " -> " + t +
                   "\n%2 = vit.linear %x, %v : tensor<?x5x24xf32>, " + w + " -> " + t +
                   "\n%y = vit.mul %1, %2 : " + t + ", " + t + " -> " + t);
  check(text);
  CpuModel model(text, formsHere());
  CHECK(model.library().targets[0].kernel_count == 1);
  CHECK(static_cast<const vit_cpu_code *>(model.library().targets[0].kernels[0].code)->form_count ==
        formsHere().size());
}
