//===- CpuTimeTest.cpp - Predicted times of CPUs against measured ones ----===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "passes/cost/CpuTime.h"
#include "passes/cost/Cpu.h"

#include <catch2/catch.hpp>

#include <string>

using namespace vitc::cost;

namespace {

Work product(int64_t rows, int64_t n, int64_t k, int bytes = 4) {
  Work work;
  work.family = Family::Gemm;
  work.rows = rows;
  work.columns = n;
  work.depth = k;
  work.inputBytes = bytes;
  work.weightRead = n * k * bytes;
  work.rootRead = rows * k * bytes;
  work.written = rows * n * 4;
  return work;
}

} // namespace

TEST_CASE("products of one Zen 4 core take what was measured") {
  // ViT-B/16 at batch 1, microseconds, bench/NOTES.md.
  auto time = [](const Work &work) { return 1e6 * predictCpu(work, 1, zen4Core).seconds; };
  CHECK(time(product(197, 2304, 768)) == Approx(6260).epsilon(0.08));
  CHECK(time(product(197, 768, 768)) == Approx(2160).epsilon(0.1));
  Work fc1 = product(197, 3072, 768);
  fc1.after = {.cheap = 1, .expensive = 1};
  CHECK(time(fc1) == Approx(8620).epsilon(0.08));
  CHECK(time(product(197, 768, 3104)) == Approx(8440).epsilon(0.08));
  CHECK(std::string(predictCpu(fc1, 1, zen4Core).bound) == "FMA");
  // One row reads all weights for nothing else.
  CHECK(std::string(predictCpu(product(1, 3072, 768), 1, zen4Core).bound) == "DRAM");
  // Half the bytes and twice the multiply-adds.
  CHECK(time(product(197, 2304, 768, 2)) == Approx(time(product(197, 2304, 768)) / 2).epsilon(0.1));
}

TEST_CASE("tiles of a product have rows for all registers") {
  CHECK(cpuRowStep == 12); // of 6 and 12
  for (int64_t columns : {1, 768, 3072})
    CHECK(cpuProductRows(columns) % cpuRowStep == 0);
  CHECK(cpuProductRows(3072) >= 197); // an image of 14 x 14 patches is one tile
  CHECK(cpuRowsCollide(4 * 3072));
  CHECK(!cpuRowsCollide(4 * 768));
  CHECK(!cpuRowsCollide(2 * 3072));
}
