//===- SizesTest.cpp - One library for two image sizes --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A model from the DSL at two sizes, with a position table for each, becomes one
// library with two plans. Both run on the emulator and are compared with the
// reference; what does not depend on the size is there once.
//===----------------------------------------------------------------------===//

#include "codegen/library/LibraryData.h"
#include "dialect/reference/Reference.h"
#include "passes/Passes.h"
#include "runtime/Inspect.h"
#include "test/unit/Distance.h"
#include "vitc/dsl.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <set>

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;

namespace {

struct Size {
  int64_t height, width;
};

/// Patches of 8x8; the position table is called after the size.
dsl::Graph makeModel(Size size, bool withTokens = true) {
  dsl::Graph g;
  dsl::Value x = dsl::input(g / "pixel_values", {dsl::batch, 3, size.height, size.width});
  x = dsl::PatchEmbed{.patchHeight = 8, .patchWidth = 8, .width = 48}(g / "patch_embed", x);
  x = dsl::ClassToken{}(g / "cls_token", x);
  x = dsl::Position{}(g / "pos_embed" / size.height, x);
  for (int64_t i = 0; i < 2; ++i)
    x = dsl::EncoderBlock{.heads = 3, .mlp = 104}(g / "blocks" / i, x);
  x = dsl::LayerNorm{}(g / "norm", x);
  if (withTokens)
    dsl::output(g, "tokens", x);
  dsl::output(g, "logits", dsl::Head{.classes = 7}(g / "head", x));
  return g;
}

/// In [-1, 1), from a name and a place.
double noise(llvm::StringRef name, uint64_t i) {
  uint64_t z = 0x9E3779B97F4A7C15u * (i + 1);
  for (char c : name)
    z = (z ^ static_cast<unsigned char>(c)) * 0x94D049BB133111EBu;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  return double(int64_t((z ^ z >> 31) >> 40)) / double(1 << 23) - 1;
}

template <class Value> void makeWeight(llvm::StringRef name, Value *values, size_t count) {
  for (size_t i = 0; i < count; ++i)
    values[i] = Value(0.3f * float(noise(name, i))); // f32 on both sides
}

vit_status readWeight(void *, const char *name, uint32_t rank, const int64_t *shape,
                      float *values) {
  size_t count = 1;
  for (uint32_t i = 0; i < rank; ++i)
    count *= size_t(shape[i]);
  makeWeight(name, values, count);
  return VIT_OK;
}

/// A model, compiled as far as PTX.
struct Compiled {
  Compiled(MLIRContext &context, const dsl::Graph &graph) {
    module = parseSourceString<ModuleOp>(dsl::printMlir(graph), &context);
    original = parseSourceString<ModuleOp>(dsl::printMlir(graph), &context);
    REQUIRE(module);
    PipelineOptions options;
    options.maxBatch = 4;
    PassManager manager(&context);
    buildModelPipeline(manager, options);
    buildKernelPipeline(manager, options);
    manager.addPass(createLowerKernelsPass());
    REQUIRE(succeeded(manager.run(*module)));
    for (auto kernel : module->getOps<vit::KernelOp>()) {
      auto read = readFunctions(kernel);
      REQUIRE(succeeded(read));
      llvm::append_range(functions, *read);
    }
    REQUIRE(succeeded(translateToPtx(*module, "sm_89", functions)));
  }

  OwningOpRef<ModuleOp> module, original;
  std::vector<KernelCode> functions;
};

struct Models {
  Models() {
    DialectRegistry registry;
    registry.insert<vit::VitDialect, func::FuncDialect>();
    registerCodegenDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }
  std::unique_ptr<LibraryData> build(std::initializer_list<const Compiled *> models) {
    std::vector<PlanSource> sources;
    for (const Compiled *model : models)
      sources.push_back({*model->module, model->functions});
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      error += diagnostic.str();
      return success();
    });
    auto data = buildLibrary(sources, {"sizes", "", 4});
    return succeeded(data) ? std::move(*data) : nullptr;
  }
  MLIRContext context{MLIRContext::Threading::DISABLED};
  std::string error;
};

std::vector<float> makeImages(Size size, int batch) {
  std::vector<float> x(size_t(batch * 3 * size.height * size.width));
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = float(noise("pixels", i));
  return x;
}

std::vector<reference::Output> reference(const Compiled &model, Size size, int batch) {
  std::vector<float> x = makeImages(size, batch);
  reference::Tensor input = {{batch, 3, size.height, size.width}, {x.begin(), x.end()}};
  reference::Interpreter interpreter(
      *model.original,
      [](const reference::Weight &weight, std::vector<double> &values) -> std::string {
        size_t count = 1;
        for (int64_t extent : weight.shape)
          count *= size_t(extent);
        values.resize(count);
        makeWeight(weight.key, values.data(), count);
        return "";
      },
      1);
  auto outputs = interpreter.run({std::move(input)});
  if (!outputs)
    FAIL(llvm::toString(outputs.takeError()));
  return std::move(*outputs);
}

/// Of one plan of the library, compared with the reference.
void runSize(const vit_model *loaded, const Compiled &model, Size size, bool native) {
  INFO(size.height << "x" << size.width);
  vit_workspace *workspace = nullptr;
  vit_status status =
      native ? vit_workspace_create(loaded, 4, &workspace)
             : vit_workspace_create_sized(loaded, 4, int(size.height), int(size.width), &workspace);
  INFO(vit_last_error());
  REQUIRE(status == VIT_OK);
  for (int batch : {1, 4, 3}) {
    std::vector<float> x = makeImages(size, batch);
    std::vector<reference::Output> expected = reference(model, size, batch);
    REQUIRE(expected.size() == 2);
    std::vector<float> tokens(expected[0].tensor.values.size()),
        logits(expected[1].tensor.values.size());
    const void *inputs[] = {x.data()};
    void *outputs[] = {tokens.data(), logits.data()};
    status = vit_model_run_host(loaded, workspace, batch, inputs, 1, outputs, 2);
    INFO(vit_last_error());
    REQUIRE(status == VIT_OK);
    CHECK(relativeDistance(tokens, expected[0].tensor.values) < 2e-3);
    CHECK(relativeDistance(logits, expected[1].tensor.values) < 2e-3);
  }
  vit_workspace_free(workspace);
}

