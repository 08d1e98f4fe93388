//===- ScratchTest.cpp - Launches in two parts -----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The tiny model, whose relu goes through scratch memory for batches 1 and 2:
// relu twice is relu, so the results stay what they were.
//===----------------------------------------------------------------------===//
#include "RuntimeFixture.h"

#include <array>

using namespace tiny;
using Catch::Matchers::Contains;

namespace {

constexpr uint32_t relu = 1, perImage = tinyValues * 4;

/// affine; relu into scratch memory; relu out of it; from batch 3 on relu_wide.
struct InParts {
  std::array<vit_arg, 3> writes = {{{VIT_ARG_BUFFER, 1, 0, {}},
                                    {VIT_ARG_SCRATCH, 0, 1, TINY_PER_IMAGE(perImage)},
                                    {VIT_ARG_COUNT, 0, 0, TINY_PER_IMAGE(tinyValues)}}};
  std::array<vit_arg, 3> reads = {{{VIT_ARG_SCRATCH, 0, 0, TINY_PER_IMAGE(perImage)},
                                   {VIT_ARG_OUTPUT, 0, 1, {}},
                                   {VIT_ARG_COUNT, 0, 0, TINY_PER_IMAGE(tinyValues)}}};
  std::vector<vit_step> steps = {tinySteps[0], part(writes), part(reads), tinySteps[2]};
  vit_plan plan = tinyPlans[0];
  vit_library library = tiny::library;

  static vit_step part(const std::array<vit_arg, 3> &args) {
    vit_step step = tinySteps[1];
    step.kernel = relu;
    step.args = args.data();
    return step;
  }
  const vit_library &finish() {
    plan.steps = steps.data();
    plan.step_count = uint32_t(steps.size());
    plan.scratch_bytes = TINY_COUNT(2 * perImage);
    library.plans = &plan;
    return library;
  }
};

std::string lastError() { return vit_last_error(); }

} // namespace

TEST_CASE("runtime: scratch memory hands values from part to part, on both sides of a range") {
  InParts parts;
  Loaded tiny(parts.finish());
  for (int batch : {2, 3, 1, 8, 2}) {
    INFO("batch " << batch);
    std::vector<float> x = pixels(batch), y;
    REQUIRE(tiny.runHost(batch, x, y) == VIT_OK);
    CHECK(y == expected(x));
    CHECK(*vitrt::countLaunches(tiny.workspace, batch) == (batch <= 2 ? 3 : 2));
  }
}

TEST_CASE("runtime: a workspace has scratch memory once, whatever its batch") {
  InParts parts;
  Loaded tiny(parts.finish());
  size_t before = deviceBytes();
  vit_workspace *small = nullptr, *large = nullptr;
  REQUIRE(vit_workspace_create(tiny.model, 1, &small) == VIT_OK);
  CHECK(deviceBytes() - before == 512 + 2 * perImage);
  REQUIRE(vit_workspace_create(tiny.model, 4, &large) == VIT_OK);
  CHECK(deviceBytes() - before == 512 + 4 * 512 + 2 * 2 * perImage);
  vit_workspace_free(small);
  vit_workspace_free(large);
  CHECK(deviceBytes() == before);
}

TEST_CASE("runtime: what a launch before left in scratch memory does not count as written") {
  InParts parts;
  std::array<vit_arg, 3> fewer = parts.writes;
  fewer[2].count = TINY_PER_IMAGE(tinyValues - 1); // leaves out the last values
  parts.steps.insert(parts.steps.begin() + 3, {InParts::part(fewer), InParts::part(parts.reads)});
  Loaded tiny(parts.finish());
  std::vector<float> x = pixels(2), y;
  CHECK(tiny.runHost(2, x, y) == VIT_DEVICE_ERROR);
  CHECK_THAT(lastError(), Contains("kernel 'relu' of step 'relu of h'"));
}

TEST_CASE("runtime: a step may touch as much scratch memory as it says") {
  InParts parts;
  parts.writes[1].count =
      TINY_PER_IMAGE(perImage / 2); // the kernel writes twice that, still inside the allocation
  Loaded tiny(parts.finish());
  std::vector<float> x = pixels(2), y;
  CHECK(tiny.runHost(2, x, y) == VIT_DEVICE_ERROR);
}

TEST_CASE("runtime: a step that needs more scratch memory than the library has") {
  InParts parts;
  parts.reads[0].count = TINY_PER_IMAGE(perImage + 1);
  parts.finish();
  configure("");
  Checkpoint checkpoint;
  vit_model *model = nullptr;
  CHECK(vit_model_load(&parts.library, checkpoint.path.c_str(), nullptr, &model) == VIT_BAD_ABI);
  CHECK_THAT(lastError(), Contains("'relu of h' uses more scratch memory than there is"));
}

TEST_CASE("runtime: tools see the parts of a launch, and time them together") {
  InParts parts;
  Loaded tiny(parts.finish());
  std::vector<float> x = pixels(2), y(x.size());
  const void *inputs[] = {x.data()};
  void *outputs[] = {y.data()};
  std::vector<std::pair<uint32_t, size_t>> seen; // launch, how many values it wrote
  auto observer = [&](const vitrt::StepView &view) -> vitrt::Result<void> {
    seen.push_back({view.step->launch, view.written.size()});
    return {};
  };
  REQUIRE(vitrt::runHostObserved(tiny.workspace, 2, inputs, 1, outputs, 1, observer));
  CHECK(seen == std::vector<std::pair<uint32_t, size_t>>{{0, 1}, {1, 0}, {1, 1}});
  auto tensors = vitrt::makeTensors(tiny.workspace, 2);
  REQUIRE(tensors);
  const uint32_t both[] = {1, 2};
  auto times = vitrt::timeSteps(tiny.workspace, 2, both, *tensors, 2, 5);
  REQUIRE(times);
  CHECK(times->size() == 5);
}
