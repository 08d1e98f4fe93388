//===- PlanTest.cpp - Images of several sizes ------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The tiny model, whose kernels take any number of values: native images are
// 4x8, a second plan is for 8x8, a third for multiples of 2x2 with at most 60
// tokens of 4 values each.
//===----------------------------------------------------------------------===//
#include "runtime/Plan.h"
#include "RuntimeFixture.h"
#include "vit/vit.hpp"

using namespace tiny;
using Catch::Matchers::Contains;

namespace {

/// A plan whose launches work on `values` values.
struct PlanOf {
  PlanOf(vit_count values, vit_count bytes) : values(values) {
    for (std::vector<vit_arg> *args : {&affine, &relu})
      args->back().count = values;
    buffers = {{"hidden", {}, bytes}};
    affine[3].index = relu[0].index = 0;
    for (vit_step &step : steps) {
      bool first = step.kernel == 0;
      step.grid[0].count = values;
      step.args = first ? affine.data() : relu.data();
    }
    plan.step_count = uint32_t(steps.size());
    plan.buffer_count = 1;
    plan.steps = steps.data();
    plan.buffers = buffers.data();
    plan.input_values = plan.output_values = &this->values;
    plan.workspace_bytes = bytes;
  }
  PlanOf(const PlanOf &) = delete;

  vit_count values;
  std::vector<vit_arg> affine{tinyAffineArgs, tinyAffineArgs + 5},
      relu{tinyReluArgs, tinyReluArgs + 3};
  std::vector<vit_step> steps{tinySteps, tinySteps + 3};
  std::vector<vit_buffer> buffers;
  vit_plan plan = {};
};

struct Sizes {
  Sizes() {
    plans[0].height = 4;
    plans[0].width = 8;
    larger.plan.height = larger.plan.width = 8;
    plans[1] = larger.plan;
    any.plan.patch_height = any.plan.patch_width = 2;
    any.plan.max_tokens = 60;
    plans[2] = any.plan;
    library.plans = plans;
    library.plan_count = 3;
  }
  PlanOf larger{TINY_PER_IMAGE(64), TINY_PER_IMAGE(256)};
  PlanOf any{{0, 0, 0, 4}, {0, 0, 0, 16}};
  vit_plan plans[3] = {tinyPlans[0]};
  vit_library library = tiny::library;
};

std::string lastError() { return vit_last_error(); }

} // namespace

TEST_CASE("runtime: each image size runs its own plan") {
  Sizes sizes;
  Loaded tiny(sizes.library);
  struct Case {
    int height, width;
    size_t values;
  };
  for (Case size : {Case{4, 8, 32}, {8, 8, 64}, {2, 2, 4}, {6, 10, 60}, {2, 120, 240}, {8, 4, 32}})
    for (int batch : {1, 3, 8}) {
      INFO(size.height << "x" << size.width << ", batch " << batch);
      vit_workspace *workspace = nullptr;
      REQUIRE(vit_workspace_create_sized(tiny.model, 8, size.height, size.width, &workspace) ==
              VIT_OK);
      std::vector<float> x = fill(size.values * size_t(batch), pixel), y(x.size());
      const void *inputs[] = {x.data()};
      void *outputs[] = {y.data()};
      CHECK(vit_model_run_host(tiny.model, workspace, batch, inputs, 1, outputs, 1) == VIT_OK);
      CHECK(lastError() == "");
      CHECK(y == expected(x));
      vit_workspace_free(workspace);
    }
  // The C++ wrapper takes a size too.
  std::vector<float> seen = fill(64, pixel), out(64);
  Checkpoint checkpoint("sized");
  vit::Model model;
  vit::Workspace sized;
  REQUIRE(model.load(&sizes.library, checkpoint.path.c_str()) == VIT_OK);
  REQUIRE(sized.create(model, 1, 8, 8) == VIT_OK);
  const void *const inputs[] = {seen.data()};
  void *const outputs[] = {out.data()};
  CHECK(sized.runHost(1, inputs, outputs) == VIT_OK);
  CHECK(out == expected(seen));
  // Without a size it is the native one.
  std::vector<float> x = pixels(2), y;
  REQUIRE(tiny.runHost(2, x, y) == VIT_OK);
  CHECK(y == expected(x));
}

