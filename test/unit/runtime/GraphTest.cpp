//===- GraphTest.cpp - Prepared batches -----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A batch that was prepared runs as one graph, with the bits of plain launches; what
// is set in it from run to run, and when, is counted by functions in front of the
// driver's.
//===----------------------------------------------------------------------===//
#include "RuntimeFixture.h"
#include "RuntimeInterpose.h"

using Catch::Matchers::Contains;
using namespace interpose;
using namespace tiny;

namespace {

vitrt::Driver real;
int kernels, graphs, pointed; // launches of either kind, and nodes that were set

int countKernel(vitrt::CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ,
                unsigned blockX, unsigned blockY, unsigned blockZ, unsigned shared,
                vitrt::CUstream stream, void **parameters, void **extra) {
  ++kernels;
  return real.cuLaunchKernel(function, gridX, gridY, gridZ, blockX, blockY, blockZ, shared, stream,
                             parameters, extra);
}
int countGraph(vitrt::CUgraphExec instance, vitrt::CUstream stream) {
  ++graphs;
  return real.cuGraphLaunch(instance, stream);
}
int countPointed(vitrt::CUgraphExec instance, vitrt::CUgraphNode node,
                 const vitrt::CUkernelNodeParams *parameters) {
  ++pointed;
  return real.cuGraphExecKernelNodeSetParams(instance, node, parameters);
}

/// Counts as long as it lives; taken() says what there was since the last time.
struct Counted : Interposed {
  Counted() {
    real = *table;
    table->cuLaunchKernel = countKernel;
    table->cuGraphLaunch = countGraph;
    table->cuGraphExecKernelNodeSetParams = countPointed;
    kernels = graphs = pointed = 0;
  }
  std::vector<int> taken() {
    std::vector<int> counts = {kernels, graphs, pointed};
    kernels = graphs = pointed = 0;
    return counts;
  }
};

/// Room for a batch of 8 on the device.
struct Values {
  explicit Values(const vit_model *model) {
    auto made = vitrt::DeviceMemory::allocate(model, 8 * 128);
    REQUIRE(made);
    memory.push_back(std::move(*made));
  }
  void *data() const { return memory[0].data(); }
  void put(const std::vector<float> &values) {
    REQUIRE(memory[0].upload(values.data(), values.size() * 4));
  }
  std::vector<float> take(size_t count) const {
    std::vector<float> values(count, -1);
    REQUIRE(memory[0].download(values.data(), count * 4));
    return values;
  }
  std::vector<vitrt::DeviceMemory> memory;
};

/// A stream that does not block, made by the driver itself, in a context that is current.
struct Stream {
  Stream() {
    REQUIRE(emulator<int (*)(void **, int)>("cuDevicePrimaryCtxRetain")(&context, 0) == 0);
    REQUIRE(emulator<int (*)(void *)>("cuCtxPushCurrent_v2")(context) == 0);
    REQUIRE(emulator<int (*)(vit_stream *, unsigned)>("cuStreamCreate")(&stream, 1) == 0);
  }
  ~Stream() {
    emulator<int (*)(vit_stream)>("cuStreamDestroy_v2")(stream);
    emulator<int (*)(void **)>("cuCtxPopCurrent_v2")(&context);
    emulator<int (*)(int)>("cuDevicePrimaryCtxRelease_v2")(0);
  }
  int wait() { return emulator<int (*)(vit_stream)>("cuStreamSynchronize")(stream); }
  void *context = nullptr;
  vit_stream stream = nullptr;
};

vit_status prepare(const Loaded &tiny, int batch) {
  return vit_workspace_prepare(tiny.model, tiny.workspace, batch);
}

vit_status run(const Loaded &tiny, int batch, const Values &x, const Values &y,
               vit_stream stream = nullptr) {
  const void *inputs[] = {x.data()};
  void *outputs[] = {y.data()};
  return vit_model_run(tiny.model, tiny.workspace, batch, inputs, 1, outputs, 1, stream);
}

std::vector<float> shifted(int batch, float by) {
  std::vector<float> x = pixels(batch);
  for (float &value : x)
    value += by;
  return x;
}

std::string lastError() { return vit_last_error(); }

} // namespace

