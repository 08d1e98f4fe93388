//===- LibraryDataTest.cpp - The plan of a library ------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Which steps a launch becomes, for which batches, with which memory. The
// kernels' code does not matter here, so there is none.
//===----------------------------------------------------------------------===//

#include "codegen/library/LibraryData.h"
#include "codegen/nvptx/Functions.h"
#include "passes/CostBridge.h"
#include "runtime/Recipe.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include <catch2/catch.hpp>

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;
using Catch::Matchers::Contains;

namespace {

/// A cast and a product on 6 rows of an image; the product's schedules are to be filled in.
constexpr llvm::StringLiteral text = R"(
vit.kernel @cast(%x: tensor<?x6x64xf32>) -> tensor<?x6x64xf16>
    attributes {schedules = [#vit.elementwise_schedule<batch = 1 to 4096, elements = 1024, warp = 256>]} {
  %0 = vit.cast %x : tensor<?x6x64xf32> -> tensor<?x6x64xf16>
  vit.yield %0 : tensor<?x6x64xf16>
}
vit.kernel @fc(%x: tensor<?x64xf16>, %w: tensor<48x64xf16>, %b: tensor<48xf32>) -> tensor<?x48xf32>
    attributes {schedules = [SCHEDULES]} {
  %0 = vit.linear %x, %w : tensor<?x64xf16>, tensor<48x64xf16> -> tensor<?x48xf32>
  %1 = vit.bias_add %0, %b : tensor<?x48xf32>, tensor<48xf32> -> tensor<?x48xf32>
  vit.yield %1 : tensor<?x48xf32>
}
func.func @prepare() -> (tensor<48x64xf16>, tensor<48xf32>) {
  %0 = vit.weight "w" : tensor<48x64xf32>
  %1 = vit.cast %0 : tensor<48x64xf32> -> tensor<48x64xf16>
  %2 = vit.weight "b" : tensor<48xf32>
  return %1, %2 : tensor<48x64xf16>, tensor<48xf32>
}
func.func @model(%x: tensor<?x6x64xf32> {vit.name = "x"}) -> (tensor<?x6x48xf32> {vit.name = "y"}) {
  %0 = vit.launch @cast(%x) places [256] : (tensor<?x6x64xf32>) -> tensor<?x6x64xf16>
  %w = vit.prepared 0 : tensor<48x64xf16>
  %b = vit.prepared 1 : tensor<48xf32>
  %1 = vit.launch @fc(%0, %w, %b) places [-1] : (tensor<?x6x64xf16>, tensor<48x64xf16>, tensor<48xf32>) -> tensor<?x6x48xf32>
  return %1 : tensor<?x6x48xf32>
}
)";

/// For images of any size, of a width that could be a number of tokens, too.
constexpr llvm::StringLiteral anyText = R"(
vit.kernel @relu(%x: tensor<?x4032xf32>) -> tensor<?x4032xf32> attributes {schedules = [SCHEDULES]} {
  %0 = vit.relu %x : tensor<?x4032xf32> -> tensor<?x4032xf32>
  vit.yield %0 : tensor<?x4032xf32>
}
func.func @prepare() -> (tensor<3954x4032xf32>, tensor<4032x3954xf32>, tensor<4032xf32>) {
  %0 = vit.weight "table" : tensor<4x4032xf32>
  %1 = vit.resample %0 cubic [2, 2] to [59, 67] : tensor<4x4032xf32> -> tensor<3953x4032xf32>
  %2 = vit.weight "cls" : tensor<1x4032xf32>
  %3 = vit.concat %2, %1 : (tensor<1x4032xf32>, tensor<3953x4032xf32>) -> tensor<3954x4032xf32>
  %4 = vit.reshape %3 : tensor<3954x4032xf32> -> tensor<1x3954x4032xf32>
  %5 = vit.reshape %4 : tensor<1x3954x4032xf32> -> tensor<3954x4032xf32>
  %6 = vit.permute %5 [1, 0] : tensor<3954x4032xf32> -> tensor<4032x3954xf32>
  %7 = vit.slice %3 rows 0 : tensor<3954x4032xf32> -> tensor<4032xf32>
  return %5, %6, %7 : tensor<3954x4032xf32>, tensor<4032x3954xf32>, tensor<4032xf32>
}
func.func @model(%x: tensor<?x3953x4032xf32> {vit.name = "x"})
    -> (tensor<?x3953x4032xf32> {vit.name = "y"})
    attributes {vit.any_size = {max_tokens = 100 : i64, patch = array<i64: 8, 8>}} {
  %0 = vit.launch @relu(%x) places [-1] image_places [0]
      : (tensor<?x3953x4032xf32>) -> tensor<?x3953x4032xf32>
  return %0 : tensor<?x3953x4032xf32>
}
)";

