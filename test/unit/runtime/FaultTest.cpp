//===- FaultTest.cpp - Failing drivers, no allocation, threads ------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The promises that are easily broken unseen: every failing driver call gives a
// status and a text, leaves nothing behind and can be tried again; a run calls
// no allocator; threads share a model.
//===----------------------------------------------------------------------===//
#include "RuntimeFixture.h"
#include "RuntimeInterpose.h"

#include <cmath>
#include <cstdlib>

using namespace interpose;
using namespace tiny;

namespace {

std::string firstRun(const std::string &weights, std::vector<float> &y) {
  std::vector<float> x = pixels(3);
  y.assign(x.size(), -1);
  auto load = [&](vit_model **model) {
    return vit_model_load(&library, weights.c_str(), nullptr, model);
  };
  return runOnce(load, 4, 3, x, y);
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
  // The counter counts, each way of asking for memory.
  allocations = 0;
  counting = true;
  void *volatile kept[] = {malloc(10), calloc(2, 5), aligned_alloc(64, 64), new int[8]};
  kept[0] = realloc(kept[0], 1 << 20);
  counting = false;
  CHECK(allocations >= 4); // 5, but ThreadSanitizer does not tell of aligned_alloc
  for (void *pointer : {kept[0], kept[1], kept[2]})
    free(pointer);
  delete[] static_cast<int *>(kept[3]);
}

TEST_CASE("runtime: eight threads with eight workspaces share a model") {
  Loaded tiny;
  onEightThreads(tiny.model, 8, [&](int thread, int run, vit_workspace *workspace) {
    int batch = 1 + (thread + run) % 8;
    std::vector<float> x = pixels(batch), y(x.size());
    for (float &value : x)
      value += float(thread);
    const void *inputs[] = {x.data()};
    void *outputs[] = {y.data()};
    int wrong = vit_model_run_host(tiny.model, workspace, batch, inputs, 1, outputs, 1) != VIT_OK;
    wrong += y != expected(x);
    // Each thread has its own last error.
    wrong += vit_model_run_host(tiny.model, workspace, 100 + thread, inputs, 1, outputs, 1) !=
             VIT_BAD_ARGUMENT;
    wrong += std::string(vit_last_error()) != "vit: batch is " + std::to_string(100 + thread) +
                                                  ", but the workspace holds at most 8";
    return wrong;
  });
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