TEST_CASE("runtime: a prepared batch runs as one graph, the others as launches") {
  Loaded tiny;
  Values x(tiny.model), otherX(tiny.model), y(tiny.model), otherY(tiny.model);
  std::vector<float> in = pixels(8), otherIn = shifted(8, 0.5f);
  x.put(in);
  otherX.put(otherIn);
  Counted counted;
  REQUIRE(prepare(tiny, 2) == VIT_OK);
  REQUIRE(prepare(tiny, 8) == VIT_OK);
  REQUIRE(prepare(tiny, 8) == VIT_OK); // there already
  CHECK(counted.taken() == std::vector<int>{0, 0, 0});
  auto ran = [&](int batch, const Values &from, const Values &to) {
    REQUIRE(run(tiny, batch, from, to) == VIT_OK);
    size_t count = size_t(batch) * tinyValues;
    const std::vector<float> &all = &from == &x ? in : otherIn;
    CHECK(to.take(count) == expected({all.begin(), all.begin() + std::ptrdiff_t(count)}));
    return counted.taken();
  };
  using Counts = std::vector<int>;
  CHECK(ran(8, x, y) == Counts{0, 1, 2}); // both kernels take a pointer of the caller
  CHECK(ran(8, x, y) == Counts{0, 1, 0});
  CHECK(ran(8, x, otherY) == Counts{0, 1, 1});
  CHECK(ran(8, otherX, otherY) == Counts{0, 1, 1});
  CHECK(ran(3, x, y) == Counts{2, 0, 0});
  CHECK(ran(2, x, y) == Counts{0, 1, 2});
  CHECK(ran(8, otherX, otherY) == Counts{0, 1, 0}); // each graph has pointers of its own
  CHECK(ran(8, x, y) == Counts{0, 1, 2});
  // Host memory goes through the same graph, with the workspace's own buffers.
  std::vector<float> out;
  REQUIRE(tiny.runHost(8, in, out) == VIT_OK);
  CHECK(out == expected(in));
  CHECK(counted.taken() == Counts{0, 1, 2});
  REQUIRE(tiny.runHost(8, otherIn, out) == VIT_OK);
  CHECK(out == expected(otherIn));
  CHECK(counted.taken() == Counts{0, 1, 0});
  // Tools look at each launch of a prepared batch, too.
  CHECK(*vitrt::countLaunches(tiny.workspace, 8) == 2);
  const void *inputs[] = {in.data()};
  void *outputs[] = {out.data()};
  int seen = 0;
  REQUIRE(vitrt::runHostObserved(tiny.workspace, 8, inputs, 1, outputs, 1,
                                 [&](const vitrt::StepView &) -> vitrt::Result<void> {
                                   ++seen;
                                   return {};
                                 }));
  CHECK(seen == 2);
  CHECK(counted.taken() == Counts{2, 0, 0});
  CHECK(ran(8, x, y) == Counts{0, 1, 2});
}

TEST_CASE("runtime: a run of a prepared batch calls no allocator") {
  Loaded tiny;
  Values x(tiny.model), y(tiny.model), otherY(tiny.model);
  x.put(pixels(8));
  for (int batch : {1, 7, 8})
    REQUIRE(prepare(tiny, batch) == VIT_OK);
  Counted counted;
  counted.table->registerRange = nullptr; // a real driver has none
  deviceAllocations = 0;
  int good = 0, allocated = 0;
  for (int batch : {8, 1, 8, 7, 7, 8}) {
    allocations = 0;
    counting = true;
    good += run(tiny, batch, x, good % 2 ? y : otherY) == VIT_OK;
    counting = false;
    allocated += allocations;
  }
  CHECK(good == 6);
  CHECK(allocated == 0);
  CHECK(deviceAllocations == 0);
  CHECK(counted.taken()[1] == 6);
}

TEST_CASE("runtime: graphs that are under way keep their pointers when the next run has others") {
  Loaded tiny;
  REQUIRE(prepare(tiny, 5) == VIT_OK);
  constexpr size_t runs = 6;
  std::vector<Values> x, y;
  for (size_t i = 0; i != runs; ++i)
    x.emplace_back(tiny.model), y.emplace_back(tiny.model);
  Stream stream;
  for (unsigned seed = 1; seed != 31; ++seed) {
    for (size_t i = 0; i != runs; ++i)
      x[i].put(shifted(5, float(i + seed)));
    configure("threads=1,async=" + std::to_string(seed));
    for (size_t i = 0; i != runs; ++i)
      REQUIRE(run(tiny, 5, x[i], y[i], stream.stream) == VIT_OK);
    REQUIRE(stream.wait() == 0);
    INFO("seed " << seed);
    for (size_t i = 0; i != runs; ++i)
      CHECK(y[i].take(5 * tinyValues) == expected(shifted(5, float(i + seed))));
    configure("");
  }
}

