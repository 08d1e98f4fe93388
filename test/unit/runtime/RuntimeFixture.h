//===- RuntimeFixture.h - A model on the emulated device -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The runtime is tested through the emulator's libcuda.so.1 with a library that
// is written by hand, so that nothing of the compiler is needed.
//===----------------------------------------------------------------------===//
#ifndef VITC_TEST_UNIT_RUNTIMEFIXTURE_H
#define VITC_TEST_UNIT_RUNTIMEFIXTURE_H

#include "runtime/Inspect.h"
#include "test/tools/vit-run/tiny.h"
#include "vit/runtime.h"
#include "weights/Safetensors.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <dlfcn.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace tiny {

inline const vit_library library = TINY_LIBRARY(nullptr);

/// The library with a plan, a target and code of its own, which a test may change. What it was made
/// from lives as long as the test.
struct Changed {
  Changed() {
    for (size_t i = 0; i != 3; ++i) {
      codes[i] = *static_cast<const vit_cuda_code *>(kernels[i].code);
      kernels[i].code = &codes[i];
    }
    target.kernels = kernels.data();
    plan.steps = steps.data();
    library.targets = &target;
    library.plans = &plan;
  }
  Changed(const Changed &) = delete;

  std::vector<vit_cuda_code> codes = std::vector<vit_cuda_code>(3);
  std::vector<vit_kernel> kernels = {tinyKernels, tinyKernels + 3};
  std::vector<vit_step> steps = {tinySteps, tinySteps + 3};
  vit_target target = tinyTargets[0];
  vit_plan plan = tinyPlans[0];
  vit_library library = tiny::library;
};

inline std::string emulatorFile() {
  return std::string(VITC_BINARY_DIR) + "/lib/emulator/libcuda.so.1";
}

/// A function of the emulator beyond the runtime's own use.
template <class Function> Function emulator(const char *name) {
  static void *handle = dlopen(emulatorFile().c_str(), RTLD_NOW | RTLD_LOCAL);
  REQUIRE(handle);
  auto function = reinterpret_cast<Function>(dlsym(handle, name));
  REQUIRE(function);
  return function;
}

/// Load, create, run: what an application does until its first result, with a workspace for
/// `maxBatch`. `load` makes the model. Returns the text of the failure, "" if there is none; what
/// could not be made is null.
template <class Load>
std::string runOnce(const Load &load, int maxBatch, int batch, const std::vector<float> &x,
                    std::vector<float> &y) {
  vit_model *model = nullptr;
  vit_workspace *workspace = nullptr;
  const void *inputs[] = {x.data()};
  void *outputs[] = {y.data()};
  vit_status status = load(&model);
  if (status == VIT_OK)
    status = vit_workspace_create(model, maxBatch, &workspace);
  else
    CHECK(model == nullptr);
  if (status == VIT_OK)
    status = vit_model_run_host(model, workspace, batch, inputs, 1, outputs, 1);
  else
    CHECK(workspace == nullptr);
  std::string text = vit_last_error();
  CHECK((status == VIT_OK) == text.empty());
  vit_workspace_free(workspace);
  vit_model_free(model);
  return text;
}

/// Eight threads, each with a workspace of its own for `maxBatch`, call `once` with the thread, the
/// number of the run and the workspace for VITC_THREAD_SECONDS, else for one. It returns how many
/// things were wrong.
template <class Once> void onEightThreads(const vit_model *model, int maxBatch, const Once &once) {
  const char *wanted = std::getenv("VITC_THREAD_SECONDS"); // ./check --full asks for more
  const auto until =
      std::chrono::steady_clock::now() + std::chrono::seconds(wanted ? std::atoi(wanted) : 1);
  std::atomic<int> wrong{0}, runs{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread != 8; ++thread)
    threads.emplace_back([&, thread] {
      vit_workspace *workspace = nullptr;
      if (vit_workspace_create(model, maxBatch, &workspace) != VIT_OK) {
        ++wrong;
        return;
      }
      do
        wrong += once(thread, int(runs++), workspace);
      while (std::chrono::steady_clock::now() < until);
      vit_workspace_free(workspace);
    });
  for (std::thread &thread : threads)
    thread.join();
  CHECK(wrong == 0);
  CHECK(runs >= 8);
}

