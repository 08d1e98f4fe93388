//===- RuntimeFaultTest.cpp - Failing drivers, no allocation, threads ------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The promises that are easily broken unseen: every failing driver call gives a
// status and a text, leaves nothing behind and can be tried again; a run calls
// no allocator; threads share a model.
//===----------------------------------------------------------------------===//
#include "RuntimeFixture.h"
#include "runtime/cuda/Driver.h"

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <thread>

using namespace tiny;

//===----------------------------------------------------------------------===//
// Counting allocations of this thread, outside the driver
//===----------------------------------------------------------------------===//

static thread_local bool counting = false;
static std::atomic<int> allocations{0};

static void countAllocation() {
  if (counting)
    ++allocations;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define VITC_TEST_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define VITC_TEST_SANITIZED
#endif

#ifdef VITC_TEST_SANITIZED
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*onMalloc)(const volatile void *,
                                                                          size_t),
                                                         void (*onFree)(const volatile void *));
static const int hooks = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void *, size_t) { countAllocation(); }, [](const volatile void *) {});
#else
extern "C" {
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);
void *malloc(size_t bytes) {
  countAllocation();
  return __libc_malloc(bytes);
}
void *calloc(size_t count, size_t bytes) {
  countAllocation();
  return __libc_calloc(count, bytes);
}
void *realloc(void *old, size_t bytes) {
  countAllocation();
  return __libc_realloc(old, bytes);
}
}
#endif

namespace {

/// Does not count while the driver works.
struct Pause {
  bool before = std::exchange(counting, false);
  ~Pause() { counting = before; }
};

vitrt::Driver realDriver;
int deviceAllocations = 0;

int pausedLaunch(vitrt::CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                 unsigned by, unsigned bz, unsigned shared, vitrt::CUstream stream,
                 void **parameters, void **extra) {
  Pause pause;
  return realDriver.cuLaunchKernel(function, gx, gy, gz, bx, by, bz, shared, stream, parameters,
                                   extra);
}
int pausedPush(vitrt::CUcontext context) {
  Pause pause;
  return realDriver.cuCtxPushCurrent(context);
}
int pausedPop(vitrt::CUcontext *context) {
  Pause pause;
  return realDriver.cuCtxPopCurrent(context);
}
int countedAlloc(vitrt::CUdeviceptr *pointer, size_t bytes) {
  ++deviceAllocations;
  return realDriver.cuMemAlloc(pointer, bytes);
}

/// Contexts retained, modules and streams that live.
int live = 0;

int countedRetain(vitrt::CUcontext *context, vitrt::CUdevice device) {
  int error = realDriver.cuDevicePrimaryCtxRetain(context, device);
  live += !error;
  return error;
}
int countedRelease(vitrt::CUdevice device) {
  int error = realDriver.cuDevicePrimaryCtxRelease(device);
  live -= !error;
  return error;
}
int countedModule(vitrt::CUmodule *module, const void *image, unsigned count, int *options,
                  void **values) {
  int error = realDriver.cuModuleLoadDataEx(module, image, count, options, values);
  live += !error;
  return error;
}
int countedUnload(vitrt::CUmodule module) {
  int error = realDriver.cuModuleUnload(module);
  live -= !error;
  return error;
}
int countedStream(vitrt::CUstream *stream, unsigned flags) {
  int error = realDriver.cuStreamCreate(stream, flags);
  live += !error;
  return error;
}
int countedDestroy(vitrt::CUstream stream) {
  int error = realDriver.cuStreamDestroy(stream);
  live -= !error;
  return error;
}

/// Puts the functions above in front of the driver's while it lives.
struct Interposed {
  Interposed() {
    const vitrt::Driver *driver = nullptr;
    REQUIRE(vitrt::openDriver(driver));
    table = const_cast<vitrt::Driver *>(driver);
    realDriver = *table;
    table->cuLaunchKernel = pausedLaunch;
    table->cuCtxPushCurrent = pausedPush;
    table->cuCtxPopCurrent = pausedPop;
    table->cuMemAlloc = countedAlloc;
    table->cuDevicePrimaryCtxRetain = countedRetain;
    table->cuDevicePrimaryCtxRelease = countedRelease;
    table->cuModuleLoadDataEx = countedModule;
    table->cuModuleUnload = countedUnload;
    table->cuStreamCreate = countedStream;
    table->cuStreamDestroy = countedDestroy;
    live = 0;
  }
  ~Interposed() { *table = realDriver; }
  vitrt::Driver *table;
};

/// Load, create, run: what an application does until its first result.
std::string firstRun(const std::string &weights, std::vector<float> &y) {
  vit_model *model = nullptr;
  vit_workspace *workspace = nullptr;
  std::vector<float> x = pixels(3);
  y.assign(x.size(), -1);
  const void *inputs[] = {x.data()};
  void *outputs[] = {y.data()};
  vit_status status = vit_model_load(&library, weights.c_str(), 0, &model);
  if (status == VIT_OK)
    status = vit_workspace_create(model, 4, &workspace);
  else
    CHECK(model == nullptr);
  if (status == VIT_OK)
    status = vit_model_run_host(model, workspace, 3, inputs, 1, outputs, 1);
  else
    CHECK(workspace == nullptr);
  std::string text = vit_last_error();
  CHECK((status == VIT_OK) == text.empty());
  vit_workspace_free(workspace);
  vit_model_free(model);
  return text;
}

} // namespace

