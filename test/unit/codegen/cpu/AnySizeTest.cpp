//===- AnySizeTest.cpp - CPU kernels for images of any size ---------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A model as text at 16x24 pixels and for any size is one library; at other sizes it is compared
// with the reference of the text at that size.
//===----------------------------------------------------------------------===//

#include "codegen/cpu/CpuCode.h"
#include "runtime/Plan.h"
#include "test/unit/codegen/cpu/CpuModel.h"
#include "weights/HashWeights.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/Module.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <functional>

using namespace vitc;
using namespace vitc::test;

namespace {

std::string number(int64_t value) { return std::to_string(value); }

constexpr int64_t patch[2] = {4, 6};

/// A model for images of some size in pixels, which is that of vit::anyGrid for any.
struct Shape {
  int64_t height, width;
  int64_t down() const { return height / patch[0]; }
  int64_t across() const { return width / patch[1]; }
  int64_t patches() const { return down() * across(); }
};
constexpr Shape native = {16, 24};
constexpr Shape any = {vit::anyGrid[0] * patch[0], vit::anyGrid[1] * patch[1]};

using Body = std::function<std::string(const Shape &)>; ///< makes %y of %x

/// What comes in and goes out, the batch left out: "x3x16x24xf32".
struct Text {
  std::function<std::string(const Shape &)> input, output;
  Body body;

