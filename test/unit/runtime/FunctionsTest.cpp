//===- FunctionsTest.cpp - When functions are loaded, and by whom ---===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A function in front of the driver's writes down what is compiled and when, and
// takes its time, so that threads meet.
//===----------------------------------------------------------------------===//
#include "RuntimeFixture.h"
#include "RuntimeInterpose.h"
#include "runtime/Parallel.h"

#include <algorithm>
#include <mutex>
#include <set>

using Catch::Matchers::Contains;
using namespace interpose;
using namespace tiny;

namespace {

vitrt::Driver real;

/// What the driver was asked to compile.
struct Seen {
  std::mutex mutex;
  std::vector<std::string> kernels; // in the order of their beginnings
  std::set<std::thread::id> threads;
  int now = 0, most = 0; // at a time
  std::string refused;   // a kernel that fails as if there were no memory
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
    seen.threads.insert(std::this_thread::get_id());
    seen.most = std::max(seen.most, ++seen.now);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  int error =
      name == seen.refused ? 2 : real.cuModuleLoadDataEx(module, image, count, options, values);
  std::lock_guard lock(seen.mutex);
  --seen.now;
  return error;
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
    seen.kernels.clear(), seen.threads.clear();
    seen.most = 0;
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
      vit_cuda_code code = *static_cast<const vit_cuda_code *>(tinyKernels[0].code);
      code.ptx = texts[i].c_str();
      code.ptx_size = texts[i].size();
      codes.push_back(code);
      vit_step step = tinySteps[0];
      step.kernel = uint32_t(3 + i);
      step.min_batch = 3;
      steps.insert(steps.begin() + 1, step);
    }
    for (size_t i = 0; i != count; ++i) {
      vit_kernel kernel = tinyKernels[0];
      kernel.name = kernel.base = names[i].c_str();
      kernel.hash = 20 + i;
      kernel.code = &codes[i];
      kernels.push_back(kernel);
    }
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

TEST_CASE("runtime: several threads compile, each function once, whoever asks") {
  configure("");
  constexpr size_t count = 24;
  Many many(count);
  Watched watched;
  Model model(many.library);
  (void)watched.taken();
  REQUIRE(model.create(8) == VIT_OK);
  CHECK(seen.most <= int(vitrt::mostThreads));
  if (std::thread::hardware_concurrency() > 1) {
    CHECK(seen.most > 1);
    CHECK(seen.threads.size() > 1);
  }
  CHECK(watched.taken().size() == count + 1); // and relu_wide
  model.run(8);
  std::atomic<int> wrong{0};
  Model second(many.library);
  (void)watched.taken();
  std::vector<std::thread> threads;
  for (int thread = 0; thread != 4; ++thread)
    threads.emplace_back([&] {
      vit_workspace *workspace = nullptr;
      wrong += vit_workspace_create(second.model, 8, &workspace) != VIT_OK;
      vit_workspace_free(workspace);
    });
  for (std::thread &thread : threads)
    thread.join();
  CHECK(wrong == 0);
  CHECK(watched.taken().size() == count + 1);
}

TEST_CASE("runtime: of several functions that fail the first is named, and can be tried again") {
  configure("");
  Many many(24);
  std::string broken = many.texts[3]; // step order is that of the last first
  broken.replace(broken.find("fma.rn"), 6, "frobni");
  many.codes[3].ptx = many.codes[9].ptx = broken.c_str();
  many.texts[9] = broken;
  for (int round = 0; round != 10; ++round) {
    Watched watched;
    {
      Model model(many.library);
      CHECK(model.create(8) == VIT_DEVICE_ERROR);
      CHECK_THAT(vit_last_error(), Contains("PTX of kernel 'affine_9'"));
      CHECK(currentContext() == nullptr);
    }
    CHECK(live == 0);
  }
  many.codes[3].ptx = many.texts[3].c_str();
  many.texts[9] = tinyAffine;
  many.texts[9].replace(many.texts[9].find("affine"), 6, "affine_9");
  many.codes[9].ptx = many.texts[9].c_str();
  Watched watched;
  Model model(many.library);
  seen.refused = "affine_12";
  CHECK(model.create(8) == VIT_OUT_OF_MEMORY);
  CHECK_THAT(vit_last_error(), Contains("PTX of kernel 'affine_12'"));
  seen.refused.clear();
  REQUIRE(model.create(8) == VIT_OK);
  model.run(8);
}

TEST_CASE("runtime: work on several threads") {
  std::atomic<size_t> sum{0};
  CHECK(vitrt::parallelFor(0, [](size_t) { return vitrt::badArgument("none"); }));
  CHECK(vitrt::parallelFor(1000, [&](size_t i) {
    sum += i;
    return vitrt::Status();
  }));
  CHECK(sum == 499500);
  for (int round = 0; round != 50; ++round) {
    std::atomic<int> begun{0};
    vitrt::Status failed = vitrt::parallelFor(1000, [&](size_t i) {
      ++begun;
      return i % 7 == 5 ? vitrt::badArgument(std::to_string(i)) : vitrt::Status();
    });
    CHECK(failed.message() == "5");
    CHECK(begun < 1000);
  }
  // The second fails while the first has, and must not hide it.
  std::atomic<bool> both{false};
  vitrt::Status first = vitrt::parallelFor(2, [&](size_t i) {
    both = both || i == 1;
    for (int wait = 0; !both && wait != 100; ++wait)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(20 * i));
    return vitrt::badArgument(std::to_string(i));
  });
  CHECK(first.message() == "0");
  vitrt::Status thrown =
      vitrt::parallelFor(4, [](size_t) -> vitrt::Status { throw std::bad_alloc(); });
  CHECK(thrown.status() == VIT_OUT_OF_MEMORY);
}
