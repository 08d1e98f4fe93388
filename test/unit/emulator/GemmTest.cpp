//===- GemmTest.cpp - A whole kernel, right and with planted bugs -----===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "EmulatorGemm.h"
#include "EmulatorTesting.h"

#include <cmath>
#include <set>

using namespace vitc::emu;
using namespace vitc::emu::testing;

namespace {

/// The kernel's data; buffers lie in one arena, as a runtime has them.
struct Gemm {
  uint32_t m, n, k;
  Rig rig;
  std::vector<uint16_t> a, w;
  uint64_t arena = 0, aAt = 0, wAt = 0, cAt = 0;

  Gemm(uint32_t m, uint32_t n, uint32_t k) : m(m), n(n), k(k), a(m * k), w(n * k) {
    for (size_t i = 0; i < a.size(); ++i)
      a[i] = floatToHalf(float(int(i * 7919 % 201) - 100) / 64);
    for (size_t i = 0; i < w.size(); ++i)
      w[i] = floatToHalf(float(int(i * 104729 % 199) - 99) / 128);
    auto rounded = [](uint64_t bytes) { return (bytes + 255) / 256 * 256; };
    uint64_t aSize = rounded(a.size() * 2), wSize = rounded(w.size() * 2);
    Allocation *allocation = rig.memory.allocate(aSize + wSize + rounded(m * n * 4));
    arena = aAt = allocation->address();
    wAt = aAt + aSize;
    cAt = wAt + wSize;
    memcpy(allocation->base, a.data(), a.size() * 2);
    memcpy(allocation->base + aSize, w.data(), w.size() * 2);
    memset(allocation->written.get(), 1, aSize + wSize);
    registerBuffers();
  }

  void registerBuffers() {
    REQUIRE(rig.memory.registerBuffer(aAt, a.size() * 2, "a", false));
    REQUIRE(rig.memory.registerBuffer(wAt, w.size() * 2, "w", false));
    REQUIRE(rig.memory.registerBuffer(cAt, m * n * 4, "c", true));
  }

  void run(const std::string &text) {
    registerBuffers();
    rig.load(text);
    Geometry g = grid((m + 31) / 32, 128, 6144);
    g.grid[1] = (n + 31) / 32;
    rig.run("gemm", g, aAt, wAt, cAt, m, n, k);
  }

  double worst() const {
    std::vector<float> c = rig.download<float>(cAt, m * n);
    double error = 0;
    for (uint32_t i = 0; i < m; ++i)
      for (uint32_t j = 0; j < n; ++j) {
        double sum = 0;
        for (uint32_t l = 0; l < k; ++l)
          sum += double(halfToFloat(a[i * k + l])) * double(halfToFloat(w[j * k + l]));
        double e = std::fabs(sum - c[i * n + j]);
        error = e <= error ? error : e; // NaN counts
      }
    return error;
  }
};

/// The line of the statement that `needle` begins, as the report counts it.
uint32_t lineOf(const std::string &text, const std::string &needle) {
  size_t at = text.find(needle);
  REQUIRE(at != std::string::npos);
  return uint32_t(4 + std::count(text.begin(), text.begin() + long(at), '\n'));
}

} // namespace

TEST_CASE("emulator: a GEMM gives the numbers of a plain loop") {
  struct {
    uint32_t m, n, k;
  } shapes[] = {{32, 32, 16}, {64, 32, 64}, {70, 44, 48}, {1, 2, 16}, {33, 66, 160}};
  for (auto s : shapes) {
    Gemm gemm(s.m, s.n, s.k);
    gemm.run(gemmText);
    INFO(s.m << "x" << s.n << "x" << s.k);
    CHECK(gemm.rig.first() == "");
    CHECK(gemm.worst() < 1e-4 * s.k);
  }
}

TEST_CASE("emulator: orders and threads change no bit of a right kernel") {
  Gemm gemm(70, 44, 96);
  gemm.run(gemmText);
  auto expected = gemm.rig.download<uint32_t>(gemm.cAt, 70 * 44);
  for (uint64_t order = 1; order <= 5; ++order) {
    gemm.rig.options.order = order;
    gemm.rig.options.seed = order * 3;
    gemm.rig.options.threads = unsigned(order);
    gemm.run(gemmText);
    CHECK(gemm.rig.first() == "");
    CHECK(gemm.rig.download<uint32_t>(gemm.cAt, 70 * 44) == expected);
  }
}