std::string range(int from, int to, const std::string &rest) {
  return "#vit.gemm_schedule<batch = " + std::to_string(from) + " to " + std::to_string(to) + ", " +
         rest + ">";
}
const std::string small = "tile = [32, 32, 64], warp = [16, 16], stages = 2";
const std::string large = "tile = [64, 64, 32], warp = [32, 32], stages = 2";

struct Built {
  explicit Built(const std::string &schedules, uint32_t maxBatch = 16,
                 llvm::StringRef source = text) {
    context.loadDialect<vit::VitDialect, func::FuncDialect>();
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      error += diagnostic.str();
      return success();
    });
    std::string filled = source.str();
    filled.replace(filled.find("SCHEDULES"), strlen("SCHEDULES"), schedules);
    module = parseSourceString<ModuleOp>(filled, &context);
    REQUIRE(module);
    for (auto kernel : module->getOps<vit::KernelOp>()) {
      auto functions = planFunctions(kernel);
      if (failed(functions))
        return;
      for (KernelCode &function : *functions) {
        function.ptx = "// " + function.name;
        function.launch.threads = 32 * (functions->size() + 1);
        function.launch.grid[0] = {1, cost::written(scheduleOf(function.schedule)).block[0], 2};
        codes.push_back(std::move(function));
      }
    }
    auto made = buildLibrary(PlanSource{*module, codes}, {"model", "", maxBatch});
    if (succeeded(made))
      data = std::move(*made);
  }
  const vit_library &library() const { return *data->view(); }
  const vit_plan &plan() const { return library().plans[0]; }
  llvm::ArrayRef<vit_kernel> kernels() const {
    return {library().targets[0].kernels, library().targets[0].kernel_count};
  }
  /// "function min-max" of each step.
  std::vector<std::string> steps() const {
    std::vector<std::string> list;
    for (const vit_step &step : ArrayRef(plan().steps, plan().step_count))
      list.push_back(std::to_string(step.launch) + " " + kernels()[step.kernel].name + " " +
                     std::to_string(step.min_batch) + "-" + std::to_string(step.max_batch));
    return list;
  }
  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module;
  std::vector<KernelCode> codes;
  std::unique_ptr<LibraryData> data;
  std::string error;
};

bool same(const vit_count &a, const vit_count &b) {
  return a.constant == b.constant && a.per_image == b.per_image && a.per_length == b.per_length &&
         a.per_token == b.per_token;
}

bool same(const vit_arg &arg, uint32_t kind, uint32_t index, uint32_t written,
          uint64_t perImage = 0) {
  return arg.kind == kind && arg.index == index && arg.written == written &&
         same(arg.count, {0, perImage, 0, 0});
}

} // namespace

