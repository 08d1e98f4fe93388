//===- CpuBackendTest.cpp - Runs on the processors of this machine --------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A library whose kernels are functions of this file: what threads do with tiles
// shows, whatever compilers make.
//===----------------------------------------------------------------------===//
#include "runtime/Inspect.h"
#include "runtime/cpu/Machine.h"
#include "runtime/cpu/Pool.h"
#include "test/unit/runtime/RuntimeFixture.h"
#include "vit/runtime.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <mutex>
#include <pthread.h>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using Catch::Matchers::Contains;

namespace {

constexpr uint32_t width = 40, tileColumns = 8, tileRows = 3;
constexpr uint64_t scratchBytes = 200;

template <class T> T *pointer(uint64_t slot) { return reinterpret_cast<T *>(slot); }

/// y = x * 2 + w, through scratch memory: who else has it shows.
void twice(const uint64_t *args, uint32_t x, uint32_t y, void *scratch) {
  const float *in = pointer<const float>(args[0]), *weight = pointer<const float>(args[1]);
  auto *out = pointer<float>(args[2]);
  uint64_t rows = args[3];
  auto *own = static_cast<float *>(scratch);
  for (uint64_t row = y * tileRows; row < rows && row < (y + 1) * tileRows; ++row) {
    for (uint32_t c = 0; c != tileColumns; ++c)
      own[c] = in[row * width + x * tileColumns + c] * 2;
    for (uint32_t c = 0; c != tileColumns; ++c)
      out[row * width + x * tileColumns + c] = own[c] + weight[x * tileColumns + c];
  }
}

/// y = the sum of the row before: reads what other tiles of the step before wrote.
void sums(const uint64_t *args, uint32_t x, uint32_t, void *) {
  const float *in = pointer<const float>(args[0]);
  auto *out = pointer<float>(args[1]);
  uint64_t rows = args[2], before = (x + rows - 1) % rows;
  for (uint32_t c = 0; c != width; ++c)
    out[x * width + c] = 0;
  for (uint32_t c = 0; c != width; ++c)
    out[x * width] += in[before * width + c];
}

/// Rows of 40 values in, the same out: twice, into a buffer, then sums.
struct TestLibrary {
  explicit TestLibrary(bool named = true) {
    forms[0] = {VIT_ISA_AVX2, named ? twice : nullptr};
    forms[1] = {VIT_ISA_AVX2, sums};
    codes[0] = {&forms[0], 1, scratchBytes};
    codes[1] = {&forms[1], 1, 0};
    kernels[0] = {"twice", "twice", "", 1, &codes[0]};
    kernels[1] = {"sums", "sums", "", 2, &codes[1]};
    target = {VIT_TARGET_CPU, 2, kernels, 0, 0};
    firstArgs[0] = {VIT_ARG_INPUT, 0, 0, {}};
    firstArgs[1] = {VIT_ARG_WEIGHT, 0, 0, {}};
    firstArgs[2] = {VIT_ARG_BUFFER, 0, 1, {}};
    firstArgs[3] = {VIT_ARG_COUNT, 0, 0, {0, 7, 0, 0}};
    secondArgs[0] = {VIT_ARG_BUFFER, 0, 0, {}};
    secondArgs[1] = {VIT_ARG_OUTPUT, 0, 1, {}};
    secondArgs[2] = {VIT_ARG_COUNT, 0, 0, {0, 7, 0, 0}};
    vit_extent one = {{1, 0, 0, 0}, 1, 1}, columns = {{1, 0, 0, 0}, 1, width / tileColumns},
               tiles = {{0, 7, 0, 0}, tileRows, 1}, rows = {{0, 7, 0, 0}, 1, 1};
    steps[0] = {"twice", 0, 1, 4096, 0, {columns, tiles, one}, 4, firstArgs, {}};
    steps[1] = {"sums", 1, 1, 4096, 1, {rows, one, one}, 3, secondArgs, {}};
    buffer = {"twice", {}, {0, 7 * width * 4, 0, 0}};
    values = {0, 7 * width, 0, 0};
    plan.step_count = 2;
    plan.buffer_count = 1;
    plan.steps = steps;
    plan.buffers = &buffer;
    plan.input_values = plan.output_values = &values;
    plan.workspace_bytes = {0, 1280, 0, 0};
    load.op = VIT_RECIPE_LOAD;
    load.rank = load.file_rank = 1;
    load.shape[0] = load.file_shape[0] = width;
    load.keys = &key;
    load.key_count = 1;
    weight = {0, VIT_F32, 0, width * 4};
    input = {"x", VIT_F32, 3, {-1, 7, width, 0}};
    output = {"y", VIT_F32, 3, {-1, 7, width, 0}};
    library.abi = VIT_ABI;
    library.size = sizeof(vit_library);
    library.name = "test";
    library.compiler = library.assembler = "by hand";
    library.max_batch = 4096;
    library.inputs = &input;
    library.outputs = &output;
    library.targets = &target;
    library.plans = &plan;
    library.recipe = &load;
    library.weights = &weight;
    library.input_count = library.output_count = library.target_count = library.plan_count =
        library.recipe_count = library.weight_count = 1;
    library.weight_bytes = 256;
  }