TEST_CASE("runtime: steps of a plan for any size are for numbers of rows") {
  Sizes sizes;
  // Both steps of the second launch, one up to 20 rows, the other beyond.
  std::vector<vit_step> &steps = sizes.any.steps;
  steps.push_back(steps.back());
  for (vit_step &step : steps)
    step.measure = {0, 1, 0, 1}, step.max_batch = 1000;
  steps[2].max_batch = 20;
  steps[3].min_batch = 21;
  vit_plan plan = sizes.any.plan;
  plan.steps = steps.data();
  plan.step_count = uint32_t(steps.size());
  vitrt::SizedPlan sized = {&plan, 9, {6, 6}};
  vitrt::Launches launches(sizes.library, sized);
  std::vector<uint64_t> none(sizes.library.weight_count);
  auto last = [&](int batch) {
    launches.prepare(batch, {0, 0, 0, 0, none});
    return launches.records().back().step;
  };
  CHECK(last(1) == 2); // 10 rows
  CHECK(last(2) == 2); // 20
  CHECK(last(3) == 3); // 30
  CHECK(vitrt::mayRun(steps[2], 8, 9));
  CHECK_FALSE(vitrt::mayRun(steps[3], 2, 9));
  CHECK_FALSE(vitrt::mayRun(steps[2], 8, 20)); // 21 rows at least
  // Scratch memory is that of the largest batch that a step runs with.
  std::vector<vit_arg> args(steps[2].args, steps[2].args + steps[2].arg_count);
  args.push_back({VIT_ARG_SCRATCH, 0, 1, {0, 0, 0, 100}});
  steps[2].args = args.data();
  steps[2].arg_count = uint32_t(args.size());
  CHECK(vitrt::scratchBytes(sized, 1) == 900);
  CHECK(vitrt::scratchBytes(sized, 8) == 1800); // with 2 images
}

TEST_CASE("runtime: more images of a size than kernels address are refused with how many fit") {
  Sizes sizes;
  vitrt::SizedPlan sized = {&sizes.any.plan, 9, {6, 6}};
  CHECK(vitrt::objectionToBatch(sizes.library, sized, 8).empty());
  sizes.any.buffers[0].bytes = {0, 0, 0, uint64_t(1) << 26}; // 576 MiB an image
  CHECK_THAT(vitrt::objectionToBatch(sizes.library, sized, 8),
             Contains("images of 9 patches need 4831838208 bytes in one tensor") &&
                 Contains("lower max_batch from 8 to 3"));
  CHECK(vitrt::objectionToBatch(sizes.library, sized, 3).empty());
  sizes.any.buffers[0].bytes = {0, 0, 0, uint64_t(1) << 29};
  CHECK(vitrt::objectionToBatch(sizes.library, sized, 2) ==
        "one image of 9 patches needs 4831838208 bytes in one tensor, but kernels address "
        "2147483648; take smaller images");
}

TEST_CASE("runtime: a tensor of all bytes that kernels address is taken, of one more is not") {
  Sizes sizes;
  vitrt::SizedPlan sized = {&sizes.any.plan, 8, {4, 8}};
  sizes.any.buffers[0].bytes = {0, 0, 0, uint64_t(1) << 26}; // 2^29 bytes an image
  CHECK(vitrt::objectionToBatch(sizes.library, sized, 4).empty());
  sizes.any.buffers[0].bytes.constant = 1;
  CHECK_THAT(vitrt::objectionToBatch(sizes.library, sized, 4),
             Contains("need 2147483649 bytes in one tensor") &&
                 Contains("lower max_batch from 4 to 3"));
}

TEST_CASE("runtime: image sizes that no plan takes are refused with those that there are") {
  Sizes sizes;
  Loaded tiny(sizes.library);
  vit_workspace *workspace = nullptr;
  auto refused = [&](int height, int width) {
    workspace = reinterpret_cast<vit_workspace *>(1);
    CHECK(vit_workspace_create_sized(tiny.model, 1, height, width, &workspace) == VIT_BAD_ARGUMENT);
    CHECK(workspace == nullptr);
    return lastError();
  };
  CHECK(refused(1, 8) == "vit: images are 1x8, but the library is built for 4x8 and 8x8 and "
                         "1 to 60 patches of 2x2; an image needs at least 2x2 pixels");
  CHECK_THAT(refused(16, 16), Contains("images are 16x16"));
  CHECK_THAT(refused(16, 16), Contains("build it with --max-tokens 64"));
  CHECK_THAT(refused(0, 8), Contains("expected a height and a width of at least 1"));
  CHECK_THAT(refused(4, -8), Contains("images are 4x-8"));
  Loaded plain; // its input is no image
  CHECK(vit_workspace_create_sized(plain.model, 1, 4, 8, &workspace) == VIT_BAD_ARGUMENT);
  CHECK(lastError() == "vit: images are 4x8, but the library is built for no images");
}