std::set<uint32_t> kernelsOf(const vit_plan &plan) {
  std::set<uint32_t> kernels;
  for (const vit_step &step : llvm::ArrayRef(plan.steps, plan.step_count))
    kernels.insert(step.kernel);
  return kernels;
}

constexpr Size small = {24, 24}, large = {32, 40}; // 9 and 20 patches

} // namespace

TEST_CASE("a library with two image sizes runs both", "[library][sizes]") {
  Models models;
  Compiled first(models.context, makeModel(small)), second(models.context, makeModel(large));
  auto data = models.build({&first, &second});
  INFO(models.error);
  REQUIRE(data);
  const vit_library &library = *data->view();
  REQUIRE(library.plan_count == 2);
  vit_tensor_info info;
  REQUIRE(vit_library_input(&library, 0, &info) == VIT_OK);
  CHECK(std::vector(info.shape, info.shape + 4) == std::vector<int64_t>{-1, 3, -1, -1});
  REQUIRE(vit_library_output(&library, 0, &info) == VIT_OK);
  CHECK(std::vector(info.shape, info.shape + 3) == std::vector<int64_t>{-1, -1, 48});
  REQUIRE(vit_library_output(&library, 1, &info) == VIT_OK);
  CHECK(std::vector(info.shape, info.shape + 2) == std::vector<int64_t>{-1, 7});

  vitrt::setDriverPath(VITC_BINARY_DIR "/lib/emulator/libcuda.so.1");
  vit_model *loaded = nullptr;
  vit_status status = vit_model_load_from(&library, readWeight, nullptr, "cuda", &loaded);
  INFO(vit_last_error());
  REQUIRE(status == VIT_OK);
  runSize(loaded, first, small, /*native=*/true);
  runSize(loaded, first, small, /*native=*/false);
  runSize(loaded, second, large, /*native=*/false);
  vit_workspace *workspace = nullptr;
  CHECK(vit_workspace_create_sized(loaded, 1, 24, 32, &workspace) == VIT_BAD_ARGUMENT);
  CHECK(std::string(vit_last_error()) ==
        "vit: images are 24x32, but the library is built for 24x24 and 32x40");
  vit_model_free(loaded);
}

TEST_CASE("image sizes share weights, recipe and the kernels of rows", "[library][sizes]") {
  Models models;
  Compiled first(models.context, makeModel(small)), second(models.context, makeModel(large));
  auto one = models.build({&first}), other = models.build({&second}),
       both = models.build({&first, &second});
  REQUIRE(one);
  REQUIRE(other);
  REQUIRE(both);
  // A position table for each size; all else is the same.
  CHECK(one->library.weight_count == other->library.weight_count);
  CHECK(both->library.weight_count == one->library.weight_count + 1);
  std::set<std::string> keys;
  unsigned loads = 0;
  for (const vit_recipe_step &step :
       llvm::ArrayRef(both->library.recipe, both->library.recipe_count))
    if (step.op == VIT_RECIPE_LOAD) {
      ++loads;
      keys.insert(step.keys[0].name);
    }
  CHECK(keys.size() == loads);
  CHECK(keys.count("pos_embed.24") == 1);
  CHECK(keys.count("pos_embed.32") == 1);

  const vit_plan *plans = both->library.plans;
  CHECK(kernelsOf(plans[0]).size() == one->library.targets[0].kernel_count);
  CHECK(kernelsOf(plans[1]).size() == other->library.targets[0].kernel_count);
  const vit_target &target = both->library.targets[0];
  std::set<std::string> shared, own;
  std::set<uint32_t> a = kernelsOf(plans[0]), b = kernelsOf(plans[1]);
  for (uint32_t i = 0; i < target.kernel_count; ++i)
    (a.count(i) && b.count(i) ? shared : own).insert(target.kernels[i].base);
  CHECK(target.kernel_count == a.size() + b.size() - shared.size());
  // What sees rows has one code; what sees images (patches, class tokens, attention) has two.
  for (auto kernel : first.module->getOps<vit::KernelOp>()) {
    std::string name = kernel.getSymName().str();
    INFO(name);
    bool rows = llvm::all_of(kernel.getArgumentTypes(), [](Type type) {
      auto tensor = cast<RankedTensorType>(type);
      return tensor.hasStaticShape() || tensor.getRank() == 2;
    });
    CHECK(shared.count(name) == rows);
    CHECK(own.count(name) == !rows);
  }
  CHECK(shared.size() >= 5);
  CHECK(own.size() >= 2);
}

TEST_CASE("plans of one library are of one model at different sizes", "[library][sizes]") {
  Models models;
  Compiled model(models.context, makeModel(small)), again(models.context, makeModel(small)),
      other(models.context, makeModel(large, /*withTokens=*/false));
  CHECK_FALSE(models.build({&model, &again}));
  CHECK_THAT(models.error, Catch::Contains("images of different sizes, but 24x24 is there twice"));
  models.error = "";
  CHECK_FALSE(models.build({&model, &other}));
  CHECK_THAT(models.error, Catch::Contains("expected the inputs and outputs of the plans before"));
}
