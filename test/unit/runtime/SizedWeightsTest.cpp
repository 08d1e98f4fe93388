//===- SizedWeightsTest.cpp - Tables of one model for many sizes -----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A library of two targets, of which the second has a table for a grid of 1 x 2
// patches that is resampled to others. The device is memory of the test.
//===----------------------------------------------------------------------===//
#include "runtime/SizedWeights.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <map>
#include <thread>

using namespace vitrt;
using Catch::Matchers::Contains;

namespace {

/// Has memory, and runs nothing.
class MemoryBackend : public Backend {
public:
  explicit MemoryBackend(std::vector<double> table) : table(std::move(table)) {
    weightArena = reinterpret_cast<uintptr_t>(this->table.data());
  }
  Status allocate(uint64_t bytes, const std::string &about, uint64_t &address) override {
    if (failing || live() >= room)
      return {VIT_DEVICE_ERROR, "no memory" + about};
    auto block = std::make_unique<uint8_t[]>(bytes);
    address = reinterpret_cast<uintptr_t>(block.get());
    std::lock_guard lock(mutex);
    blocks[address] = std::move(block);
    ++allocations;
    return {};
  }
  void free(uint64_t address) override {
    std::lock_guard lock(mutex);
    blocks.erase(address);
  }
  Status write(uint64_t to, const void *from, uint64_t bytes) override {
    std::memcpy(reinterpret_cast<void *>(to), from, bytes);
    return {};
  }
  Status read(void *to, uint64_t from, uint64_t bytes) override {
    std::memcpy(to, reinterpret_cast<const void *>(from), bytes);
    return {};
  }
  size_t live() {
    std::lock_guard lock(mutex);
    return blocks.size();
  }

  Status load(const vit_library &, const vit_plan &, const uint8_t *,
              const LoadOptions &) override {
    return {};
  }
  Status loadFunctions(const SizedPlan &, int) override { return {}; }
  Status record(const RunRequest &, std::span<const uint32_t>,
                std::unique_ptr<RecordedRun> &) override {
    return {};
  }
  Status run(const RunRequest &, vit_stream) override { return {}; }
  Status wait(vit_stream) override { return {}; }
  Status runHost(const RunRequest &) override { return {}; }
  Status time(int, const std::function<Status(vit_stream)> &, std::vector<double> &) override {
    return {};
  }
  Status timeEach(const RunRequest &, int, std::vector<std::vector<double>> &) override {
    return {};
  }

  bool failing = false;
  size_t room = 1000; ///< blocks
  std::atomic<int> allocations{0};

private:
  std::vector<double> table; // the target's part of the weight arena
  std::mutex mutex;
  std::map<uint64_t, std::unique_ptr<uint8_t[]>> blocks;
};

struct Tables {
  explicit Tables(uint32_t dtype = VIT_F32) {
    steps[0].op = VIT_RECIPE_LOAD;
    steps[0].rank = steps[0].file_rank = 2;
    steps[0].shape[0] = steps[0].file_shape[0] = 2;
    steps[0].shape[1] = steps[0].file_shape[1] = 1;
    steps[0].keys = &key;
    steps[0].key_count = 1;
    steps[1].op = VIT_RECIPE_RESAMPLE;
    steps[1].operands = &operand;
    steps[1].operand_count = 1;
    steps[1].rank = 2;
    steps[1].shape[0] = -1, steps[1].shape[1] = 1;
    steps[1].grid[0] = 1, steps[1].grid[1] = 2;
    weights[0] = {0, VIT_F64, 0, 16}; // the first target's
    weights[1] = {0, VIT_F64, 512, 16};
    weights[2] = {1, dtype, 0, 0};
    targets[0].weight_end = targets[1].weight_begin = 512;
    targets[1].weight_end = 768;
    plan.target = 1;
    plan.patch_height = plan.patch_width = 2;
    plan.max_tokens = 100;
    arg.kind = VIT_ARG_WEIGHT;
    arg.index = 2;
    step.args = &arg;
    step.arg_count = 1;
    plan.steps = &step;
    plan.step_count = 1;
    library.targets = targets;
    library.target_count = 2;
    library.recipe = steps;
    library.recipe_count = 2;
    library.weights = weights;
    library.weight_count = 3;
    library.weight_bytes = 768;
  }
  Tables(const Tables &) = delete;

  /// For a line of `columns` patches.
  Status get(SizeCache &cache, Backend &backend, int columns,
             std::shared_ptr<const SizedWeights> &out, bool allowNonfinite = false) {
    SizedPlan sized = {&plan, uint64_t(columns), {2, 2 * columns}};
    return cache.get(library, backend, sized, allowNonfinite, out);
  }

  vit_key key = {"table", 0};
  uint32_t operand = 0;
  vit_recipe_step steps[2] = {};
  vit_prepared weights[3] = {};
  vit_target targets[2] = {};
  vit_arg arg = {};
  vit_step step = {};
  vit_plan plan = {};
  vit_library library = {};
};

template <class Value> std::vector<Value> valuesAt(uint64_t address, size_t count) {
  std::vector<Value> values(count);
  std::memcpy(values.data(), reinterpret_cast<const void *>(address), count * sizeof(Value));
  return values;
}

} // namespace