TEST_CASE("library: a step for each range of batches") {
  Built built(range(1, 2, small) + "," + range(3, 16, large));
  REQUIRE(built.data);
  CHECK(built.steps() ==
        std::vector<std::string>{"0 cast 1-16", "1 fc_32x32x64 1-2", "1 fc_64x64x32 3-16"});
  // 6 rows an image.
  const vit_step &step = built.plan().steps[1];
  CHECK(same(step.grid[0].count, {0, 6, 0, 0}));
  CHECK(step.grid[0].divisor == 32);
  CHECK(step.grid[0].times == 2);
  CHECK(same(step.grid[1].count, {1, 0, 0, 0}));
  CHECK(built.plan().steps[2].grid[0].divisor == 64);
  REQUIRE(step.arg_count == 5);
  CHECK(same(step.args[0], VIT_ARG_BUFFER, 0, 0));
  CHECK(same(step.args[1], VIT_ARG_WEIGHT, 0, 0));
  CHECK(same(step.args[2], VIT_ARG_WEIGHT, 1, 0));
  CHECK(same(step.args[3], VIT_ARG_OUTPUT, 0, 1));
  CHECK(same(step.args[4], VIT_ARG_COUNT, 0, 0, 6));
  CHECK(same(built.plan().scratch_bytes, {}));
  CHECK(same(built.plan().input_values[0], {0, 6 * 64, 0, 0}));
  CHECK(same(built.plan().output_values[0], {0, 6 * 48, 0, 0}));
  CHECK(built.plan().height == 0); // no images
}

TEST_CASE("library: alternatives and equal schedules make no steps of their own") {
  // The second of a range is not what runs; neighbours of one schedule are joined, others are not.
  Built built(range(1, 2, small) + "," + range(1, 2, large) + "," + range(3, 4, small) + "," +
              range(5, 6, large) + "," + range(7, 16, small));
  REQUIRE(built.data);
  CHECK(built.steps() == std::vector<std::string>{"0 cast 1-16", "1 fc_32x32x64 1-4",
                                                  "1 fc_64x64x32 5-6", "1 fc_32x32x64 7-16"});
  CHECK(built.kernels().size() == 3);
}

TEST_CASE("library: a smaller largest batch leaves out what it never runs") {
  Built built(range(1, 2, small) + "," + range(3, 16, large), 2);
  REQUIRE(built.data);
  CHECK(built.steps() == std::vector<std::string>{"0 cast 1-2", "1 fc_32x32x64 1-2"});
  Built cut(range(1, 2, small) + "," + range(3, 16, large), 5);
  REQUIRE(cut.data);
  CHECK(cut.steps().back() == "1 fc_64x64x32 3-5");
}

TEST_CASE("library: a split product takes scratch memory and counters") {
  Built built(range(1, 3, small + " splits = 4") + "," + range(4, 16, large + " splits = 2"));
  REQUIRE(built.data);
  CHECK(built.steps() ==
        std::vector<std::string>{"0 cast 1-16", "1 fc_32x32x64_k4 1-3", "1 fc_64x64x32_k2 4-16"});
  const vit_plan &plan = built.plan();
  // 6 rows an image, 48 columns: for 3 images 1 x 2 tiles of 32 x 32, for 16 2 x 1 of 64 x 64.
  uint64_t small = 4 * 2 * 32 * 32 * 4, large = 2 * 2 * 64 * 64 * 4;
  CHECK(same(plan.scratch_bytes, {large, 0, 0, 0}));
  CHECK(same(plan.counter_bytes, {256, 0, 0, 0}));
  const vit_step &sums = plan.steps[1];
  REQUIRE(sums.arg_count == 7);
  CHECK(same(sums.args[3], VIT_ARG_OUTPUT, 0, 1));
  CHECK(sums.args[4].kind == VIT_ARG_SCRATCH);
  CHECK(sums.args[4].written == 1);
  CHECK(same(sums.args[4].count, {small, 0, 0, 0}));
  CHECK(sums.args[5].kind == VIT_ARG_COUNTERS);
  CHECK(same(sums.args[5].count, {2 * 4, 0, 0, 0}));
  CHECK(same(sums.args[6], VIT_ARG_COUNT, 0, 0, 6));
}