TEST_CASE("runtime: every failing driver call gives a status and a text, and leaves nothing") {
  configure("");
  Checkpoint checkpoint("fault");
  std::vector<float> y;
  REQUIRE(firstRun(checkpoint.path, y) == ""); // the driver is open from here on
  size_t before = deviceBytes();
  Interposed interposed;
  int failures = 0;
  for (int n = 1;; ++n) {
    configure("fail-call=" + std::to_string(n));
    std::string text = firstRun(checkpoint.path, y);
    INFO("call " << n << ": " << text);
    configure("");
    // The frees at the end come after the first run: from there on nothing can fail.
    if (text.empty())
      break;
    CHECK(deviceBytes() == before);
    CHECK(live == 0);
    CHECK(currentContext() == nullptr);
    CHECK(text.find("CUDA_ERROR_") != std::string::npos);
    CHECK(text.find('\n') == std::string::npos);
    ++failures;
    std::string again = firstRun(checkpoint.path, y);
    CHECK(again == "");
    CHECK(y == expected(pixels(3)));
  }
  CHECK(failures > 20);
}

TEST_CASE("runtime: a failed run can be repeated in the same workspace") {
  Loaded tiny;
  std::vector<float> x = pixels(5), y;
  for (int n = 1; n != 40; ++n) {
    configure("fail-call=" + std::to_string(n));
    vit_status status = tiny.runHost(5, x, y);
    configure("");
    if (status == VIT_OK) {
      CHECK(n > 5);
      return;
    }
    INFO("call " << n);
    CHECK(currentContext() == nullptr);
    REQUIRE(tiny.runHost(5, x, y) == VIT_OK);
    CHECK(y == expected(x));
  }
  FAIL("40 calls for a run of two launches");
}

TEST_CASE("runtime: a run calls no allocator") {
  Loaded tiny;
  auto in = vitrt::DeviceMemory::allocate(tiny.model, 8 * 128);
  auto out = vitrt::DeviceMemory::allocate(tiny.model, 8 * 128);
  REQUIRE(in);
  REQUIRE(out);
  std::vector<float> x = pixels(8);
  REQUIRE(in->upload(x.data(), x.size() * 4));
  const void *inputs[] = {in->data()};
  void *outputs[] = {out->data()};
  Interposed interposed;
  interposed.table->registerRange = nullptr; // a real driver has none
  deviceAllocations = 0;
  int good = 0, counted = 0;
  for (int batch : {1, 2, 3, 7, 8, 8, 1}) { // none of them prepared
    allocations = 0;
    counting = true;
    good +=
        vit_model_run(tiny.model, tiny.workspace, batch, inputs, 1, outputs, 1, nullptr) == VIT_OK;
    counting = false;
    counted += allocations;
  }
  CHECK(good == 7);
  CHECK(counted == 0);
  CHECK(deviceAllocations == 0);
  // The counter counts.
  counting = true;
  free(malloc(10));
  std::vector<int> vector(100);
  counting = false;
  CHECK(allocations >= 2);
}

TEST_CASE("runtime: eight threads with eight workspaces share a model") {
  Loaded tiny;
  const char *wanted = std::getenv("VITC_THREAD_SECONDS"); // ./check --full asks for more
  const auto until =
      std::chrono::steady_clock::now() + std::chrono::seconds(wanted ? std::atoi(wanted) : 1);
  std::atomic<int> wrong{0}, runs{0};
  std::vector<std::thread> threads;
  for (int t = 0; t != 8; ++t)
    threads.emplace_back([&, t] {
      vit_workspace *workspace = nullptr;
      if (vit_workspace_create(tiny.model, 8, &workspace) != VIT_OK) {
        ++wrong;
        return;
      }
      do {
        int batch = 1 + (t + runs++) % 8;
        std::vector<float> x = pixels(batch), y(x.size());
        for (float &value : x)
          value += float(t);
        const void *inputs[] = {x.data()};
        void *outputs[] = {y.data()};
        wrong += vit_model_run_host(tiny.model, workspace, batch, inputs, 1, outputs, 1) != VIT_OK;
        wrong += y != expected(x);
        // Each thread has its own last error.
        wrong += vit_model_run_host(tiny.model, workspace, 100 + t, inputs, 1, outputs, 1) !=
                 VIT_BAD_ARGUMENT;
        wrong += std::string(vit_last_error()) !=
                 "vit: batch is " + std::to_string(100 + t) + ", but the workspace holds at most 8";
      } while (std::chrono::steady_clock::now() < until);
      vit_workspace_free(workspace);
    });
  for (std::thread &thread : threads)
    thread.join();
  CHECK(wrong == 0);
  CHECK(runs >= 8);
}

TEST_CASE("runtime: a workspace refuses a second run at the same time") {
  Loaded tiny;
  std::vector<float> x = pixels(2), y(x.size());
  const void *inputs[] = {x.data()};
  void *outputs[] = {y.data()};
  vit_status inner = VIT_OK;
  std::string text;
  auto observer = [&](const vitrt::StepView &) -> vitrt::Result<void> {
    inner = vit_model_run_host(tiny.model, tiny.workspace, 1, inputs, 1, outputs, 1);
    text = vit_last_error();
    return {};
  };
  REQUIRE(vitrt::runHostObserved(tiny.workspace, 2, inputs, 1, outputs, 1, observer));
  CHECK(inner == VIT_BAD_ARGUMENT);
  CHECK(text == "vit: the workspace is running in another thread; use one per thread");
}