inline void configure(const std::string &options) {
  vitrt::setDriverPath(emulatorFile());
  REQUIRE(emulator<int (*)(const char *)>("vitEmuConfigure")(options.c_str()) == 0);
}

/// Bytes allocated on the device. The context is kept from the first call on: its end would free
/// what a model forgot.
inline size_t deviceBytes() {
  static void *context = nullptr;
  REQUIRE(emulator<int (*)(unsigned)>("cuInit")(0) == 0);
  if (!context)
    REQUIRE(emulator<int (*)(void **, int)>("cuDevicePrimaryCtxRetain")(&context, 0) == 0);
  REQUIRE(emulator<int (*)(void *)>("cuCtxPushCurrent_v2")(context) == 0);
  size_t free = 0, total = 0;
  void *popped = nullptr;
  REQUIRE(emulator<int (*)(size_t *, size_t *)>("cuMemGetInfo_v2")(&free, &total) == 0);
  REQUIRE(emulator<int (*)(void **)>("cuCtxPopCurrent_v2")(&popped) == 0);
  return total - free;
}

inline void *currentContext() {
  void *context = &context;
  REQUIRE(emulator<int (*)(void **)>("cuCtxGetCurrent")(&context) == 0);
  return context;
}

inline float weight(size_t i) { return 0.25f * float(i % 7) - 0.5f; }
inline float one(size_t i) { return i % 2 ? 1.0f : 0.5f; }
inline float bias(size_t i) { return 0.125f * float(i % 5) - 0.25f; }
inline float pixel(size_t i) { return float((i * 37) % 101) / 50 - 1; }

/// What the model computes, without the model.
inline std::vector<float> expected(const std::vector<float> &x) {
  std::vector<float> y(x.size());
  for (size_t i = 0; i != x.size(); ++i) {
    size_t j = i % tinyValues;
    float value = std::fma(x[i], weight(j) + one(j % 8), bias(j));
    y[i] = value > 0 ? value : 0;
  }
  return y;
}

inline std::vector<float> pixels(int batch) {
  std::vector<float> x(size_t(batch) * tinyValues);
  for (size_t i = 0; i != x.size(); ++i)
    x[i] = pixel(i);
  return x;
}

template <class Value> std::vector<float> fill(size_t count, Value value) {
  std::vector<float> values(count);
  for (size_t i = 0; i != count; ++i)
    values[i] = value(i);
  return values;
}

/// A checkpoint of the model; goes away with its file.
struct Checkpoint {
  explicit Checkpoint(const std::string &name = "tiny") {
    path = "/tmp/vitc-" + name + "-" + std::to_string(getpid()) + ".safetensors";
    std::vector<float> w = fill(32, weight), o = fill(8, one), b = fill(32, bias);
    using vitrt::FileType;
    REQUIRE(vitrt::writeSafetensors(
        path, std::vector<vitrt::NewTensor>{{"block.weight", FileType::F32, {4, 8}, w.data()},
                                            {"block.one", FileType::F32, {8}, o.data()},
                                            {"block.bias", FileType::F32, {32}, b.data()}}));
  }
  ~Checkpoint() { remove(path.c_str()); }
  std::string path;
};

/// A loaded model with a workspace.
struct Loaded {
  explicit Loaded(const vit_library &from = library, int maxBatch = tinyMaxBatch) {
    configure("");
    Checkpoint checkpoint;
    INFO(vit_last_error());
    REQUIRE(vit_model_load(&from, checkpoint.path.c_str(), "cuda", &model) == VIT_OK);
    REQUIRE(vit_workspace_create(model, maxBatch, &workspace) == VIT_OK);
  }
  ~Loaded() {
    vit_workspace_free(workspace);
    vit_model_free(model);
  }
  vit_status runHost(int batch, const std::vector<float> &x, std::vector<float> &y) {
    y.assign(x.size(), -1);
    const void *inputs[] = {x.data()};
    void *outputs[] = {y.data()};
    return vit_model_run_host(model, workspace, batch, inputs, 1, outputs, 1);
  }
  vit_model *model = nullptr;
  vit_workspace *workspace = nullptr;
};

} // namespace tiny
#endif // VITC_TEST_UNIT_RUNTIMEFIXTURE_H