  std::string of(const Shape &shape) const {
    std::string in = "tensor<?" + input(shape) + ">", out = "tensor<?" + output(shape) + ">";
    std::string attribute = shape.height != any.height
                                ? ""
                                : "attributes {vit.any_size = {max_tokens = 600 : i64, patch = "
                                  "array<i64: 4, 6>}} ";
    return "func.func @model(%x: " + in + " {vit.name = \"x\"}) -> (" + out +
           " {vit.name = \"y\"}) " + attribute + "{\n" + body(shape) + "\nreturn %y : " + out +
           "\n}\n";
  }
};

std::string pixels(const Shape &shape) {
  return "x3x" + number(shape.height) + "x" + number(shape.width) + "xf32";
}
std::string bytesOf(const Shape &shape) {
  return "x" + number(shape.height) + "x" + number(shape.width) + "x3xui8";
}

bool sameBits(const std::vector<float> &a, const std::vector<float> &b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// One patch; some; more than one block of keys; with lines and columns that fill no patch.
const Shape sizes[] = {{4, 6}, {24, 12}, {61, 89}, {7, 47}, {16, 24}};

/// Compares with the reference, and forms, numbers of threads and places in a batch with each
/// other. `whole`: at sizes that patches fill.
void check(const Text &text, double tolerance = 2e-6, bool bytes = false, bool whole = false) {
  INFO(text.of(native));
  std::vector<std::vector<float>> first(std::size(sizes)); // of the first form
  for (vit_isa isa : formsHere()) {
    CpuModel model(text.of(native), {isa}, "f32", text.of(any));
    REQUIRE(model.library().plan_count == 2);
    for (size_t i = 0; i < std::size(sizes); ++i) {
      const Shape &shape = sizes[i];
      if (whole && (shape.height % patch[0] || shape.width % patch[1]))
        continue;
      INFO("form " << isa << ", " << shape.height << "x" << shape.width);
      vitrt::ImageSize size = {int(shape.height), int(shape.width)};
      constexpr int batch = 3;
      size_t values = size_t(3 * shape.height * shape.width);
      std::vector<float> input = randomValues(batch * values, i);
      if (bytes)
        for (float &value : input)
          value = float(vitrt::levelOf(value));
      std::vector<float> found = model.run(input, batch, 1, size);
      CHECK(distance(found, referenceOf(text.of(shape), input, batch)) <= tolerance);
      CHECK(sameBits(found, model.run(input, batch, 5, size)));
      std::vector<float> alone = model.run({input.end() - long(values), input.end()}, 1, 2, size);
      CHECK(sameBits(alone, {found.end() - long(alone.size()), found.end()}));
      if (first[i].empty())
        first[i] = found;
      CHECK(sameBits(found, first[i]));
    }
  }
}

/// Patches with a position, behind a class token and before three others, which attend to each
/// other.
std::string tokens(const Shape &shape) {
  auto t = [&](int64_t extra, int64_t width) {
    return "tensor<?x" + number(shape.patches() + extra) + "x" + number(width) + "xf32>";
  };
  std::string image = "tensor<?" + pixels(shape) + ">",
              table = "tensor<" + number(shape.patches()) + "x20xf32>";
  return "%p = vit.patchify %x conv [4, 6] : " + image + " -> " + t(0, 72) +
         "\n%w = vit.weight \"patch.weight\" : tensor<20x72xf32>"
         "\n%0 = vit.linear %p, %w : " +
         t(0, 72) + ", tensor<20x72xf32> -> " + t(0, 20) +
         "\n%learned = vit.weight \"position\" : tensor<4x20xf32>"
         "\n%resampled = vit.resample %learned cubic [2, 2] to [" +
         number(shape.down()) + ", " + number(shape.across()) + "] : tensor<4x20xf32> -> " + table +
         "\n%1 = vit.position %0, %resampled : " + t(0, 20) + ", " + table + " -> " + t(0, 20) +
         "\n%c = vit.weight \"class\" : tensor<1x20xf32>"
         "\n%2 = vit.prepend %c, %1 : tensor<1x20xf32>, " +
         t(0, 20) + " -> " + t(1, 20) +
         "\n%r = vit.weight \"registers\" : tensor<3x20xf32>"
         "\n%3 = vit.append %2, %r : " +
         t(1, 20) + ", tensor<3x20xf32> -> " + t(4, 20) +
         "\n%v = vit.weight \"qkv\" : tensor<60x20xf32>"
         "\n%4 = vit.linear %3, %v : " +
         t(4, 20) + ", tensor<60x20xf32> -> " + t(4, 60) +
         "\n%5 = vit.attention %4, %4, %4 heads 2 head_dim 10 scale 0.75 axis tokens offsets "
         "[0, 20, 40] : " +
         t(4, 60) + ", " + t(4, 60) + ", " + t(4, 60) + " -> " + t(4, 20) +
         "\n%6 = vit.add %5, %3 : " + t(4, 20) + ", " + t(4, 20) + " -> " + t(4, 20) + "\n";
}

std::string typeOfTokens(const Shape &shape) {
  return "tensor<?x" + number(shape.patches() + 4) + "x20xf32>";
}

} // namespace

TEST_CASE("CPU: patches of images of any size") {
  for (bool unfold : {false, true})
    check({pixels, [](const Shape &shape) { return "x" + number(shape.patches() + 1) + "x75xf32"; },
           [&](const Shape &shape) {
             return "%y = vit.patchify %x " + std::string(unfold ? "unfold" : "conv") +
                    " [4, 6] lead 1 : tensor<?" + pixels(shape) + "> -> tensor<?x" +
                    number(shape.patches() + 1) + "x75xf32>";
           }},
          0, /*bytes=*/false, /*whole=*/unfold);
  check({bytesOf, [](const Shape &shape) { return "x" + number(shape.patches()) + "x72xf32"; },
         [](const Shape &shape) {
           return "%y = vit.patchify %x bytes [4, 6] : tensor<?" + bytesOf(shape) +
                  "> -> tensor<?x" + number(shape.patches()) + "x72xf32>";
         }},
        0, /*bytes=*/true);
}

TEST_CASE("CPU: tokens, tables and attention of images of any size") {
  auto one = [](const Shape &) -> std::string { return "x20xf32"; };
  check({pixels, one, [](const Shape &shape) {
           return tokens(shape) + "%y = vit.mean_tokens %6 from 1 : " + typeOfTokens(shape) +
                  " -> tensor<?x20xf32>";
         }});
  check({pixels, one, [](const Shape &shape) {
           return tokens(shape) + "%y = vit.select %6 token 0 : " + typeOfTokens(shape) +
                  " -> tensor<?x20xf32>";
         }});
  check({pixels, [](const Shape &) -> std::string { return "x3x20xf32"; }, // behind the patches
         [](const Shape &shape) {
           return tokens(shape) + "%y = vit.slice_tokens %6 from " + number(shape.patches() + 1) +
                  " : " + typeOfTokens(shape) + " -> tensor<?x3x20xf32>";
         }});
}

namespace {

constexpr int64_t heads = 2, headDim = 8, attended = heads * headDim;

const char *const biased = R"(
vit.kernel @attention(%x: tensor<?x3954x48xf32>, %b: tensor<3954x2x3956xf32>) -> tensor<?x3954x16xf32>
    attributes {tokens = 3953 : i64} {
  %0 = vit.attention %x, %x, %x bias %b : tensor<3954x2x3956xf32> heads 2 head_dim 8 scale 0.5 axis tokens
      offsets [0, 16, 32] : tensor<?x3954x48xf32>, tensor<?x3954x48xf32>, tensor<?x3954x48xf32> -> tensor<?x3954x16xf32>
  vit.yield %0 : tensor<?x3954x16xf32>
}
)";

/// Of one image and one query: the weights of all keys, then their sum of values.
std::vector<double> attend(const std::vector<float> &rows, const std::vector<float> &bias,
                           int64_t count, int64_t stride) {
  std::vector<double> result(size_t(count * attended));
  for (int64_t query = 0; query < count; ++query)
    for (int64_t head = 0; head < heads; ++head) {
      std::vector<double> weights;
      double sum = 0;
      for (int64_t key = 0; key < count; ++key) {
        double score = 0;
        for (int64_t i = 0; i < headDim; ++i)
          score += double(rows[size_t(query * 3 * attended + head * headDim + i)]) *
                   rows[size_t(key * 3 * attended + attended + head * headDim + i)];
        score = 0.5 * score + bias[size_t((query * heads + head) * stride + key)];
        sum += weights.emplace_back(std::exp(score));
      }
      for (int64_t key = 0; key < count; ++key)
        for (int64_t i = 0; i < headDim; ++i)
          result[size_t(query * attended + head * headDim + i)] +=
              weights[size_t(key)] / sum *
              rows[size_t(key * 3 * attended + 2 * attended + head * headDim + i)];
    }
  return result;
}

} // namespace