TEST_CASE("library: kernels say what they are, whatever the schedule") {
  Built built(range(1, 2, small + " buffers = 2 splits = 3 registers = 96") + "," +
              range(3, 16, large));
  REQUIRE(built.data);
  llvm::ArrayRef<vit_kernel> kernels = built.kernels();
  REQUIRE(kernels.size() == 3);
  CHECK(std::string(kernels[1].base) == "fc");
  CHECK(std::string(kernels[1].schedule) == "32x32x64/16x16/2 buffers 2 splits 3 registers 96");
  CHECK(std::string(kernels[2].schedule) == "64x64x32/32x32/2");
  CHECK(kernels[1].hash == kernels[2].hash);
  CHECK(kernels[0].hash != kernels[1].hash);

  // Names do not count, types do.
  auto kernel = built.module->lookupSymbol<vit::KernelOp>("fc");
  uint64_t hash = hashOf(kernel);
  kernel.setSymName("renamed");
  kernel->setLoc(NameLoc::get(StringAttr::get(&built.context, "blocks.7.fc")));
  CHECK(hashOf(kernel) == hash);
  std::string other = text.str();
  for (size_t at = 0; (at = other.find("48", at)) != std::string::npos;)
    other[at] = '5'; // 58 columns
  other.replace(other.find("SCHEDULES"), strlen("SCHEDULES"), range(1, 16, large));
  auto wider = parseSourceString<ModuleOp>(other, &built.context);
  REQUIRE(wider);
  CHECK(hashOf(wider->lookupSymbol<vit::KernelOp>("fc")) != hash);
}

TEST_CASE("library: batches that no schedule serves, and scratch memory beyond 31 bits") {
  CHECK_THAT(Built(range(1, 2, small) + "," + range(4, 16, large)).error,
             Contains("has no code of kernel @fc for batch 3 of 16"));
  CHECK_THAT(Built(range(2, 16, small)).error, Contains("for batch 1 of 16"));
  CHECK_THAT(Built(range(1, 8, small)).error, Contains("for batch 9 of 16"));
  CHECK_THAT(Built(range(1, 8, small) + "," + range(5, 16, large)).error,
             Contains("expected ranges of batches that are equal or apart, found 1 to 8 and 5 to"));
  CHECK_THAT(Built(range(1, 4096, small + " splits = 1000"), 4096).error,
             Contains("bytes of scratch memory for batch 4096, but kernels address 2147483648"));
}

TEST_CASE("library: of a table for any size the rows count tokens, whatever its width is") {
  Built built("#vit.elementwise_schedule<batch = 1 to 4096, elements = 1024, warp = 256>", 4,
              anyText);
  INFO(built.error);
  REQUIRE(built.data);
  std::vector<std::vector<int64_t>> shapes; // of the steps that depend on the size
  for (const vit_recipe_step &step : ArrayRef(built.library().recipe, built.library().recipe_count))
    if (step.op != VIT_RECIPE_LOAD)
      shapes.emplace_back(step.shape, step.shape + step.rank);
  CHECK(shapes == std::vector<std::vector<int64_t>>{
                      {-1, 4032}, {-2, 4032}, {1, -2, 4032}, {-2, 4032}, {4032, -2}, {4032}});
  auto checked = vitrt::checkRecipe(built.library());
  INFO(checked.error());
  CHECK(checked);
}

TEST_CASE("library: names of functions are told from those of others") {
  for (const char *name :
       {"patchify_f16", "attn_f16_2", "norm1_f16_rows4", "cast_elements512", "fc_64x64x32",
        "fc1_gelu_f16_128x128x32_64x32_stages3", "fc2_add_f16_112x96x64_k8",
        "attn_bf16_2_rows64_keys32_16x32_stages2_buffers2_registers128_recompute"})
    CHECK(looksLikeFunction(name));
  for (const char *name :
       {"ampere_fp16_s16816gemm_fp16_128x128_ldg8_f2f_stages_64x3_tn", "copy", "resize_nv12",
        "cutlass_80_tensorop_f16_s16816gemm_f16_128x128_32x4_nn_align8",
        "void at::native::vectorized_elementwise_kernel<4, f16>", "_f16", ""})
    CHECK_FALSE(looksLikeFunction(name));
  Built built(range(1, 2, small) + "," + range(3, 16, large));
  for (const KernelCode &code : built.codes)
    if (code.kernel == "fc")
      CHECK(looksLikeFunction(code.name));
}
