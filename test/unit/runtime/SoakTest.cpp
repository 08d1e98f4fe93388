//===- SoakTest.cpp - Loads, runs and frees while things fail -------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// In one process, round after round: a driver call, an allocation or a read of the
// file fails, or nothing does, and the device gets on in some order. No round may
// leave anything behind, and what succeeds has the right bits.
//
//   VITC_TEST_SEED   where the random numbers begin (1)
//   VITC_TEST_COUNT  rounds (150)
//===----------------------------------------------------------------------===//
#include "RuntimeFixture.h"
#include "RuntimeInterpose.h"

#include <fstream>
#include <malloc.h>
#include <random>

using namespace interpose;
using namespace tiny;

namespace {

unsigned fromEnvironment(const char *name, unsigned otherwise) {
  const char *text = std::getenv(name);
  return text ? unsigned(std::atoi(text)) : otherwise;
}

size_t residentPages() {
  std::ifstream file("/proc/self/statm");
  size_t all = 0, resident = 0;
  file >> all >> resident;
  return resident;
}

vit_status goodReader(void *, const char *name, uint32_t rank, const int64_t *shape,
                      float *values) {
  std::string_view tensor = name;
  size_t count = size_t(shape[0] * (rank == 2 ? shape[1] : 1));
  for (size_t i = 0; i != count; ++i)
    values[i] = tensor == "block.weight" ? weight(i) : tensor == "block.one" ? one(i) : bias(i);
  return VIT_OK;
}

/// What a round saw, written down where nothing fails any more.
struct Round {
  int good = 0, failed = 0, textless = 0, wrong = 0;
  void note(vit_status status) {
    ++(status == VIT_OK ? good : failed);
    textless += (status == VIT_OK) != !*vit_last_error();
  }
};

/// Load, create, up to three runs, of prepared batches or not; then, with the emulator's options
/// `calm`, free in some order.
void runRound(std::mt19937 &random, const std::string &weights, const std::vector<float> *x,
              const std::vector<float> *y, std::vector<float> &out, const std::string &calm,
              Round &round) {
  vit_model *model = nullptr;
  vit_workspace *workspace = nullptr;
  vit_status status = random() % 4
                          ? vit_model_load(&library, weights.c_str(), nullptr, &model)
                          : vit_model_load_from(&library, goodReader, nullptr, nullptr, &model);
  round.note(status);
  if (status == VIT_OK)
    round.note(status = vit_workspace_create(model, tinyMaxBatch, &workspace));
  for (auto runs = random() % 4; status == VIT_OK && runs != 0; --runs) {
    int batch = 1 + int(random() % tinyMaxBatch);
    if (random() % 2)
      round.note(vit_workspace_prepare(model, workspace, batch));
    std::fill(out.begin(), out.end(), -1.0f);
    const void *inputs[] = {x[batch].data()};
    void *outputs[] = {out.data()};
    vit_status ran = vit_model_run_host(model, workspace, batch, inputs, 1, outputs, 1);
    round.note(ran);
    if (ran == VIT_OK)
      round.wrong += !std::equal(y[batch].begin(), y[batch].end(), out.begin());
  }
  // A free that fails has not freed: whatever is left to fail does not fail now.
  failRead = failAllocation = 0;
  configure(calm);
  if (random() % 2)
    vit_model_free(std::exchange(model, nullptr));
  vit_workspace_free(workspace);
  vit_model_free(model);
}

} // namespace

TEST_CASE("runtime: rounds of loads, runs and frees leave nothing, whatever fails", "[random]") {
  unsigned seed = fromEnvironment("VITC_TEST_SEED", 1);
  unsigned count = fromEnvironment("VITC_TEST_COUNT", 150);
  INFO("VITC_TEST_SEED=" << seed << " VITC_TEST_COUNT=" << count);
  configure("");
  Checkpoint checkpoint("soak");
  std::vector<float> x[tinyMaxBatch + 1], y[tinyMaxBatch + 1], out(tinyMaxBatch * tinyValues);
  for (int batch = 1; batch <= tinyMaxBatch; ++batch) {
    x[batch] = pixels(batch);
    y[batch] = expected(x[batch]);
  }
  size_t before = deviceBytes();
  [[maybe_unused]] size_t warm = 0, warmPages = 0; // after the first third
  Interposed interposed;
  std::mt19937 random(seed);
  Round all;
  int leaks = 0;
  for (unsigned i = 0; i != count; ++i) {
    std::string options = "threads=1";
    if (random() % 2)
      options += ",async=" + std::to_string(1 + random() % 1000);
    const std::string calm = options;
    unsigned kind = unsigned(random() % 4), which = unsigned(1 + random() % 90);
    if (kind == 1)
      options += ",fail-call=" + std::to_string(which);
    configure(options);
    failRead = kind == 2 ? int(1 + which % 8) : 0;
    failAllocation = kind == 3 ? int(which) : 0;
    Round round;
    runRound(random, checkpoint.path, x, y, out, calm, round);
    configure("");
    all.good += round.good, all.failed += round.failed;
    all.textless += round.textless, all.wrong += round.wrong;
    leaks += live != 0 || deviceBytes() != before || currentContext() != nullptr;
    if (i == count / 3)
      warm = mallinfo2().uordblks, warmPages = residentPages();
  }
  CHECK(all.wrong == 0);
  CHECK(all.textless == 0);
  CHECK(leaks == 0);
  CHECK(all.good > int(count) / 2);
  CHECK(all.failed > int(count) / 10);
#ifndef VITC_TEST_SANITIZED // they count leaks themselves, and keep what is freed
  CHECK(mallinfo2().uordblks <= warm + 16384);
  CHECK(residentPages() <= warmPages + warmPages / 100 + 64);
#endif
}