TEST_CASE("runtime: without the edges of its graph, some order of a run shows it") {
  configure("");
  Counted counted;
  for (bool planted : {false, true}) {
    counted.table->cuGraphAddKernelNode =
        !planted ? real.cuGraphAddKernelNode
                 : [](vitrt::CUgraphNode *node, vitrt::CUgraph graph, const vitrt::CUgraphNode *,
                      size_t, const vitrt::CUkernelNodeParams *parameters) {
                     return real.cuGraphAddKernelNode(node, graph, nullptr, 0, parameters);
                   };
    Loaded tiny;
    REQUIRE(prepare(tiny, 5) == VIT_OK);
    std::vector<float> y;
    int wrong = 0;
    for (unsigned seed = 1; seed != 41; ++seed) {
      std::vector<float> x = shifted(5, float(seed)); // else the last run's values would do
      configure("threads=1,async=" + std::to_string(seed));
      wrong += tiny.runHost(5, x, y) != VIT_OK || y != expected(x);
      configure("");
    }
    CHECK((wrong != 0) == planted);
  }
}

TEST_CASE("runtime: a capture gets launches, and stays what it is when the next run has others") {
  Loaded tiny;
  Values x(tiny.model), y(tiny.model), otherY(tiny.model);
  std::vector<float> in = pixels(3);
  x.put(in);
  REQUIRE(prepare(tiny, 3) == VIT_OK);
  REQUIRE(run(tiny, 3, x, y) == VIT_OK);
  Stream stream;
  Counted counted;
  void *graph = nullptr, *instance = nullptr;
  REQUIRE(emulator<int (*)(vit_stream, int)>("cuStreamBeginCapture_v2")(stream.stream, 1) == 0);
  CHECK(run(tiny, 3, x, otherY, stream.stream) == VIT_OK);
  CHECK(counted.taken() == std::vector<int>{2, 0, 0});
  REQUIRE(emulator<int (*)(vit_stream, void **)>("cuStreamEndCapture")(stream.stream, &graph) == 0);
  REQUIRE(emulator<int (*)(void **, void *, unsigned long long)>("cuGraphInstantiateWithFlags")(
              &instance, graph, 0) == 0);
  // The workspace's own graph still points where it did.
  y.put(std::vector<float>(in.size(), -1));
  REQUIRE(run(tiny, 3, x, y) == VIT_OK);
  CHECK(counted.taken() == std::vector<int>{0, 1, 0});
  CHECK(y.take(in.size()) == expected(in));
  in = shifted(3, 1);
  x.put(in);
  REQUIRE(emulator<int (*)(void *, vit_stream)>("cuGraphLaunch")(instance, stream.stream) == 0);
  REQUIRE(stream.wait() == 0);
  CHECK(otherY.take(in.size()) == expected(in));
  emulator<int (*)(void *)>("cuGraphExecDestroy")(instance);
  emulator<int (*)(void *)>("cuGraphDestroy")(graph);
}

TEST_CASE("runtime: checks look at the outputs of a graph") {
  Loaded tiny;
  REQUIRE(prepare(tiny, 2) == VIT_OK);
  REQUIRE(vit_workspace_set_checks(tiny.workspace, VIT_CHECK_FINITE) == VIT_OK);
  Values x(tiny.model), y(tiny.model);
  x.put(pixels(2));
  CHECK(run(tiny, 2, x, y) == VIT_OK);
  x.put(std::vector<float>(2 * tinyValues, 3e38f)); // finite, but not twice that
  CHECK(run(tiny, 2, x, y) == VIT_NOT_FINITE);
  CHECK_THAT(lastError(), Contains("for image 0, although the inputs are finite"));
}

