//===- AsyncTest.cpp - Devices that get on when they like -----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// With async=SEED the emulator runs launches and copies later, in an order that
// the seed chooses of those that streams and events allow. Right results with many
// seeds say that the runtime waits where it must; taking a wait away must show.
//===----------------------------------------------------------------------===//
#include "RuntimeFixture.h"
#include "RuntimeInterpose.h"

#include <random>

using namespace interpose;
using namespace tiny;

namespace {

vitrt::Driver real;

/// Buffers of one run on the device.
struct Buffers {
  Buffers(const vit_model *model, int batch)
      : in(allocate(model, batch)), out(allocate(model, batch)) {}
  static vitrt::DeviceMemory allocate(const vit_model *model, int batch) {
    auto memory = vitrt::DeviceMemory::allocate(model, size_t(batch) * 128);
    REQUIRE(memory);
    return std::move(*memory);
  }
  vitrt::DeviceMemory in, out;
};

/// Streams that do not block, made by the driver itself.
struct Streams {
  explicit Streams(size_t count) {
    REQUIRE(emulator<int (*)(void **, int)>("cuDevicePrimaryCtxRetain")(&context, 0) == 0);
    push();
    for (size_t i = 0; i != count; ++i) {
      vit_stream stream = nullptr;
      REQUIRE(emulator<int (*)(vit_stream *, unsigned)>("cuStreamCreate")(&stream, 1) == 0);
      all.push_back(stream);
    }
    pop();
  }
  ~Streams() {
    push();
    for (vit_stream stream : all)
      emulator<int (*)(vit_stream)>("cuStreamDestroy_v2")(stream);
    pop();
    emulator<int (*)(int)>("cuDevicePrimaryCtxRelease_v2")(0);
  }
  void push() { REQUIRE(emulator<int (*)(void *)>("cuCtxPushCurrent_v2")(context) == 0); }
  void pop() { REQUIRE(emulator<int (*)(void **)>("cuCtxPopCurrent_v2")(&context) == 0); }
  int wait(vit_stream stream) {
    push();
    int error = emulator<int (*)(vit_stream)>("cuStreamSynchronize")(stream);
    pop();
    return error;
  }
  void *context = nullptr;
  std::vector<vit_stream> all;
};

/// Load, create, run and compare with one seed: how many of these went wrong.
int runWithSeed(uint64_t seed, const std::string &weights) {
  configure("threads=1,async=" + std::to_string(seed));
  vit_model *model = nullptr;
  vit_workspace *workspace = nullptr;
  std::vector<float> x = pixels(5), y(x.size(), -1);
  const void *inputs[] = {x.data()};
  void *outputs[] = {y.data()};
  int wrong = 1;
  if (vit_model_load(&library, weights.c_str(), nullptr, &model) == VIT_OK &&
      vit_workspace_create(model, 5, &workspace) == VIT_OK &&
      vit_model_run_host(model, workspace, 5, inputs, 1, outputs, 1) == VIT_OK)
    wrong = y != expected(x);
  configure(""); // what is still on its way arrives while `y` is there
  vit_workspace_free(workspace);
  vit_model_free(model);
  return wrong;
}

/// The same with a wait taken out of the runtime.
int wrongWithout(vitrt::CUresult (*wait)(vitrt::CUstream)) {
  Checkpoint checkpoint("async");
  configure("");
  Interposed interposed;
  real = *interposed.table;
  interposed.table->cuStreamSynchronize = wait;
  int wrong = 0;
  for (uint64_t seed = 1; seed != 41; ++seed)
    wrong += runWithSeed(seed, checkpoint.path);
  return wrong;
}

} // namespace

TEST_CASE("runtime: waits where it must, in whatever order the device gets on") {
  CHECK(wrongWithout([](vitrt::CUstream stream) { return real.cuStreamSynchronize(stream); }) == 0);
}

TEST_CASE("runtime: without the wait for the weights, some order shows it") {
  CHECK(wrongWithout([](vitrt::CUstream stream) {
          return stream ? real.cuStreamSynchronize(stream) : 0;
        }) > 0);
}

TEST_CASE("runtime: without the wait for the outputs, some order shows it") {
  CHECK(wrongWithout([](vitrt::CUstream stream) {
          return stream ? 0 : real.cuStreamSynchronize(stream);
        }) > 0);
}

TEST_CASE("runtime: models, workspaces and streams do not disturb each other") {
  Loaded one, two;
  std::vector<vit_workspace *> spaces;
  std::vector<Buffers> buffers;
  constexpr size_t lanes = 4; // of both models
  for (size_t i = 0; i != lanes; ++i) {
    vit_workspace *space = nullptr;
    const vit_model *model = i % 2 ? one.model : two.model;
    REQUIRE(vit_workspace_create(model, 8, &space) == VIT_OK);
    spaces.push_back(space);
    buffers.emplace_back(model, 8);
  }
  Streams streams(lanes - 1);
  streams.all.push_back(nullptr); // and the default stream
  std::vector<float> y;
  for (unsigned seed = 1; seed != 31; ++seed) {
    configure("threads=1,async=" + std::to_string(seed));
    std::mt19937 random(seed);
    std::vector<std::vector<float>> x(lanes);
    for (int round = 0; round != 3; ++round)
      for (size_t i = 0; i != lanes; ++i) {
        int batch = 1 + int(random() % 8);
        x[i] = pixels(batch);
        for (float &value : x[i])
          value += float(random() % 16);
        // The inputs of a lane change only when its last run is done.
        REQUIRE(streams.wait(streams.all[i]) == 0);
        REQUIRE(buffers[i].in.upload(x[i].data(), x[i].size() * 4));
        const void *inputs[] = {buffers[i].in.data()};
        void *outputs[] = {buffers[i].out.data()};
        REQUIRE(vit_model_run(i % 2 ? one.model : two.model, spaces[i], batch, inputs, 1, outputs,
                              1, streams.all[i]) == VIT_OK);
      }
    for (size_t i = 0; i != lanes; ++i) {
      INFO("seed " << seed << ", lane " << i);
      REQUIRE(streams.wait(streams.all[i]) == 0);
      y.resize(x[i].size());
      REQUIRE(buffers[i].out.download(y.data(), y.size() * 4));
      CHECK(y == expected(x[i]));
    }
  }
  configure("");
  streams.all.pop_back();
  for (vit_workspace *space : spaces)
    vit_workspace_free(space);
}

TEST_CASE("runtime: eight threads with a device that gets on when it likes") {
  Loaded tiny;
  configure("threads=1,async=7");
  onEightThreads(tiny.model, 8, [&](int thread, int run, vit_workspace *workspace) {
    int batch = 1 + (thread + run) % 8;
    std::vector<float> x = pixels(batch), y(x.size());
    for (float &value : x)
      value += float(thread);
    const void *inputs[] = {x.data()};
    void *outputs[] = {y.data()};
    int wrong = vit_model_run_host(tiny.model, workspace, batch, inputs, 1, outputs, 1) != VIT_OK;
    return wrong + (y != expected(x));
  });
  configure("");
}
