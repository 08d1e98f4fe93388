//===- WorkTest.cpp - Predictions for whole models --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Vision Transformers of 224 x 224 pixels, patches of 16, through the whole pipeline: what the
// passes make of them is what is predicted.
//
//===----------------------------------------------------------------------===//

#include "passes/CostBridge.h"
#include "examples/dsl/Models.h"
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

std::string textOf(const Vit &vit) {
  return graph::printMlir(models::classifier({.channels = 3,
                                              .image = 224,
                                              .patch = 16,
                                              .width = vit.width,
                                              .layers = vit.layers,
                                              .heads = vit.heads,
                                              .mlp = 4 * vit.width,
                                              .classes = 1000}));
}

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
    module = parseSourceString<ModuleOp>(textOf(vit), &context);
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
    options.noFuse = options.noPrune = true;
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
    if (ops == "linear+normalize+bias_add+gelu" && work.rows == 197) {
      ++found;
      CHECK(work.family == cost::Family::Gemm);
      CHECK(work.columns == 3072);
      CHECK(work.depth == 768);
      CHECK(work.rootRead == 197 * 768 * 2);
      CHECK(work.written == 197 * 3072 * 2);
      CHECK(work.weightRead == 3072 * 768 * 2 + 2 * 3072 * 4);
      CHECK(work.after == cost::Arithmetic{2, 1});
      CHECK(work.vectors == 2);
      CHECK(work.activations == 0);
      CHECK(work.normalized);
      CHECK(work.otherRead == 197 * 48 * 4); // moments of 24 groups
    } else if (ops == "linear+bias_add+add+moments" && work.depth == 3072 && work.rows == 197) {
      ++found;
      CHECK(work.activations == 1);
      CHECK(work.otherRead == 197 * 768 * 2);
      CHECK(work.group == 32);
      CHECK(work.results == 1); // moments leave beside them
      CHECK(work.outputBytes == 2);
      CHECK(work.written == 197 * (768 * 2 + 48 * 4));
    } else if (work.family == cost::Family::Attention && work.queries == 1) {
      ++found;
      CHECK(work.keys == 197);
      CHECK(work.heads == 12);
      CHECK(work.rootRead == 768 * 2 + 197 * 1536 * 2);
    } else if (ops == "select") {
      ++found;
      bool moments = work.columns == 48;
      CHECK(work.rootRead == (moments ? 48 * 4 : 768 * 2)); // of 197 tokens one
    }
  }
  CHECK(found > 20);
}