TEST_CASE("sized weights: a table is made of what lies in the target's part of the arena") {
  Tables tables;
  MemoryBackend backend({0, 1});
  SizeCache cache;
  std::shared_ptr<const SizedWeights> weights;
  REQUIRE(tables.get(cache, backend, 4, weights));
  REQUIRE(weights->addresses.size() == 3);
  CHECK(weights->addresses[0] == 0);
  CHECK(weights->addresses[1] == 0);
  CHECK(valuesAt<float>(weights->addresses[2], 4) == std::vector<float>{0, 0.25F, 0.75F, 1});
  // What only another target keeps is not there.
  tables.weights[1].value = 1;
  std::shared_ptr<const SizedWeights> none;
  Status made = tables.get(cache, backend, 5, none);
  CHECK_FALSE(made);
  CHECK_THAT(made.message(), Contains("value 0 is not kept for other sizes"));
}

TEST_CASE("sized weights: threads that ask for a new size at once share one table") {
  Tables tables;
  MemoryBackend backend({0, 1});
  SizeCache cache;
  std::shared_ptr<const SizedWeights> weights[16];
  std::atomic<bool> begin{false};
  std::atomic<int> failed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i != 16; ++i)
    threads.emplace_back([&, i] {
      while (!begin)
        std::this_thread::yield();
      if (!tables.get(cache, backend, i % 2 ? 7 : 3, weights[i]))
        ++failed;
    });
  begin = true;
  for (std::thread &thread : threads)
    thread.join();
  CHECK(failed == 0);
  CHECK(backend.allocations == 2);
  for (int i = 0; i != 16; ++i)
    CHECK(weights[i] == weights[i % 2]);
  CHECK(weights[0] != weights[1]);
}

TEST_CASE("sized weights: what could not be made is made when it is asked for again") {
  Tables tables;
  MemoryBackend backend({0, 1});
  SizeCache cache;
  std::shared_ptr<const SizedWeights> weights;
  backend.failing = true;
  Status made = tables.get(cache, backend, 3, weights);
  CHECK_FALSE(made);
  CHECK_THAT(made.message(), Contains("no memory for the positions of 1x3 patches"));
  CHECK(weights == nullptr);
  backend.failing = false;
  CHECK(tables.get(cache, backend, 3, weights));
  CHECK(weights != nullptr);
  CHECK(backend.live() == 1);
}

TEST_CASE("sized weights: those of few sizes stay when no workspace has them") {
  Tables tables;
  MemoryBackend backend({0, 1});
  std::shared_ptr<const SizedWeights> first;
  {
    SizeCache cache;
    REQUIRE(tables.get(cache, backend, 1, first));
    for (int columns = 2; columns != 40; ++columns) {
      std::shared_ptr<const SizedWeights> weights;
      REQUIRE(tables.get(cache, backend, columns, weights));
      CHECK(backend.live() <= SizeCache::mostKept + 1); // and the first
    }
    CHECK(backend.live() == SizeCache::mostKept + 1);
    // One that a workspace has is not made again, nor one of the last few.
    int before = backend.allocations;
    std::shared_ptr<const SizedWeights> again;
    REQUIRE(tables.get(cache, backend, 1, again));
    CHECK(again == first);
    REQUIRE(tables.get(cache, backend, 39, again));
    CHECK(backend.allocations == before);
    REQUIRE(tables.get(cache, backend, 2, again));
    CHECK(backend.allocations == before + 1);
  }
  CHECK(backend.live() == 1);
  first.reset();
  CHECK(backend.live() == 0);
}

TEST_CASE("sized weights: large ones do not stay, and make room for others") {
  Tables tables;
  MemoryBackend backend({0, 1});
  SizeCache cache(/*mostBytes=*/600); // a table takes 256
  std::shared_ptr<const SizedWeights> weights, used;
  for (int columns = 1; columns != 10; ++columns)
    REQUIRE(tables.get(cache, backend, columns, weights));
  weights.reset();
  CHECK(backend.live() == 2);
  REQUIRE(tables.get(cache, backend, 20, used));
  backend.room = 1; // and it is taken
  CHECK_FALSE(tables.get(cache, backend, 30, weights));
  CHECK(backend.live() == 1);
  backend.room = 2;
  REQUIRE(tables.get(cache, backend, 30, weights));
  weights.reset();
  REQUIRE(tables.get(cache, backend, 40, weights)); // in the place of the last
  CHECK(backend.live() == 2);
}

TEST_CASE("sized weights: those that the plan does not read are not made") {
  Tables tables;
  tables.arg.index = 1;
  MemoryBackend backend({0, 1});
  SizeCache cache;
  std::shared_ptr<const SizedWeights> weights;
  REQUIRE(tables.get(cache, backend, 4, weights));
  CHECK(weights == nullptr);
  CHECK(backend.allocations == 0);
}

TEST_CASE("sized weights: values of no use are refused by the tensor's name, or taken") {
  Tables narrow(VIT_F16), tables;
  MemoryBackend large({1e6, 0}), nan({NAN, 0});
  SizeCache cache, other;
  std::shared_ptr<const SizedWeights> weights;
  Status made = narrow.get(cache, large, 4, weights);
  CHECK_FALSE(made);
  CHECK_THAT(made.message(), Contains("'table' holds 1e+06, too large for f16"));
  REQUIRE(narrow.get(cache, large, 4, weights, /*allowNonfinite=*/true));
  CHECK(valuesAt<uint16_t>(weights->addresses[2], 4) ==
        std::vector<uint16_t>{0x7C00, 0x7C00, 0x7C00, 0});

  made = tables.get(other, nan, 4, weights);
  CHECK_FALSE(made);
  CHECK_THAT(made.message(),
             Contains("'table' has 1 of 2 values that are not finite, element 0 is nan"));
  REQUIRE(tables.get(other, nan, 4, weights, /*allowNonfinite=*/true));
  CHECK(std::isnan(valuesAt<float>(weights->addresses[2], 4)[0]));
}