  vit_cpu_form forms[2];
  vit_cpu_code codes[2];
  vit_kernel kernels[2];
  vit_target target;
  vit_arg firstArgs[4], secondArgs[3];
  vit_step steps[2];
  vit_buffer buffer;
  vit_count values;
  vit_plan plan = {};
  vit_key key = {"w", 0};
  vit_recipe_step load = {};
  vit_prepared weight;
  vit_tensor input, output;
  vit_library library = {};
};

/// With a plan for images of any size, too: patches of 2x3 pixels are rows.
struct AnySizeLibrary : TestLibrary {
  AnySizeLibrary() {
    vit_count rows = {0, 0, 0, 1};
    std::copy(std::begin(firstArgs), std::end(firstArgs), first);
    std::copy(std::begin(secondArgs), std::end(secondArgs), second);
    std::copy(std::begin(steps), std::end(steps), anySteps);
    first[3].count = second[2].count = anySteps[0].grid[1].count = anySteps[1].grid[0].count = rows;
    anySteps[0].args = first;
    anySteps[1].args = second;
    anyBuffer = {"twice", {}, {0, 0, 0, width * 4}};
    anyValues = {0, 0, 0, width};
    vit_plan &any = plans[1];
    any = plan;
    any.patch_height = 2;
    any.patch_width = 3;
    any.max_tokens = 40;
    any.steps = anySteps;
    any.buffers = &anyBuffer;
    any.input_values = any.output_values = &anyValues;
    any.workspace_bytes = {0, 0, 0, width * 4};
    plans[0] = plan;
    input.shape[1] = output.shape[1] = -1;
    library.plans = plans;
    library.plan_count = 2;
  }
  vit_arg first[4], second[3];
  vit_step anySteps[2];
  vit_buffer anyBuffer;
  vit_count anyValues;
  vit_plan plans[2];
};

vit_status fill(void *, const char *, uint32_t, const int64_t *, float *values) {
  for (uint32_t i = 0; i != width; ++i)
    values[i] = float(i);
  return VIT_OK;
}

struct Loaded {
  Loaded(const vit_library &library, const char *device, int maxBatch) {
    REQUIRE(vit_model_load_from(&library, fill, nullptr, device, &model) == VIT_OK);
    REQUIRE(vit_workspace_create(model, maxBatch, &workspace) == VIT_OK);
  }
  ~Loaded() {
    vit_workspace_free(workspace);
    vit_model_free(model);
  }
  vit_model *model = nullptr;
  vit_workspace *workspace = nullptr;
};

struct alignas(16) Row {
  float values[width];
};

/// Whether a run gives what the kernels say.
bool runs(vit_model *model, vit_workspace *workspace, int batch, float seed, size_t rows = 7) {
  std::vector<Row> in(size_t(batch) * rows), out(in.size());
  for (size_t row = 0; row != in.size(); ++row)
    for (uint32_t c = 0; c != width; ++c)
      in[row].values[c] = seed + float(row % 13) + float(c);
  const void *inputs[] = {in.data()};
  void *outputs[] = {out.data()};
  if (vit_model_run(model, workspace, batch, inputs, 1, outputs, 1, nullptr) != VIT_OK)
    return false;
  for (size_t row = 0; row != in.size(); ++row) {
    float sum = 0;
    const Row &before = in[(row + in.size() - 1) % in.size()];
    for (uint32_t c = 0; c != width; ++c)
      sum += before.values[c] * 2 + float(c);
    if (out[row].values[0] != sum)
      return false;
  }
  return true;
}

std::string failureOf(const vit_library &library, const char *device) {
  vit_model *model = nullptr;
  CHECK(vit_model_load_from(&library, fill, nullptr, device, &model) != VIT_OK);
  CHECK(model == nullptr);
  return vit_last_error();
}

/// Remembers who takes part.
struct Remembering final : vitrt::PoolWork {
  using PoolWork::PoolWork;
  void work(int participant) override {
    seen |= 1u << participant;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  std::atomic<unsigned> seen{0};
};

/// Ends when all that may take part are there at the same time.
struct Meeting final : vitrt::PoolWork {
  explicit Meeting(int threads) : PoolWork(threads), threads(threads) {}
  void work(int) override {
    std::unique_lock lock(mutex);
    if (++here == threads)
      complete.notify_all();
    // A minute is forever: a pool that wakes nobody is an error, not a test that never ends.
    met += complete.wait_for(lock, std::chrono::minutes(1), [&] { return here == threads; });
  }
  const int threads;
  int met = 0;

private:
  std::mutex mutex;
  std::condition_variable complete;
  int here = 0;
};

} // namespace

TEST_CASE("CPU: tiles of all steps on any number of threads") {
  TestLibrary test;
  for (const char *device :
       {"cpu:1", "cpu:2", "cpu:8", "cpu", static_cast<const char *>(nullptr)}) {
    Loaded loaded(test.library, device, 64);
    for (int round = 0; round != 20; ++round)
      for (int batch : {1, 2, 64})
        REQUIRE(runs(loaded.model, loaded.workspace, batch, float(round)));
    CHECK_THAT(vit_model_description(loaded.model), Contains("CPU code avx2, "));
  }
}

TEST_CASE("CPU: images of any size have a plan and workspaces of their own") {
  AnySizeLibrary test;
  for (const char *device : {"cpu:1", "cpu:5"}) {
    Loaded loaded(test.library, device, 8);
    struct Case {
      int height, width;
      size_t rows;
    };
    for (Case size : {Case{2, 3, 1}, {7, 11, 9}, {4, 60, 40}}) {
      INFO(device << ", " << size.height << "x" << size.width);
      vit_workspace *sized = nullptr;
      REQUIRE(vit_workspace_create_sized(loaded.model, 8, size.height, size.width, &sized) ==
              VIT_OK);
      for (int batch : {1, 3, 8})
        CHECK(runs(loaded.model, sized, batch, 2, size.rows));
      vit_workspace_free(sized);
    }
    CHECK(runs(loaded.model, loaded.workspace, 8, 3));
    vit_workspace *none = nullptr;
    CHECK(vit_workspace_create_sized(loaded.model, 8, 4, 63, &none) == VIT_BAD_ARGUMENT);
    CHECK(vit_last_error() ==
          std::string("vit: images are 4x63, but the library is built for 1 to 40 patches of 2x3; "
                      "build it with --max-tokens 42"));
  }
}

TEST_CASE("CPU: a damaged plan for any size is refused") {
  auto damaged = [](auto change) {
    AnySizeLibrary test;
    change(test);
    return failureOf(test.library, "cpu:1");
  };
  using Any = AnySizeLibrary;
  CHECK_THAT(damaged([](Any &t) { t.plans[1].patch_width = 0; }), Contains("has no patch size"));
  CHECK_THAT(damaged([](Any &t) { t.anySteps[0].kernel = 2; }), Contains("names no kernel"));
  CHECK_THAT(damaged([](Any &t) { t.first[3].kind = VIT_ARG_WIDTH + 1; }),
             Contains("unknown argument"));
  CHECK_THAT(damaged([](Any &t) { t.first[3].count.per_token = uint64_t(1) << 32; }),
             Contains("counts beyond 31 bits"));
  CHECK_THAT(damaged([](Any &t) { t.plans[1].workspace_bytes.per_token = width * 4 - 1; }),
             Contains("buffer 'twice' is outside the workspace"));
  CHECK_THAT(damaged([](Any &t) { t.anyBuffer.offset.per_length = 16; }),
             Contains("buffer 'twice' is outside the workspace"));
  CHECK_THAT(damaged([](Any &t) { std::swap(t.plans[0], t.plans[1]); }),
             Contains("native plan is for any image size"));
  CHECK_THAT(damaged([](Any &t) { t.anySteps[0].grid[1].count.per_token = 1 << 20; }),
             Contains("beyond the device"));
  // Tiles of a CPU are counted with 32 bits in both directions.
  AnySizeLibrary many;
  many.anySteps[0].grid[1].count.per_token = many.anySteps[0].grid[1].divisor = 1 << 10;
  many.anySteps[0].grid[1].times = 2;
  Loaded loaded(many.library, "cpu:1", 1);
}

TEST_CASE("CPU: several workspaces and models run at the same time") {
  TestLibrary test;
  Loaded first(test.library, "cpu:4", 8), second(test.library, "cpu:3", 8);
  vit_workspace *third = nullptr;
  REQUIRE(vit_workspace_create(first.model, 8, &third) == VIT_OK);
  std::atomic<int> good{0};
  constexpr int rounds = 100;
  auto work = [&](vit_model *model, vit_workspace *workspace, int seed) {
    for (int i = 0; i != rounds; ++i)
      good += runs(model, workspace, 1 + (i + seed) % 8, float(seed));
  };
  std::thread a(work, first.model, first.workspace, 1), b(work, second.model, second.workspace, 2),
      c(work, first.model, third, 3);
  a.join();
  b.join();
  c.join();
  vit_workspace_free(third);
  CHECK(good == 3 * rounds);
}

TEST_CASE("CPU: eight threads with eight workspaces share a model") {
  TestLibrary test;
  Loaded loaded(test.library, "cpu:2", 8);
  tiny::onEightThreads(loaded.model, 8, [&](int thread, int run, vit_workspace *workspace) {
    return int(!runs(loaded.model, workspace, 1 + (thread + run) % 8, float(thread + run % 10)));
  });
}

TEST_CASE("CPU: everyone who may take part in work is woken for it") {
  constexpr int threads = 4, rounds = 50;
  auto pool = vitrt::Pool::get(threads);
  for (int round = 0; round != rounds; ++round) {
    Meeting all(threads);
    pool->run(all);
    REQUIRE(all.met == threads);
  }
  for (int round = 0; round != rounds; ++round) { // of two callers each has another thread
    Meeting one(2), other(2);
    std::thread second([&] { pool->run(other); });
    pool->run(one);
    second.join();
    REQUIRE(one.met + other.met == threads);
  }
}

TEST_CASE("CPU: a description says how many threads there are") {
  TestLibrary test;
  Loaded two(test.library, "cpu:2", 1);
  CHECK_THAT(vit_model_description(two.model), Contains("CPU code avx2, 2 threads, "));
  // From here on no thread starts: there is no room for its stack.
  pthread_attr_t before, none;
  REQUIRE(pthread_getattr_default_np(&before) == 0);
  REQUIRE(pthread_attr_init(&none) == 0);
  REQUIRE(pthread_attr_setstacksize(&none, size_t(1) << 47) == 0);
  REQUIRE(pthread_setattr_default_np(&none) == 0);
  {
    Loaded five(test.library, "cpu:5", 4);
    CHECK_THAT(
        vit_model_description(five.model),
        Contains("CPU code avx2, 2 threads (5 were wanted, the system let no more start), "));
    CHECK(runs(five.model, five.workspace, 4, 1));
  }
  REQUIRE(pthread_setattr_default_np(&before) == 0);
  Loaded five(test.library, "cpu:5", 4);
  CHECK_THAT(vit_model_description(five.model), Contains("CPU code avx2, 5 threads, "));
}

TEST_CASE("CPU: work has its caller and no more threads than it wants") {
  auto pool = vitrt::Pool::get(3);
  Remembering one(3), other(2);
  std::thread second([&] { pool->run(other); });
  pool->run(one);
  second.join();
  CHECK((one.seen & 1u) == 1u);
  CHECK((other.seen & 1u) == 1u);
  CHECK(one.seen < 8u);
  CHECK(other.seen < 4u);
}

TEST_CASE("CPU: a program's own threads") {
  TestLibrary test;
  static std::atomic<int> calls;
  calls = 0;
  SECTION("in any order, all by one") {
    vit_set_parallel_for(
        [](void *, int tasks, void (*task)(void *, int), void *context) {
          ++calls;
          for (int i = tasks; i-- != 0;)
            task(context, i);
        },
        nullptr);
  }
  SECTION("at the same time") {
    vit_set_parallel_for(
        [](void *, int tasks, void (*task)(void *, int), void *context) {
          ++calls;
          std::vector<std::thread> threads;
          for (int i = 0; i != tasks; ++i)
            threads.emplace_back(task, context, i);
          for (std::thread &thread : threads)
            thread.join();
        },
        nullptr);
  }
  {
    Loaded loaded(test.library, "cpu:4", 16);
    CHECK(runs(loaded.model, loaded.workspace, 16, 3));
  }
  vit_set_parallel_for(nullptr, nullptr);
  CHECK(calls == 2); // once for each step
}

TEST_CASE("CPU: what a program's own threads leave undone is an error") {
  TestLibrary test;
  std::vector<Row> input(7), output(7);
  const void *inputs[] = {input.data()};
  void *outputs[] = {output.data()};
  const char *expected = nullptr;
  SECTION("nothing is called") {
    vit_set_parallel_for([](void *, int, void (*)(void *, int), void *) {}, nullptr);
    expected = "parallel_for returned after 0 of ";
  }
  SECTION("an exception") {
    vit_set_parallel_for([](void *, int, void (*)(void *, int),
                            void *) -> void { throw std::runtime_error("no threads today"); },
                         nullptr);
    expected = "parallel_for threw an exception: no threads today";
  }
  SECTION("something else") {
    vit_set_parallel_for([](void *, int, void (*)(void *, int), void *) -> void { throw 1; },
                         nullptr);
    expected = "no std::exception";
  }
  Loaded loaded(test.library, "cpu:2", 1);
  CHECK(vit_model_run(loaded.model, loaded.workspace, 1, inputs, 1, outputs, 1, nullptr) ==
        VIT_BAD_ARGUMENT);
  CHECK_THAT(vit_last_error(), Contains(expected));
  vit_set_parallel_for(nullptr, nullptr);
  CHECK(runs(loaded.model, loaded.workspace, 1, 2));
}

TEST_CASE("CPU: bits do not depend on how a program rounds") {
  TestLibrary test;
  Loaded loaded(test.library, "cpu:4", 16);
  std::vector<Row> input(7 * 16), first(7 * 16), second(7 * 16);
  float value = 1;
  for (Row &row : input)
    for (float &x : row.values)
      x = (value = value * 1.0009765625f + 1e-3f) > 100 ? value = 0.3f : value;
  const void *inputs[] = {input.data()};
  auto run = [&](std::vector<Row> &output) {
    void *outputs[] = {output.data()};
    return vit_model_run(loaded.model, loaded.workspace, 16, inputs, 1, outputs, 1, nullptr);
  };
  REQUIRE(run(first) == VIT_OK);
  REQUIRE(fesetround(FE_UPWARD) == 0);
  vit_status status = run(second);
  CHECK(fegetround() == FE_UPWARD);
  fesetround(FE_TONEAREST);
  REQUIRE(status == VIT_OK);
  CHECK(std::memcmp(first.data(), second.data(), first.size() * sizeof(Row)) == 0);
}

TEST_CASE("CPU: the output of a run of host memory may lie over its input") {
  TestLibrary test;
  test.secondArgs[0].kind = VIT_ARG_INPUT; // a row of the output has read the one before it
  Loaded loaded(test.library, "cpu:4", 4);
  std::vector<Row> input(7 * 4), apart(7 * 4);
  for (size_t i = 0; i != input.size(); ++i)
    std::fill(std::begin(input[i].values), std::end(input[i].values), float(i % 5));
  const void *inputs[] = {input.data()};
  void *outputs[] = {apart.data()};
  REQUIRE(vit_model_run_host(loaded.model, loaded.workspace, 4, inputs, 1, outputs, 1) == VIT_OK);
  outputs[0] = input.data();
  REQUIRE(vit_model_run_host(loaded.model, loaded.workspace, 4, inputs, 1, outputs, 1) == VIT_OK);
  CHECK(std::memcmp(apart.data(), input.data(), input.size() * sizeof(Row)) == 0);
}

// ThreadSanitizer ends a child that starts threads after a fork of a process with threads.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VIT_TEST_NO_THREADS_AFTER_FORK
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define VIT_TEST_NO_THREADS_AFTER_FORK
#endif

#if !defined(VIT_TEST_NO_THREADS_AFTER_FORK)
TEST_CASE("CPU: a child of a process with threads runs and frees, too") {
  TestLibrary test;
  Loaded loaded(test.library, "cpu:4", 4);
  CHECK(runs(loaded.model, loaded.workspace, 4, 1));
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(20); // a wait for threads of the parent would never end
    bool good = runs(loaded.model, loaded.workspace, 3, 2);
    vit_model *own = nullptr;
    vit_workspace *space = nullptr;
    good &= vit_model_load_from(&test.library, fill, nullptr, "cpu:3", &own) == VIT_OK &&
            vit_workspace_create(own, 2, &space) == VIT_OK && runs(own, space, 2, 3);
    vit_workspace_free(loaded.workspace);
    vit_model_free(loaded.model);
    good &= runs(own, space, 1, 4);
    vit_workspace_free(space);
    vit_model_free(own);
    _exit(good ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(runs(loaded.model, loaded.workspace, 4, 5));
}
#endif

TEST_CASE("CPU: what cannot be run is refused by name") {
  TestLibrary test;
  CHECK_THAT(failureOf(test.library, "cpu:0"), Contains("'cpu:0', expected at least one thread"));
  CHECK_THAT(failureOf(test.library, "cpu:5000"), Contains("expected at most 1024 threads"));
  CHECK_THAT(failureOf(test.library, "cpu:x"), Contains("malformed; expected cpu or cpu:N"));
  CHECK_THAT(failureOf(test.library, "cuda"), Contains("holds no code; expected cpu or cpu:N"));
  TestLibrary empty(/*named=*/false);
  CHECK_THAT(failureOf(empty.library, "cpu"), Contains("kernel 'twice' has no code for avx2"));
  test.forms[0].isa = test.forms[1].isa = 7;
  CHECK_THAT(failureOf(test.library, "cpu"),
             Contains("code is for unknown instructions, which the processor"));
  test.forms[0].isa = test.forms[1].isa = VIT_ISA_AVX2;
  REQUIRE(setenv("VIT_CPU_ISA", "avx1024", 1) == 0);
  CHECK_THAT(failureOf(test.library, "cpu"), Contains("VIT_CPU_ISA is 'avx1024', but the library's "
                                                      "code is for avx2"));
  test.forms[0].isa = test.forms[1].isa = 7;
  REQUIRE(setenv("VIT_CPU_ISA", "unknown instructions", 1) == 0);
  CHECK_THAT(failureOf(test.library, "cpu"), Contains("does not have; unset it"));
  test.forms[0].isa = test.forms[1].isa = VIT_ISA_AVX2;
  REQUIRE(unsetenv("VIT_CPU_ISA") == 0);
  Loaded loaded(test.library, "cpu:1", 1);
  std::vector<Row> rows(7);
  const void *inputs[] = {rows.data()};
  void *outputs[] = {rows.data()};
  CHECK(vit_model_run(loaded.model, loaded.workspace, 1, inputs, 1, outputs, 1,
                      reinterpret_cast<vit_stream>(rows.data())) == VIT_BAD_ARGUMENT);
  CHECK_THAT(vit_last_error(), Contains("stream is not NULL"));
}

TEST_CASE("CPU: a target's part of the weights is all that is made") {
  TestLibrary test;
  vit_prepared weights[] = {{0, VIT_F32, 0, width * 4}, {0, VIT_F32, 256, width * 4}};
  test.library.weights = weights;
  test.library.weight_count = 2;
  test.library.weight_bytes = 512;
  test.firstArgs[1].index = 1;
  test.target.weight_begin = 256;
  test.target.weight_end = 512;
  Loaded loaded(test.library, "cpu:2", 2);
  CHECK(runs(loaded.model, loaded.workspace, 2, 1));
  test.target.weight_end = 1024;
  CHECK_THAT(failureOf(test.library, "cpu"), Contains("weights are outside the weight arena"));
}