TEST_CASE("runtime: counts grow with batch and tokens, and are checked at the largest") {
  CHECK(vitrt::valueOf({5, 0, 0, 0}, 3, 7) == 5);
  CHECK(vitrt::valueOf({5, 2, 0, 0}, 3, 7) == 11);
  CHECK(vitrt::valueOf({5, 2, 10, 0}, 3, 7) == 81);
  CHECK(vitrt::valueOf({5, 2, 10, 100}, 3, 7) == 2181);

  Sizes sizes;
  configure("");
  Checkpoint checkpoint;
  auto damaged = [&] {
    sizes.plans[2] = sizes.any.plan;
    vit_model *model = nullptr;
    CHECK(vit_model_load(&sizes.library, checkpoint.path.c_str(), nullptr, &model) == VIT_BAD_ABI);
    return lastError();
  };
  // 8 images of 60 tokens: 480 tokens.
  vit_extent &grid = sizes.any.steps[0].grid[1];
  grid = {{0, 0, 0, 137}, 1, 1};
  CHECK_THAT(damaged(), Contains("grid beyond the device's limits")); // 65760
  grid = {{0, 0, 1, 0}, 1, 1093};
  CHECK_THAT(damaged(), Contains("grid beyond the device's limits")); // 65580
  grid = {{1, 0, 0, 0}, 1, 1};
  sizes.any.affine.back().count.per_token = 4473925;
  CHECK_THAT(damaged(), Contains("counts beyond 31 bits"));
  sizes.any.affine.back().count.per_token = 4;
  sizes.any.buffers[0].bytes.per_length = 1;
  CHECK_THAT(damaged(), Contains("buffer 'hidden' is outside the workspace"));
  sizes.any.buffers[0].bytes.per_length = 0;
  sizes.any.affine.push_back({VIT_ARG_SCRATCH, 0, 1, {0, 0, 0, uint64_t(1) << 56}});
  sizes.any.steps[0].args = sizes.any.affine.data();
  sizes.any.steps[0].arg_count = 6;
  CHECK_THAT(damaged(), Contains("uses more scratch memory than there can be"));
  sizes.any.affine.back().count = {0, 0, 0, 1};
  vit_count &measure = sizes.any.steps[0].measure;
  measure = {0, 0, 0, uint64_t(1) << 56};
  CHECK_THAT(damaged(), Contains("is for a range that no number reaches"));
  // With at most 478 rows the grid has at most 65486 blocks, though 480 rows would have 65760.
  grid = {{0, 0, 0, 137}, 1, 1};
  measure = {0, 0, 0, 1};
  sizes.any.steps[0].max_batch = 479;
  CHECK_THAT(damaged(), Contains("grid beyond the device's limits"));
  sizes.any.steps[0].max_batch = 478;
  sizes.any.plan.patch_width = 2;
  sizes.plans[2] = sizes.any.plan;
  vit_model *good = nullptr;
  CHECK(vit_model_load(&sizes.library, checkpoint.path.c_str(), nullptr, &good) == VIT_OK);
  vit_model_free(good);
  sizes.any.affine.back() = {VIT_ARG_HEIGHT, 0, 0, {}};
  sizes.plans[2] = sizes.any.plan;
  CHECK(vit_model_load(&sizes.library, checkpoint.path.c_str(), nullptr, &good) == VIT_OK);
  vit_model_free(good);
  std::vector<vit_arg> native = sizes.larger.affine;
  native.push_back({VIT_ARG_HEIGHT, 0, 0, {}});
  sizes.larger.steps[0].args = native.data();
  sizes.larger.steps[0].arg_count = 6;
  CHECK_THAT(damaged(), Contains("depends on the size of images, which its plan does not"));
  sizes.larger.steps[0].args = sizes.larger.affine.data();
  sizes.larger.steps[0].arg_count = 5;
  sizes.any.plan.patch_width = 0;
  CHECK_THAT(damaged(), Contains("has no patch size"));
}

TEST_CASE("runtime: images of any size must be as large as a plan counts") {
  Sizes sizes;
  configure("");
  Checkpoint checkpoint;
  vit_tensor image = {"pixel_values", VIT_F32, 4, {-1, 1, -1, -1}};
  sizes.library.inputs = &image;
  vit_model *model = nullptr;
  REQUIRE(vit_model_load(&sizes.library, checkpoint.path.c_str(), nullptr, &model) == VIT_OK);
  vit_model_free(model);
  for (int64_t channels : {int64_t(3), int64_t(1) << 30, int64_t(1) << 62, int64_t(-1)}) {
    INFO(channels);
    image.shape[1] = channels;
    CHECK(vit_model_load(&sizes.library, checkpoint.path.c_str(), nullptr, &model) == VIT_BAD_ABI);
    CHECK_THAT(lastError(), Contains("input 'pixel_values' has"));
  }
}
