//===- FunctionsTest.cpp - When functions are loaded ----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A function in front of the driver's writes down what is compiled and when, and
// takes its time, so that callers meet.
//===----------------------------------------------------------------------===//
#include "RuntimeFixture.h"
#include "RuntimeInterpose.h"

#include <algorithm>
#include <mutex>

using Catch::Matchers::Contains;
using namespace interpose;
using namespace tiny;

namespace {

vitrt::Driver real;

/// What the driver was asked to compile.
struct Seen {
  std::mutex mutex;
  std::vector<std::string> kernels; // in the order of their beginnings
  std::string refused;              // a kernel that fails as if there were no memory
} seen;

int countModule(vitrt::CUmodule *module, const void *image, unsigned count, int *options,
                void **values) {
  std::string text = static_cast<const char *>(image), entry = ".entry ";
  size_t begin = text.find(entry);
  if (begin == text.npos)
    return real.cuModuleLoadDataEx(module, image, count, options, values);
  begin += entry.size();
  std::string name = text.substr(begin, text.find('(', begin) - begin);
  {
    std::lock_guard lock(seen.mutex);
    seen.kernels.push_back(name);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  return name == seen.refused ? 2 : real.cuModuleLoadDataEx(module, image, count, options, values);
}

struct Watched : Interposed {
  Watched() {
    real = *table;
    table->cuModuleLoadDataEx = countModule;
    (void)taken();
    seen.refused.clear();
  }
  std::vector<std::string> taken() {
    std::vector<std::string> kernels = std::move(seen.kernels);
    std::sort(kernels.begin(), kernels.end());
    seen.kernels.clear();
    return kernels;
  }
};

using Names = std::vector<std::string>;

/// A model whose first step has `count` alternatives that all batches from 3 on run, all the same.
struct Many {
  explicit Many(size_t count) {
    for (size_t i = 0; i != count; ++i) {
      names.push_back("affine_" + std::to_string(i));
      texts.push_back(tinyAffine);
      texts.back().replace(texts.back().find("affine"), 6, names.back());
    }
    kernels.assign(tinyKernels, tinyKernels + 3);
    steps.assign(tinySteps, tinySteps + 3);
    for (size_t i = 0; i != count; ++i) {
      codes.push_back({texts[i].c_str(), texts[i].size(), nullptr, 0, 64, 0});
      vit_step step = tinySteps[0];
      step.kernel = uint32_t(3 + i);
      step.min_batch = 3;
      steps.insert(steps.begin() + 1, step);
    }
    for (size_t i = 0; i != count; ++i)
      kernels.push_back({names[i].c_str(), names[i].c_str(), "64", 20 + i, 0, &codes[i]});
    target.kernels = kernels.data(), target.kernel_count = uint32_t(kernels.size());
    plan.steps = steps.data(), plan.step_count = uint32_t(steps.size());
    library.targets = &target;
    library.plans = &plan;
  }
  Many(const Many &) = delete;

  Names names;
  std::vector<std::string> texts;
  std::vector<vit_cuda_code> codes;
  std::vector<vit_kernel> kernels;
  std::vector<vit_step> steps;
  vit_target target = tinyTargets[0];
  vit_plan plan = tinyPlans[0];
  vit_library library = tiny::library;
};

/// A model without a workspace.
struct Model {
  explicit Model(const vit_library &from) {
    INFO(vit_last_error());
    REQUIRE(vit_model_load(&from, checkpoint.path.c_str(), nullptr, &model) == VIT_OK);
  }
  ~Model() {
    for (vit_workspace *workspace : workspaces)
      vit_workspace_free(workspace);
    vit_model_free(model);
  }
  vit_status create(int maxBatch) {
    vit_workspace *workspace = nullptr;
    vit_status status = vit_workspace_create(model, maxBatch, &workspace);
    CHECK((status == VIT_OK) == (workspace != nullptr));
    if (workspace)
      workspaces.push_back(workspace);
    return status;
  }
  /// In the workspace that was created last.
  void run(int batch) {
    std::vector<float> x = pixels(batch), y(x.size());
    const void *inputs[] = {x.data()};
    void *outputs[] = {y.data()};
    REQUIRE(vit_model_run_host(model, workspaces.back(), batch, inputs, 1, outputs, 1) == VIT_OK);
    CHECK(y == expected(x));
  }
  Checkpoint checkpoint{"functions"};
  vit_model *model = nullptr;
  std::vector<vit_workspace *> workspaces;
};

} // namespace

TEST_CASE("runtime: functions are loaded for the first workspace that reaches their batches") {
  configure("");
  Watched watched;
  Model model(library);
  CHECK(watched.taken() == Names{"affine", "relu"}); // of batch 1
  REQUIRE(model.create(2) == VIT_OK);
  CHECK(watched.taken().empty());
  model.run(2);
  CHECK(watched.taken().empty());
  REQUIRE(model.create(3) == VIT_OK);
  CHECK(watched.taken() == Names{"relu_wide"});
  REQUIRE(model.create(8) == VIT_OK);
  CHECK(watched.taken().empty());
  for (int batch : {1, 8, 3}) {
    REQUIRE(vit_workspace_prepare(model.model, model.workspaces.back(), batch) == VIT_OK);
    model.run(batch);
  }
  CHECK(watched.taken().empty());
}

TEST_CASE("runtime: code of batches that nobody asks for may be broken") {
  configure("");
  Changed changed;
  std::string broken = tinyReluWide;
  broken.replace(broken.find("max.f32"), 7, "frobnic");
  changed.codes[2].ptx = broken.c_str();
  Watched watched;
  Model model(changed.library);
  REQUIRE(model.create(2) == VIT_OK);
  int before = live;
  size_t bytes = deviceBytes();
  CHECK(model.create(3) == VIT_DEVICE_ERROR);
  CHECK_THAT(vit_last_error(), Contains("PTX of kernel 'relu_wide'") && Contains("frobnic"));
  CHECK(live == before);
  CHECK(deviceBytes() == bytes);
  model.run(2);
}

TEST_CASE("runtime: what is not loaded yet is described as it will be") {
  configure("");
  Changed changed;
  const vit_machine_code images[] = {{"sm_89", tinyCode, sizeof tinyCode}};
  changed.codes[2].codes = images;
  Watched watched;
  Model model(changed.library);
  CHECK_THAT(vit_model_description(model.model),
             Contains("machine code sm_89 for 1 of 3 kernels, the others PTX JIT for sm_89"));
}

TEST_CASE("runtime: each function is loaded once, whoever asks") {
  configure("");
  constexpr size_t count = 24;
  Many many(count);
  Watched watched;
  Model model(many.library);
  (void)watched.taken();
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread != 4; ++thread)
    threads.emplace_back([&] {
      vit_workspace *workspace = nullptr;
      wrong += vit_workspace_create(model.model, 8, &workspace) != VIT_OK;
      vit_workspace_free(workspace);
    });
  for (std::thread &thread : threads)
    thread.join();
  CHECK(wrong == 0);
  CHECK(watched.taken().size() == count + 1); // and relu_wide
  REQUIRE(model.create(8) == VIT_OK);
  model.run(8);
}

TEST_CASE("runtime: functions that failed can be tried again, and the others stay") {
  configure("");
  Many many(4);
  Watched watched;
  Model model(many.library);
  (void)watched.taken();
  seen.refused = "affine_2";
  CHECK(model.create(8) == VIT_OUT_OF_MEMORY);
  CHECK_THAT(vit_last_error(), Contains("PTX of kernel 'affine_2'"));
  CHECK(currentContext() == nullptr);
  CHECK(watched.taken() == Names{"affine_2", "affine_3"}); // the order of the steps
  seen.refused.clear();
  REQUIRE(model.create(8) == VIT_OK);
  CHECK(watched.taken() == Names{"affine_0", "affine_1", "affine_2", "relu_wide"});
  model.run(8);
}
