//===- MeaningTest.cpp - Passes change how, not what ------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The reference interpreter rounds nothing, so a model and what the passes make of it agree to the
// last few bits, whatever types were chosen. Every model here runs before and after every prefix of
// the pipeline.
//
//===----------------------------------------------------------------------===//

#include "dialect/reference/Reference.h"
#include "passes/Passes.h"
#include "passes/Queries.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

#include <catch2/catch.hpp>

#include <cmath>

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

/// The outputs for three images.
std::vector<reference::Output> outputsOf(ModuleOp module) {
  auto model = llvm::cantFail(vit::findModel(module));
  std::vector<reference::Tensor> inputs;
  for (BlockArgument argument : model.getArguments()) {
    std::vector<int64_t> shape(cast<RankedTensorType>(argument.getType()).getShape());
    shape[0] = 3;
    int64_t count = 1;
    for (int64_t size : shape)
      count *= size;
    inputs.push_back({shape, scrambled("pixels", count)});
  }
  auto outputs = reference::Interpreter(module, makeWeight, 1).run(std::move(inputs));
  if (!outputs)
    FAIL(llvm::toString(outputs.takeError()));
  return std::move(*outputs);
}

double distance(const std::vector<double> &a, const std::vector<double> &b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, norm = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  return std::sqrt(difference / norm);
}

/// Adds the first `count` passes of the whole pipeline to `manager`; returns how many there are.
int addPasses(PassManager &manager, int count, const std::string &dtype) {
  std::function<std::unique_ptr<Pass>()> passes[] = {
      [] { return vitc::createPruneTokens(); },
      [] { return createCSEPass(); },
      [] { return vitc::createMergeQkv(); },
      [] { return vitc::createFoldTokens(); },
      [] { return createCanonicalizerPass(); },
      [] { return vitc::createPadWidths(); },
      [&] { return vitc::createAssignPrecision({dtype, ""}); },
      [] { return vitc::createHoistWeights(); },
      [] { return vitc::createFormKernels(); },
      [] { return vitc::createFuse(); },
      [] { return vitc::createRequire(); },
      [] { return vitc::createShareKernels(); },
      [] { return vitc::createSelectSchedules({16, "rtx4090", ""}); },
      [] { return vitc::createPlanMemory({16}); },
  };
  for (int i = 0; i < count; ++i)
    manager.addPass(passes[i]());
  return std::size(passes);
}

void checkMeaning(const std::string &text, const std::string &dtype) {
  auto original = parseSourceString<ModuleOp>(text, &sharedContext());
  REQUIRE(original);
  std::vector<reference::Output> expected = outputsOf(*original);
  int most = 1;
  for (int count = 1; count <= most; ++count) {
    auto module = parseSourceString<ModuleOp>(text, &sharedContext());
    PassManager manager(&sharedContext());
    most = addPasses(manager, count, dtype);
    INFO("after " << count << " passes, " << dtype);
    // Warnings about independent outputs are expected and not the subject.
    ScopedDiagnosticHandler quiet(&sharedContext(), [](Diagnostic &diagnostic) {
      return success(diagnostic.getSeverity() == DiagnosticSeverity::Warning);
    });
    REQUIRE(succeeded(manager.run(*module)));
    std::vector<reference::Output> found = outputsOf(*module);
    REQUIRE(found.size() == expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      INFO("output " << expected[i].name);
      CHECK(found[i].tensor.shape == expected[i].tensor.shape);
      CHECK(distance(found[i].tensor.values, expected[i].tensor.values) < 1e-12);
    }
  }
}

//===----------------------------------------------------------------------===//
// Models
//===----------------------------------------------------------------------===//

/// A model as text, op by op.
class ModelText {
public:
  struct Choices {
    int tokens = 5, width = 32, heads = 2, mlp = 20; // 20 is no multiple of 8
    bool qkvBias = true, packed = false, postNorm = false, overBatch = false, gated = false;
    std::vector<std::string> outputs = {"logits"};
  };
  explicit ModelText(Choices choices) : c(choices) {}

