//===- WorkTest.cpp - Predictions for whole models --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Vision Transformers of 224 x 224 pixels, patches of 16, through the whole pipeline: what the
// passes make of them is what is predicted.
//
//===----------------------------------------------------------------------===//

#include "passes/CostBridge.h"
#include "passes/Passes.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <catch2/catch.hpp>

using namespace mlir;
using namespace vitc;

namespace {

struct Vit {
  int64_t width, layers, heads;
};

constexpr Vit vitS{384, 12, 6}, vitB{768, 12, 12}, vitL{1024, 24, 16};

/// The text of a model, as a checkpoint becomes.
class Writer {
public:
  explicit Writer(const Vit &vit) : vit(vit) {}

  std::string model() {
    int64_t d = vit.width;
    std::string x =
        op("vit.patchify %x conv [16, 16] lead 1 : tensor<?x3x224x224xf32> -> ", rows(768));
    x = linear("patch", x, 768, d, /*bias=*/false);
    x = op("vit.position " + x + ", " + weight("position", "197x" + n(d)) + " : " + rows(d) +
               ", tensor<197x" + n(d) + "xf32> -> ",
           rows(d));
    for (int64_t layer = 0; layer < vit.layers; ++layer)
      x = block("blocks." + n(layer), x);
    x = norm("norm", x);
    std::string token = op("vit.select " + x + " token 0 : " + rows(d) + " -> ", one(d));
    std::string logits = op("vit.linear " + token + ", " + weight("head", "1000x" + n(d)) + " : " +
                                one(d) + ", tensor<1000x" + n(d) + "xf32> -> ",
                            one(1000));
    return "func.func @forward(%x: tensor<?x3x224x224xf32> {vit.name = \"x\"}) -> (" + one(1000) +
           " {vit.name = \"logits\"}) {\n" + text + "  return " + logits + " : " + one(1000) +
           "\n}\n";
  }

private:
  static std::string n(int64_t value) { return std::to_string(value); }
  static std::string rows(int64_t width) { return "tensor<?x197x" + n(width) + "xf32>"; }
  static std::string one(int64_t width) { return "tensor<?x" + n(width) + "xf32>"; }

  std::string op(const std::string &what, const std::string &type) {
    std::string name = "%v" + n(count++);
    text += "  " + name + " = " + what + type + "\n";
    return name;
  }
  std::string weight(const std::string &key, const std::string &shape) {
    return op("vit.weight \"" + key + "\" : ", "tensor<" + shape + "xf32>");
  }
  std::string binary(const char *kind, const std::string &a, const std::string &b, int64_t width,
                     const std::string &type) {
    return op(std::string("vit.") + kind + " " + a + ", " + b + " : " + rows(width) + ", " + type +
                  " -> ",
              rows(width));
  }
  std::string linear(const std::string &key, const std::string &x, int64_t k, int64_t width,
                     bool bias = true) {
    std::string shape = n(width) + "x" + n(k);
    std::string y = op("vit.linear " + x + ", " + weight(key + ".weight", shape) + " : " + rows(k) +
                           ", tensor<" + shape + "xf32> -> ",
                       rows(width));
    std::string vector = "tensor<" + n(width) + "xf32>";
    return bias ? binary("bias_add", y, weight(key + ".bias", n(width)), width, vector) : y;
  }
  std::string norm(const std::string &key, const std::string &x) {
    std::string d = n(vit.width), vector = "tensor<" + d + "xf32>";
    std::string operands = x + ", " + weight(key + ".weight", d) + ", " + weight(key + ".bias", d);
    return op("vit.layer_norm " + operands + " eps 1.0e-6 : " + rows(vit.width) + ", " + vector +
                  ", " + vector + " -> ",
              rows(vit.width));
  }
  std::string block(const std::string &key, std::string x) {
    int64_t d = vit.width;
    std::string q = linear(key + ".qkv", norm(key + ".norm1", x), d, 3 * d), packed = rows(3 * d);
    std::string a = op("vit.attention " + q + ", " + q + ", " + q + " heads " + n(vit.heads) +
                           " head_dim 64 scale 0.125 axis tokens offsets [0, " + n(d) + ", " +
                           n(2 * d) + "] : " + packed + ", " + packed + ", " + packed + " -> ",
                       rows(d));
    x = binary("add", x, linear(key + ".proj", a, d, d), d, rows(d));
    std::string h = linear(key + ".fc1", norm(key + ".norm2", x), d, 4 * d);
    h = op("vit.gelu erf " + h + " : " + rows(4 * d) + " -> ", rows(4 * d));
    return binary("add", x, linear(key + ".fc2", h, 4 * d, d), d, rows(d));
  }

