//===- MeaningTest.cpp - Passes change how, not what ------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The reference interpreter rounds nothing, so a model and what the passes make of it agree to the
// last few bits, whatever types were chosen. Every model here runs before all passes and after
// each.
//
//===----------------------------------------------------------------------===//

#include "dialect/reference/Reference.h"
#include "passes/Passes.h"
#include "passes/Queries.h"
#include "test/models/RandomModel.h"
#include "test/models/Vit.h"
#include "test/unit/Distance.h"
#include "vitc/graph/Print.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdlib>

using namespace mlir;
using namespace vitc;

namespace {

/// Numbers that look random, from a name; in [-1, 1).
std::vector<double> scrambled(llvm::StringRef name, int64_t count) {
  uint64_t state = 1469598103934665603u;
  for (char c : name)
    state = (state ^ static_cast<unsigned char>(c)) * 1099511628211u;
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    values.push_back(static_cast<double>(state >> 11) / (1ull << 52) - 1);
  }
  return values;
}

std::string makeWeight(const reference::Weight &weight, std::vector<double> &values) {
  int64_t count = 1;
  for (int64_t size : weight.shape)
    count *= size;
  values = scrambled(weight.key, count);
  return "";
}

MLIRContext &sharedContext() {
  static MLIRContext context(
      [] {
        DialectRegistry registry;
        registry.insert<vit::VitDialect, func::FuncDialect>();
        return registry;
      }(),
      MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  return context;
}

/// Three images.
reference::Tensor imagesFor(Type type) {
  std::vector<int64_t> shape(cast<RankedTensorType>(type).getShape());
  shape[0] = 3;
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return {shape, scrambled("pixels", count)};
}

std::vector<reference::Output> outputsOf(ModuleOp module, std::vector<reference::Tensor> inputs) {
  auto outputs = reference::Interpreter(module, makeWeight, 1).run(std::move(inputs));
  if (!outputs)
    FAIL(llvm::toString(outputs.takeError()));
  return std::move(*outputs);
}

/// The outputs for three images.
std::vector<reference::Output> outputsOf(ModuleOp module) {
  auto model = llvm::cantFail(vit::findModel(module));
  std::vector<reference::Tensor> inputs;
  for (BlockArgument argument : model.getArguments())
    inputs.push_back(imagesFor(argument.getType()));
  return outputsOf(module, std::move(inputs));
}

/// Runs the model after every pass and compares its outputs with those before all of them.
class CompareAfterPass : public PassInstrumentation {
public:
  CompareAfterPass(std::vector<reference::Output> expected, int &count)
      : expected(std::move(expected)), count(count) {}

  void runAfterPass(Pass *pass, Operation *op) override {
    INFO("after " << pass->getArgument().str());
    std::vector<reference::Output> found = outputsOf(cast<ModuleOp>(op));
    REQUIRE(found.size() == expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      INFO("output " << expected[i].name);
      CHECK(found[i].tensor.shape == expected[i].tensor.shape);
      CHECK(relativeDistance(found[i].tensor.values, expected[i].tensor.values) < 1e-12);
    }
    ++count;
  }

private:
  std::vector<reference::Output> expected;
  int &count;
};

void checkMeaning(const graph::Graph &model, const std::string &dtype) {
  std::string text = graph::printMlir(model);
  INFO(graph::problemText(model) << text);
  auto module = parseSourceString<ModuleOp>(text, &sharedContext());
  REQUIRE(module);
  PipelineOptions options;
  options.dtype = dtype;
  options.maxBatch = 16;
  PassManager manager(&sharedContext());
  buildModelPipeline(manager, options);
  buildKernelPipeline(manager, options);
  int count = 0;
  manager.addInstrumentation(std::make_unique<CompareAfterPass>(outputsOf(*module), count));
  // Warnings about independent outputs are expected and not the subject.
  ScopedDiagnosticHandler quiet(&sharedContext(), [](Diagnostic &diagnostic) {
    return success(diagnostic.getSeverity() == DiagnosticSeverity::Warning);
  });
  REQUIRE(succeeded(manager.run(*module)));
  CHECK(count == static_cast<int>(manager.size()));
}

/// Compares a model of bytes with the model of normalised pixels that it was made of: bytes need be
/// none for the reference.
void checkBytes(const graph::Graph &model) {
  auto module = parseSourceString<ModuleOp>(graph::printMlir(model), &sharedContext());
  REQUIRE(module);
  auto before =
      cast<RankedTensorType>(llvm::cantFail(vit::findModel(*module)).getArgumentTypes()[0]);
  OwningOpRef<ModuleOp> bytes = module->clone();
  ReadBytesOptions options;
  options.scale = 0.01;
  options.mean = {0.5, 0.25, -2};
  options.deviation = {0.25, 3, 0.7};
  PassManager manager(&sharedContext());
  manager.addPass(createReadBytes(options));
  REQUIRE(succeeded(manager.run(*bytes)));
  auto after = cast<RankedTensorType>(llvm::cantFail(vit::findModel(*bytes)).getArgumentTypes()[0]);
  reference::Tensor given = imagesFor(after), normalised = imagesFor(before);
  for (double &value : given.values)
    value = 127.5 + 127.5 * value;
  auto [channels, height, width] = vit::imageShapeOf(before);
  for (int64_t i = 0; i < std::ssize(given.values); ++i) {
    int64_t c = i % channels, pixel = i / channels, image = pixel / (height * width);
    int64_t place = (image * channels + c) * height * width + pixel % (height * width);
    normalised.values[place] =
        (given.values[i] * options.scale - options.mean[c]) / options.deviation[c];
  }
  auto expected = outputsOf(*module, {normalised}), found = outputsOf(*bytes, {given});
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    CHECK(relativeDistance(found[i].tensor.values, expected[i].tensor.values) < 1e-12);
  // What other passes make of it means the same.
  PipelineOptions pipeline;
  pipeline.maxBatch = 16;
  PassManager others(&sharedContext());
  buildModelPipeline(others, pipeline);
  buildKernelPipeline(others, pipeline);
  REQUIRE(succeeded(others.run(*bytes)));
  found = outputsOf(*bytes, {given});
  for (size_t i = 0; i < found.size(); ++i)
    CHECK(relativeDistance(found[i].tensor.values, expected[i].tensor.values) < 1e-12);
}

/// A number of the environment, with which ./check --soak asks for other cases and more of them.
uint64_t setting(const char *name, uint64_t otherwise) {
  const char *text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

} // namespace

TEST_CASE("no pass changes what a model computes") {
  std::string dtype = GENERATE("f16", "bf16");
  test::VitChoices choices;
  SECTION("pre-norm, class token") {}
  SECTION("all tokens") {
    choices.logits = false;
    choices.lastHiddenState = true;
  }
  SECTION("both outputs") { choices.lastHiddenState = true; }
  SECTION("no query, key and value bias") { choices.qkvBias = false; }
  SECTION("packed query, key and value") { choices.packed = true; }
  SECTION("packed, without bias") {
    choices.packed = true;
    choices.qkvBias = false;
  }
  SECTION("post-norm") { choices.postNorm = true; }
  SECTION("post-norm, both outputs") {
    choices.postNorm = true;
    choices.lastHiddenState = true;
  }
  SECTION("attention over the batch") { choices.overBatch = true; }
  SECTION("attention over the batch, packed and post-norm") {
    choices.overBatch = choices.packed = choices.postNorm = true;
  }
  SECTION("gated") { choices.gated = true; }
  SECTION("gated, both outputs") {
    choices.gated = true;
    choices.lastHiddenState = true;
  }
  checkMeaning(test::vit(choices), dtype);
}

TEST_CASE("no pass changes what random models compute", "[random]") {
  test::RandomModelOptions options;
  options.seed = setting("VITC_TEST_SEED", 1);
  const auto models = static_cast<int64_t>(setting("VITC_TEST_COUNT", 16));
  options.count = static_cast<int64_t>(test::randomModelRoots().size());
  for (int64_t i = 0; i < models; ++i) {
    options.first = i * options.count;
    INFO("vitc-random-model " << options.seed << " --first " << options.first << " --count "
                              << options.count);
    checkMeaning(test::randomModel(options).graph, i % 2 ? "bf16" : "f16");
  }
}

TEST_CASE("a model of bytes computes what that of normalised pixels does") {
  test::VitChoices choices;
  SECTION("class token") {}
  SECTION("all tokens") {
    choices.logits = false;
    choices.lastHiddenState = true;
  }
  checkBytes(test::vit(choices));
}