TEST_CASE("emulator: planted bugs in a GEMM are named with line, thread and kind") {
  struct Mutant {
    const char *name, *from, *to, *line;
    Kind kind;
  };
  const Mutant mutants[] = {
      {"dropped wait", "  cp.async.wait_group 1;\n", "\n", "ldmatrix", Kind::Async},
      {"raised N", "wait_group 1", "wait_group 2", "ldmatrix", Kind::Async},
      {"dropped barrier", "  bar.sync 0;\n", "\n", "ldmatrix", Kind::Async},
      {"dropped commits", "cp.async.commit_group;", "", "ldmatrix", Kind::Async},
      {"shifted stage", "[%r34+1024]", "[%r34+1040]", "@!%p1 cp.async.cg.shared.global [%r34+",
       Kind::OutOfBounds},
      {"pointer + 2", "[%rd8], 16", "[%rd8+2], 16", "@%p1 cp.async.cg.shared.global [%r34]",
       Kind::Misaligned},
      {"edge predicate always true", "setp.lt.u32 %p2, %r10, %r1;", "setp.ge.u32 %p2, %r10, 0;",
       "@%p1 cp.async.cg.shared.global [%r15], [%rd4]", Kind::OutOfBounds},
      {"row predicate always true", "and.pred %p5, %p2, %p3", "mov.pred %p5, %p3",
       "@%p5 st.global.v2.f32 [%rd11], {%f3", Kind::OutOfBounds},
      {"read of a stage nothing filled", "mov.u32 %r31, 0; ", "mov.u32 %r31, 4096; ", "ldmatrix",
       Kind::Async},
      {"k-steps + 1", "shr.u32 %r17, %r3, 4;", "shr.u32 %r17, %r3, 4; add.s32 %r17, %r17, 1;",
       "@%p1 cp.async.cg.shared.global [%r34]", Kind::OutOfBounds},
      {"matrix under a predicate", "  ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r40",
       "setp.ne.u32 %p6, %r21, 3; @%p6  ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r40",
       "setp.ne.u32 %p6, %r21", Kind::Sync},
      {"barrier under a predicate", "  bar.sync 0;", "setp.ne.u32 %p6, %r21, 3; @%p6  bar.sync 0;",
       "setp.ne.u32 %p6, %r21", Kind::Sync},
      {"barrier of one warp", "  bar.sync 0;", "setp.lt.u32 %p6, %r4, 32; @%p6 bar.sync 0;",
       "ldmatrix", Kind::Async},
      {"row of shared memory too far", "[%r36+1024]", "[%r36+5120]",
       "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r44", Kind::OutOfBounds},
      {"shared address + 2", "[%r36+1024]", "[%r36+1026]",
       "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r44", Kind::Misaligned},
      {"every CTA on the first rows", "shl.b32 %r5, %r5, 5;", "mov.u32 %r5, 0;",
       "@%p5 st.global.v2.f32 [%rd10], {%f1", Kind::Race},
      {"no end", "@%p7 bra LOOP;", "bra LOOP;", "bra LOOP", Kind::Timeout},
  };
  for (const Mutant &mutant : mutants)
    for (uint64_t order = 0; order < 3; ++order) {
      Gemm gemm(70, 44, 96);
      gemm.rig.options.order = order;
      gemm.rig.options.seed = order;
      gemm.rig.options.budget = 20000;
      std::string text = edited(gemmText, mutant.from, mutant.to);
      gemm.run(text);
      INFO(mutant.name << ", order " << order << ": " << gemm.rig.first());
      CHECK(gemm.rig.found(mutant.kind));
      std::set<uint32_t> lines;
      for (const Finding &f : gemm.rig.result.findings) {
        lines.insert(f.line);
        CHECK(f.kernel == "gemm");
        CHECK(f.thread.find('/') != std::string::npos);
      }
      if (*mutant.line)
        CHECK(lines.count(lineOf(text, mutant.line)) == 1);
    }
}

TEST_CASE("emulator: a neighbour in the arena is out of bounds even if it is an argument") {
  Gemm gemm(64, 64, 32);
  gemm.run(edited(gemmText, "add.s64 %rd4, %rd1, %rd4;",
                  "add.s64 %rd4, %rd1, %rd4; add.s64 %rd4, %rd4, 4096;"));
  CHECK(gemm.rig.found(Kind::OutOfBounds)); // 4096 bytes behind a begins w
  CHECK(gemm.rig.result.findings[0].text.find("of 'a', which has 4096 bytes") != std::string::npos);
}

TEST_CASE("emulator: weights that were never uploaded are found where they are used") {
  Gemm gemm(32, 32, 32);
  gemm.rig.memory.registerBuffer(gemm.wAt, gemm.w.size() * 2, "w", true);
  gemm.rig.load(gemmText);
  gemm.rig.run("gemm", grid(1, 128, 6144), gemm.aAt, gemm.wAt, gemm.cAt, 32u, 32u, 32u);
  REQUIRE(gemm.rig.found(Kind::Uninitialised));
  std::string text = gemmText;
  CHECK(gemm.rig.result.findings[0].line ==
        lineOf(text, "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r44"));
}

TEST_CASE("emulator: bank conflicts are counted when a report is asked for") {
  Gemm gemm(32, 32, 64);
  gemm.rig.options.report = "/dev/null";
  gemm.run(gemmText);
  // Rows of 32 bytes: 8 rows of a matrix fall on 16 banks of 8 distinct 16-byte columns, two each.
  CHECK(gemm.rig.result.sharedAccesses > 0);
  CHECK(gemm.rig.result.bankConflicts > 0);
}