  Vit vit;
  std::string text;
  int64_t count = 0;
};

/// The model with its schedules.
class Compiled {
public:
  Compiled(const Vit &vit, const PipelineOptions &options) {
    context.appendDialectRegistry([] {
      DialectRegistry registry;
      registry.insert<vit::VitDialect, func::FuncDialect>();
      return registry;
    }());
    context.loadAllAvailableDialects();
    module = parseSourceString<ModuleOp>(Writer(vit).model(), &context);
    REQUIRE(module);
    PassManager manager(&context);
    buildModelPipeline(manager, options);
    buildKernelPipeline(manager, options);
    REQUIRE(succeeded(manager.run(*module)));
  }

  double imagesPerSecond(int64_t batch) {
    return double(batch) / predictModel(*module, *cost::findGpu("rtx4090"), batch);
  }

private:
  MLIRContext context{MLIRContext::Threading::DISABLED};

public:
  OwningOpRef<ModuleOp> module;
};

} // namespace

TEST_CASE("whole models are predicted below the roofline and above the best peers") {
  // GFLOP of an image by the architecture, without what pruning saves; 165.2 TFLOP/s.
  struct Case {
    Vit vit;
    double gflop, peer; // timm's torch.compile, batch 1024: images a second
  };
  for (const Case &c :
       {Case{vitS, 9.20, 9948.51}, {vitB, 35.13, 3375.59}, {vitL, 123.11, 1035.76}}) {
    PipelineOptions options;
    options.maxBatch = 128;
    Compiled compiled(c.vit, options);
    double roofline = 165.2e3 / (c.gflop * 0.93), before = 0;
    for (int64_t batch : {1, 8, 32, 128}) {
      double rate = compiled.imagesPerSecond(batch);
      INFO("width " << c.vit.width << ", batch " << batch << ": " << rate);
      CHECK(rate < roofline);
      CHECK(rate > 0.9 * before); // a larger batch is hardly ever slower
      before = rate;
    }
    CHECK(compiled.imagesPerSecond(128) > c.peer);
  }
  Compiled base(vitB, {});
  CHECK(base.imagesPerSecond(32) >= 4000);
}

TEST_CASE("as an eager framework does it, models run as fast as one") {
  // timm's tables: RTX 4090, PyTorch 2.9.1 eager, AMP f16, batch 1024, images a second. A kernel
  // for each op, tiles of 128x128, all tokens to the end.
  struct Case {
    Vit vit;
    double published;
  };
  for (const Case &c : {Case{vitS, 8214.74}, {vitB, 2992.79}, {vitL, 954.12}}) {
    PipelineOptions options;
    options.maxBatch = 1024;
    options.fuse = options.prune = false;
    options.tile = "128x128x32/64x32/3";
    Compiled compiled(c.vit, options);
    CHECK(compiled.imagesPerSecond(1024) == Approx(c.published).epsilon(0.15));
  }
}

TEST_CASE("rules that know no shapes are slower than the model") {
  PipelineOptions model, classic;
  classic.tilePolicy = "classic";
  Compiled a(vitB, model), b(vitB, classic);
  CHECK(a.imagesPerSecond(1) > 1.5 * b.imagesPerSecond(1));
  CHECK(a.imagesPerSecond(32) > 1.1 * b.imagesPerSecond(32));
}

TEST_CASE("a work counts what its kernel reads, writes and does") {
  Compiled compiled(vitB, {});
  int64_t found = 0;
  for (vit::LaunchOp launch : launchesOf(*compiled.module)) {
    cost::Work work = workOf(launch);
    std::string ops = opList(kernelOf(launch));
    if (ops == "linear+bias_add+gelu" && work.rows == 197) {
      ++found;
      CHECK(work.family == cost::Family::Gemm);
      CHECK(work.columns == 3072);
      CHECK(work.depth == 768);
      CHECK(work.rootRead == 197 * 768 * 2);
      CHECK(work.written == 197 * 3072 * 2);
      CHECK(work.weightRead == 3072 * 768 * 2 + 3072 * 4);
      CHECK(work.after == cost::Arithmetic{1, 1});
      CHECK(work.vectors == 1);
      CHECK(work.activations == 0);
    } else if (ops == "linear+bias_add+add" && work.depth == 3072 && work.rows == 197) {
      ++found;
      CHECK(work.activations == 1);
      CHECK(work.otherRead == 197 * 768 * 2);
    } else if (work.family == cost::Family::Attention && work.queries == 1) {
      ++found;
      CHECK(work.keys == 197);
      CHECK(work.heads == 12);
      CHECK(work.rootRead == 768 * 2 + 197 * 1536 * 2);
    } else if (work.family == cost::Family::Norm && work.rows == 197) {
      ++found;
      CHECK(!work.rowReused);
      CHECK(work.weightRead == 2 * 768 * 4);
    } else if (ops == "select") {
      ++found;
      CHECK(work.rootRead == 768 * 2); // of 197 tokens one
    }
  }
  CHECK(found > 40);
}