TEST_CASE("runtime: every call that prepares a batch or runs it may fail, and nothing stays") {
  configure("");
  size_t before = deviceBytes();
  std::vector<float> x = pixels(3), otherX = shifted(3, 2), y;
  int failures = 0;
  for (int n = 1, clean = 0; !clean; ++n) {
    Interposed interposed;
    {
      Loaded tiny;
      configure("fail-call=" + std::to_string(n));
      vit_status prepared = prepare(tiny, 3);
      std::string text = lastError();
      vit_status first = tiny.runHost(3, x, y);
      text += lastError();
      vit_status second = tiny.runHost(3, otherX, y);
      text += lastError();
      configure("");
      clean = prepared == VIT_OK && first == VIT_OK && second == VIT_OK;
      INFO("call " << n << ": " << text);
      CHECK(clean == text.empty());
      CHECK((clean || text.find("CUDA_ERROR_") != std::string::npos));
      CHECK(currentContext() == nullptr);
      failures += !clean;
      // What failed can be done again, and what did not runs with launches.
      REQUIRE(tiny.runHost(3, x, y) == VIT_OK);
      CHECK(y == expected(x));
      REQUIRE(prepare(tiny, 3) == VIT_OK);
      REQUIRE(tiny.runHost(3, otherX, y) == VIT_OK);
      CHECK(y == expected(otherX));
    }
    CHECK(live == 0);
    CHECK(deviceBytes() == before);
  }
  CHECK(failures > 15);
}

TEST_CASE("runtime: a graph that could not be pointed elsewhere is pointed anew") {
  Changed changed; // relu twice into the output, so that one can be pointed and the other not
  changed.steps[1].max_batch = 8;
  changed.steps[2] = changed.steps[1];
  changed.steps[2].label = "relu again";
  Loaded tiny(changed.library);
  Values x(tiny.model), y(tiny.model), otherX(tiny.model), otherY(tiny.model);
  x.put(pixels(3));
  otherX.put(shifted(3, 2));
  const std::vector<float> untouched(3 * tinyValues, -1);
  REQUIRE(prepare(tiny, 3) == VIT_OK);
  REQUIRE(run(tiny, 3, x, y) == VIT_OK);
  Counted counted;
  counted.table->cuGraphExecKernelNodeSetParams = [](vitrt::CUgraphExec instance,
                                                     vitrt::CUgraphNode node,
                                                     const vitrt::CUkernelNodeParams *parameters) {
    return ++pointed == 3 ? 999 : real.cuGraphExecKernelNodeSetParams(instance, node, parameters);
  };
  CHECK(run(tiny, 3, otherX, otherY) == VIT_DEVICE_ERROR);
  CHECK_THAT(lastError(), Contains("cuGraphExecKernelNodeSetParams, step 'relu again'"));
  y.put(untouched);
  otherY.put(untouched);
  REQUIRE(run(tiny, 3, x, y) == VIT_OK); // the pointers of the last good run
  CHECK(y.take(3 * tinyValues) == expected(pixels(3)));
  CHECK(otherY.take(3 * tinyValues) == untouched);
}

TEST_CASE("runtime: a driver without graphs says so when a batch is prepared, and runs launches") {
  Loaded tiny;
  Interposed interposed;
  interposed.table->cuGraphLaunch = nullptr;
  interposed.table->missingOfGraphs = "cuGraphLaunch";
  CHECK(prepare(tiny, 3) == VIT_DEVICE_ERROR);
  CHECK_THAT(lastError(), Contains("vit: the driver has no cuGraphLaunch, and no graph of a run "
                                   "can be made; install a newer NVIDIA driver, or run batches "
                                   "that are not prepared; on vitc PTX emulator (sm_89)"));
  std::vector<float> x = pixels(3), y;
  REQUIRE(tiny.runHost(3, x, y) == VIT_OK);
  CHECK(y == expected(x));
}

TEST_CASE("runtime: eight threads with prepared batches share a model") {
  Loaded tiny;
  configure("threads=1,async=11");
  onEightThreads(tiny.model, 8, [&](int thread, int run, vit_workspace *workspace) {
    int batch = 1 + (thread + run) % 8;
    std::vector<float> x = shifted(batch, float(thread)), y(x.size());
    const void *inputs[] = {x.data()};
    void *outputs[] = {y.data()};
    int wrong = run % 3 && vit_workspace_prepare(tiny.model, workspace, batch) != VIT_OK;
    wrong += vit_model_run_host(tiny.model, workspace, batch, inputs, 1, outputs, 1) != VIT_OK;
    return wrong + (y != expected(x));
  });
  configure("");
}