  std::string text() {
    std::string x = embed();
    for (int block = 0; block < 2; ++block)
      x = c.postNorm ? postNormBlock(x, block) : preNormBlock(x, block);
    std::map<std::string, std::pair<std::string, std::string>> outputs;
    std::string last = norm(x, "norm", rows(c.width));
    std::string first =
        add("vit.select " + last + " token 0 : " + rows(c.width) + " -> " + row(c.width));
    outputs["last_hidden_state"] = {last, rows(c.width)};
    outputs["logits"] = {linear(first, "head", row(c.width), row(7), c.width, 7, true), row(7)};
    std::string types, values, results;
    for (const std::string &name : c.outputs) {
      auto [value, type] = outputs[name];
      results += (results.empty() ? "" : ", ") + type + " {vit.name = \"" + name + "\"}";
      values += (values.empty() ? "" : ", ") + value;
      types += (types.empty() ? "" : ", ") + type;
    }
    return "func.func @forward(%x: tensor<?x3x10x10xf32> {vit.name = \"pixel_values\"}) -> (" +
           results + ") {\n" + body + "  return " + values + " : " + types + "\n}\n";
  }

private:
  static std::string number(int64_t n) { return std::to_string(n); }
  std::string rows(int width) {
    return "tensor<?x" + number(c.tokens) + "x" + number(width) + "xf32>";
  }
  std::string row(int width) { return "tensor<?x" + number(width) + "xf32>"; }
  static std::string vector(int n) { return "tensor<" + number(n) + "xf32>"; }
  static std::string matrix(int n, int k) {
    return "tensor<" + number(n) + "x" + number(k) + "xf32>";
  }

  std::string add(const std::string &op) {
    std::string name = "%v" + number(count++);
    body += "  " + name + " = " + op + "\n";
    return name;
  }
  std::string weight(const std::string &key, const std::string &type) {
    return add("vit.weight \"" + key + "\" : " + type);
  }
  std::string linear(const std::string &x, const std::string &key, const std::string &from,
                     const std::string &to, int k, int n, bool bias) {
    std::string w = weight(key + ".weight", matrix(n, k));
    std::string y =
        add("vit.linear " + x + ", " + w + " : " + from + ", " + matrix(n, k) + " -> " + to);
    if (!bias)
      return y;
    std::string b = weight(key + ".bias", vector(n));
    return add("vit.bias_add " + y + ", " + b + " : " + to + ", " + vector(n) + " -> " + to);
  }
  std::string norm(const std::string &x, const std::string &key, const std::string &type) {
    std::string v = vector(c.width), s = weight(key + ".weight", v), b = weight(key + ".bias", v);
    return add("vit.layer_norm " + x + ", " + s + ", " + b + " eps 1.0e-5 : " + type + ", " + v +
               ", " + v + " -> " + type);
  }
  std::string sum(const std::string &a, const std::string &b) {
    std::string t = rows(c.width);
    return add("vit.add " + a + ", " + b + " : " + t + ", " + t + " -> " + t);
  }
  std::string unary(const std::string &op, const std::string &x, const std::string &type) {
    return add(op + " " + x + " : " + type + " -> " + type);
  }

  std::string embed() {
    int patches = c.tokens - 1;
    std::string p = "tensor<?x" + number(patches) + "x75xf32>"; // 75 is no multiple of 8
    std::string y = "tensor<?x" + number(patches) + "x" + number(c.width) + "xf32>";
    std::string x = add("vit.patchify %x conv [5, 5] : tensor<?x3x10x10xf32> -> " + p);
    x = linear(x, "patch", p, y, 75, c.width, true);
    std::string m = matrix(1, c.width), cls = weight("cls", m);
    x = add("vit.prepend " + cls + ", " + x + " : " + m + ", " + y + " -> " + rows(c.width));
    std::string t = matrix(c.tokens, c.width), table = weight("pos", t);
    return add("vit.position " + x + ", " + table + " : " + rows(c.width) + ", " + t + " -> " +
               rows(c.width));
  }