// A table with a row for each query and a column for each key: both grow with the image.
TEST_CASE("CPU: a bias of pairs of tokens of images of any size") {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<vit::VitDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(biased, &context);
  REQUIRE(module);
  for (vit_isa isa : formsHere()) {
    auto code = codegen::generateCpu(*module, {isa});
    REQUIRE(mlir::succeeded(code));
    auto llvm = std::make_unique<llvm::LLVMContext>();
    auto parsed = llvm::parseBitcodeFile(llvm::MemoryBufferRef(code->bitcode, "cpu"), *llvm);
    REQUIRE(bool(parsed));
    auto jit = llvm::cantFail(llvm::orc::LLJITBuilder().create());
    llvm::cantFail(jit->addIRModule({std::move(*parsed), std::move(llvm)}));
    auto function = llvm::cantFail(jit->lookup(codegen::cpuSymbol("attention", isa)))
                        .toPtr<std::remove_pointer_t<vit_cpu_function>>();
    for (int64_t patches : {1, 40, 300}) {
      INFO("form " << isa << ", " << patches << " patches");
      int64_t count = patches + 1, stride = patches + 3, tiles = (count + 31) / 32 * heads;
      std::vector<float> rows = randomValues(size_t(2 * count * 3 * attended), 3),
                         bias = randomValues(size_t(count * heads * stride), 4, 2),
                         found(size_t(2 * count * attended));
      std::vector<char> scratch(code->functions[0].scratchBytes + 64);
      void *aligned = scratch.data() + (64 - reinterpret_cast<uintptr_t>(scratch.data()) % 64);
      uint64_t args[] = {reinterpret_cast<uintptr_t>(rows.data()),
                         reinterpret_cast<uintptr_t>(bias.data()),
                         reinterpret_cast<uintptr_t>(found.data()), uint64_t(patches), 2};
      for (uint32_t image = 0; image < 2; ++image)
        for (uint32_t tile = 0; tile < tiles; ++tile)
          function(args, tile, image, aligned);
      size_t half = found.size() / 2;
      CHECK(distance({found.begin() + long(half), found.end()},
                     attend({rows.begin() + count * 3 * attended, rows.end()}, bias, count,
                            stride)) <= 1e-6);
    }
  }
}