  std::string attention(const std::string &x, const std::string &key) {
    int d = c.width;
    std::string q, k, v, type = rows(d), offsets = "[0, 0, 0]";
    if (c.packed) {
      type = rows(3 * d);
      q = k = v = linear(x, key + ".qkv", rows(d), type, d, 3 * d, c.qkvBias);
      offsets = "[0, " + number(d) + ", " + number(2 * d) + "]";
    } else {
      q = linear(x, key + ".q", rows(d), type, d, d, c.qkvBias);
      k = linear(x, key + ".k", rows(d), type, d, d, c.qkvBias);
      v = linear(x, key + ".v", rows(d), type, d, d, c.qkvBias);
    }
    std::string y = add("vit.attention " + q + ", " + k + ", " + v + " heads " + number(c.heads) +
                        " head_dim " + number(d / c.heads) + " scale 2.5e-1 axis " +
                        (c.overBatch ? "batch" : "tokens") + " offsets " + offsets + " : " + type +
                        ", " + type + ", " + type + " -> " + rows(d));
    return linear(y, key + ".proj", rows(d), rows(d), d, d, true);
  }

  std::string mlp(const std::string &x, const std::string &key) {
    std::string h = linear(x, key + ".fc1", rows(c.width), rows(c.mlp), c.width, c.mlp, true);
    std::string t = rows(c.mlp);
    if (c.gated) {
      std::string g = linear(x, key + ".gate", rows(c.width), t, c.width, c.mlp, false);
      h = add("vit.mul " + unary("vit.silu", g, t) + ", " + h + " : " + t + ", " + t + " -> " + t);
    } else {
      h = unary("vit.gelu erf", h, t);
    }
    return linear(h, key + ".fc2", t, rows(c.width), c.mlp, c.width, true);
  }

  std::string preNormBlock(std::string x, int block) {
    std::string key = "blocks." + number(block);
    x = sum(attention(norm(x, key + ".norm1", rows(c.width)), key + ".attn"), x);
    return sum(mlp(norm(x, key + ".norm2", rows(c.width)), key + ".mlp"), x);
  }
  std::string postNormBlock(std::string x, int block) {
    std::string key = "blocks." + number(block);
    x = norm(sum(x, attention(x, key + ".attn")), key + ".norm1", rows(c.width));
    return norm(sum(x, mlp(x, key + ".mlp")), key + ".norm2", rows(c.width));
  }

  Choices c;
  std::string body;
  int count = 0;
};

} // namespace

TEST_CASE("no pass changes what a model computes") {
  std::string dtype = GENERATE("f16", "bf16");
  ModelText::Choices choices;
  SECTION("pre-norm, class token") {}
  SECTION("all tokens") { choices.outputs = {"last_hidden_state"}; }
  SECTION("both outputs") { choices.outputs = {"logits", "last_hidden_state"}; }
  SECTION("no query, key and value bias") { choices.qkvBias = false; }
  SECTION("packed query, key and value") { choices.packed = true; }
  SECTION("packed, without bias") {
    choices.packed = true;
    choices.qkvBias = false;
  }
  SECTION("post-norm") { choices.postNorm = true; }
  SECTION("post-norm, both outputs") {
    choices.postNorm = true;
    choices.outputs = {"last_hidden_state", "logits"};
  }
  SECTION("attention over the batch") { choices.overBatch = true; }
  SECTION("attention over the batch, packed and post-norm") {
    choices.overBatch = choices.packed = choices.postNorm = true;
  }
  SECTION("gated") { choices.gated = true; }
  SECTION("gated, both outputs") {
    choices.gated = true;
    choices.outputs = {"logits", "last_hidden_state"};
  }
  checkMeaning(ModelText(choices).text(), dtype);
}
