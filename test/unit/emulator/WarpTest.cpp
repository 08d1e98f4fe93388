//===- WarpTest.cpp - Lanes, divergence, barriers ---------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "EmulatorTesting.h"

using namespace vitc::emu;
using namespace vitc::emu::testing;

namespace {

std::vector<std::vector<uint64_t>> lanes() {
  std::vector<std::vector<uint64_t>> inputs;
  for (uint64_t i = 0; i < 32; ++i)
    inputs.push_back({i, 100 + i});
  return inputs;
}

/// A kernel that stores %r0 of every thread to out[thread].
std::string threads(const std::string &declarations, const std::string &code) {
  return ".visible .entry k(.param .u64 out)\n{\n.reg .pred %p<8>; .reg .b32 %r<32>; .reg .b64 "
         "%rd<8>;\n" +
         declarations + "\nld.param.u64 %rd1, [out];\nmov.u32 %r1, %tid.x;\n" + code +
         "\nmov.u32 %r31, %ctaid.x;\nmov.u32 %r30, %ntid.x;\nmad.lo.u32 %r31, %r31, %r30, "
         "%r1;\nmul.wide.u32 %rd2, %r31, 4;\n"
         "add.s64 %rd2, %rd1, %rd2;\nst.global.b32 [%rd2], %r0;\nret;\n}\n";
}

struct Threads : Rig {
  std::vector<uint32_t> results(const std::string &text, uint32_t count, uint32_t ctas = 1) {
    load(text);
    uint64_t out = buffer(count * ctas * 4);
    run("k", grid(ctas, count), out);
    return download<uint32_t>(out, count * ctas);
  }
};

} // namespace

TEST_CASE("emulator: shuffles") {
  auto run = [](const char *code) { return evaluate(code, Result::R32, lanes()); };
  auto bfly = run("shfl.sync.bfly.b32 %r0, %r2, 1, 31, -1;");
  auto down = run("shfl.sync.down.b32 %r0|%p1, %r2, 4, 31, -1; @!%p1 mov.b32 %r0, 0;");
  auto up = run("shfl.sync.up.b32 %r0|%p1, %r2, 4, 0, -1; @!%p1 mov.b32 %r0, 0;");
  auto idx = run("shfl.sync.idx.b32 %r0, %r2, 5, 31, 0xffffffff;");
  auto quarter = run("shfl.sync.idx.b32 %r0, %r2, 1, 0x181f, -1;"); // segments of 8
  for (uint32_t l = 0; l < 32; ++l) {
    CHECK(bfly[l] == 100 + (l ^ 1));
    CHECK(down[l] == (l + 4 < 32 ? 104 + l : 0));
    CHECK(up[l] == (l >= 4 ? 96 + l : 0));
    CHECK(idx[l] == 105);
    CHECK(quarter[l] == 100 + (l & ~7u) + 1);
  }
}

TEST_CASE("emulator: votes and reductions") {
  CHECK(evaluate("setp.lt.u32 %p1, %r1, 5; vote.sync.ballot.b32 %r0, %p1, -1;", Result::R32,
                 lanes())[9] == 0x1f);
  CHECK(evaluate("setp.lt.u32 %p1, %r1, 5; vote.sync.any.pred %p0, %p1, -1;", Result::P,
                 lanes())[9] == 1);
  CHECK(evaluate("setp.lt.u32 %p1, %r1, 5; vote.sync.all.pred %p0, %p1, -1;", Result::P,
                 lanes())[9] == 0);
  CHECK(evaluate("setp.lt.u32 %p1, %r1, 5; vote.sync.all.pred %p0, !%p1, -1;", Result::P,
                 lanes())[9] == 0);
  CHECK(evaluate("setp.lt.u32 %p1, %r1, 99; vote.sync.uni.pred %p0, %p1, -1;", Result::P,
                 lanes())[9] == 1);
  CHECK(evaluate("redux.sync.add.u32 %r0, %r1, -1;", Result::R32, lanes())[3] == 496);
  CHECK(evaluate("redux.sync.max.s32 %r0, %r2, -1;", Result::R32, lanes())[3] == 131);
  CHECK(evaluate("setp.lt.u32 %p1, %r1, 3; @%p1 activemask.b32 %r0; @!%p1 mov.b32 %r0, 1;",
                 Result::R32, lanes())[2] == 7);
}

TEST_CASE("emulator: lanes that part meet again") {
  Threads rig;
  // An if with both sides, the else placed behind the join as LLVM does with cold blocks; the
  // shuffle behind it needs all lanes again.
  auto values = rig.results(
      threads(
          "",
          "and.b32 %r2, %r1, 1;\nsetp.eq.u32 %p1, %r2, 0;\n@%p1 bra EVEN;\nbra.uni ODD;\nEVEN:\n"
          "mov.u32 %r3, 10;\nJOIN:\nshfl.sync.bfly.b32 %r0, %r3, 1, 31, -1;\nbra.uni END;\n"
          "ODD:\nmov.u32 %r3, 20;\nbra.uni JOIN;\nEND:"),
      64);
  CHECK(rig.first() == "");
  for (uint32_t t = 0; t < 64; ++t)
    CHECK(values[t] == (t & 1 ? 10 : 20));
}

TEST_CASE("emulator: loops with a different number of trips per lane") {
  // sum of 0..tid, with a nested branch inside the loop
  std::string text = threads(
      "", "mov.u32 %r0, 0;\nmov.u32 %r2, 0;\nL:\nsetp.gt.u32 %p1, %r2, %r1;\n@%p1 bra DONE;\n"
          "and.b32 %r4, %r2, 3;\nsetp.eq.u32 %p2, %r4, 1;\n@%p2 bra SKIP;\nadd.u32 %r0, %r0, %r2;\n"
          "bra.uni NEXT;\nSKIP:\nadd.u32 %r0, %r0, 1000;\nNEXT:\nadd.u32 %r2, %r2, 1;\nbra.uni L;\n"
          "DONE:\nbar.warp.sync -1;");
  Threads rig;
  auto values = rig.results(text, 64);
  CHECK(rig.first() == "");
  for (uint32_t t = 0; t < 64; ++t) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i <= t; ++i)
      sum += i % 4 == 1 ? 1000 : i;
    CHECK(values[t] == sum);
  }
  rig.results(text, 40);
  CHECK(rig.found(Kind::Sync)); // the second warp has 8 threads, and -1 names 32
}

TEST_CASE("emulator: jump tables") {
  Threads rig;
  auto values = rig.results(
      threads("", "and.b32 %r2, %r1, 3;\nTABLE: .branchtargets A, B, C, A;\nbrx.idx %r2, TABLE;\n"
                  "A:\nmov.u32 %r0, 1;\nbra.uni E;\nB:\nmov.u32 %r0, 2;\nbra.uni E;\nC:\nmov.u32 "
                  "%r0, 3;\nE:\n"
                  "bar.sync 0;"),
      32);
  CHECK(rig.first() == "");
  for (uint32_t t = 0; t < 32; ++t)
    CHECK(values[t] == (t % 4 == 1 ? 2 : t % 4 == 2 ? 3 : 1));
}

TEST_CASE("emulator: lanes that leave early") {
  Threads rig;
  rig.load(threads("", "mov.u32 %r0, 5;\nsetp.ge.u32 %p1, %r1, 20;\n@%p1 ret;\n"));
  uint64_t out = rig.buffer(32 * 4);
  rig.run("k", grid(1, 32), out);
  CHECK(rig.first() == "");
  auto a = rig.memory.find(out, 128);
  CHECK(a->written.get()[19 * 4] == 1);
  CHECK(a->written.get()[20 * 4] == 0);
}

TEST_CASE("emulator: shared memory between barriers, in every order of warps") {
  // thread t reads what thread 255 - t wrote
  std::string text = threads(".shared .align 4 .b8 s[1024];",
                             "mov.u32 %r2, s;\nmad.lo.u32 %r3, %r1, 4, %r2;\nadd.u32 %r4, %r1, "
                             "7;\nst.shared.u32 [%r3], %r4;\n"
                             "bar.sync 0;\nsub.u32 %r5, 255, %r1;\nmad.lo.u32 %r3, %r5, 4, "
                             "%r2;\nld.shared.u32 %r0, [%r3];");
  for (uint64_t seed = 0; seed < 5; ++seed) {
    Threads rig;
    rig.options.seed = seed;
    auto values = rig.results(text, 256, 3);
    CHECK(rig.first() == "");
    for (uint32_t t = 0; t < 256; ++t)
      CHECK(values[512 + t] == 262 - t);
    rig.results(edited(text, "bar.sync 0;\n", ""), 256);
    CHECK((rig.found(Kind::Race) || rig.found(Kind::Uninitialised)));
  }
}

TEST_CASE("emulator: named barriers order only their warps") {
  // Warps 0 and 1 meet at barrier 1; warps 2 and 3 at barrier 2. Each reads its partner's word.
  std::string text = threads(".shared .align 4 .b8 s[512];",
                             "mov.u32 %r2, s;\nmad.lo.u32 %r3, %r1, 4, %r2;\nst.shared.u32 [%r3], "
                             "%r1;\nshr.u32 %r4, %r1, 6;\n"
                             "add.u32 %r4, %r4, 1;\nbar.sync %r4, 64;\nxor.b32 %r5, %r1, "
                             "32;\nmad.lo.u32 %r3, %r5, 4, %r2;\n"
                             "ld.shared.u32 %r0, [%r3];");
  Threads rig;
  auto values = rig.results(text, 128);
  CHECK(rig.first() == "");
  CHECK(values[100] == 68);
  rig.results(edited(text, "%r5, %r1, 32", "%r5, %r1, 64"), 128); // of the other pair
  CHECK((rig.found(Kind::Race) || rig.found(Kind::Uninitialised)));
}

TEST_CASE("emulator: what goes wrong between lanes is a sync finding") {
  struct {
    const char *name, *code;
    Kind kind;
  } cases[] = {
      {"mask without the lane", "shfl.sync.bfly.b32 %r0, %r1, 1, 31, 0xffff;", Kind::Sync},
      {"mask with a lane elsewhere",
       "setp.lt.u32 %p1, %r1, 16; mov.u32 %r0, 0; @%p1 shfl.sync.bfly.b32 %r0, %r1, 1, 31, -1;",
       Kind::Sync},
      {"mask with an exited lane",
       "mov.u32 %r0, 0; setp.eq.u32 %p1, %r1, 31; @%p1 ret; shfl.sync.bfly.b32 %r0, %r1, 1, 31, "
       "-1;",
       Kind::Sync},
      {"source outside",
       "setp.lt.u32 %p1, %r1, 16; mov.u32 %r0, 0; @%p1 shfl.sync.down.b32 %r0, %r1, 8, 31, 0xffff;",
       Kind::Sync},
      {"ballot of too few",
       "setp.lt.u32 %p1, %r1, 16; mov.u32 %r0, 0; @%p1 vote.sync.ballot.b32 %r0, %p1, -1;",
       Kind::Sync},
      {"barrier in a branch",
       "mov.u32 %r0, 0; setp.lt.u32 %p1, %r1, 16; @%p1 bra IN; bra.uni OUT; IN: bar.sync 0; OUT:",
       Kind::Sync},
      {"barrier after an exit", "mov.u32 %r0, 0; setp.lt.u32 %p1, %r1, 32; @%p1 ret; bar.sync 0;",
       Kind::Sync},
      {"different barriers", "mov.u32 %r0, 0; shr.u32 %r2, %r1, 5; bar.sync %r2;", Kind::Deadlock},
      {"warp barrier of too few", "mov.u32 %r0, 0; bar.warp.sync 0xff;", Kind::Sync},
      {"trap", "mov.u32 %r0, 0; trap;", Kind::Trap},
      {"endless", "mov.u32 %r0, 0; L: add.u32 %r0, %r0, 1; bra.uni L;", Kind::Timeout},
  };
  for (const auto &c : cases) {
    Threads rig;
    rig.options.budget = 100000;
    rig.results(threads("", c.code), 64);
    INFO(c.name << ": " << rig.first());
    CHECK(rig.found(c.kind));
  }
}

TEST_CASE("emulator: special registers of a grid") {
  Rig rig;
  rig.load(
      ".visible .entry k(.param .u64 out)\n{\n.reg .b32 %r<32>; .reg .b64 %rd<8>;\nld.param.u64 "
      "%rd1, [out];\n"
      "mov.u32 %r1, %tid.x; mov.u32 %r2, %tid.y; mov.u32 %r3, %tid.z;\nmov.u32 %r4, %ntid.x; "
      "mov.u32 %r5, %ntid.y;\n"
      "mov.u32 %r6, %ctaid.x; mov.u32 %r7, %ctaid.y; mov.u32 %r8, %ctaid.z; mov.u32 %r9, "
      "%nctaid.x; mov.u32 %r10, %nctaid.y;\n"
      "mad.lo.u32 %r11, %r3, %r5, %r2; mad.lo.u32 %r11, %r11, %r4, %r1;\n"
      "mad.lo.u32 %r12, %r8, %r10, %r7; mad.lo.u32 %r12, %r12, %r9, %r6;\n"
      "mad.lo.u32 %r13, %r12, 24, %r11; mul.wide.u32 %rd2, %r13, 4; add.s64 %rd2, %rd1, %rd2;\n"
      "st.global.u32 [%rd2], %r13; ret;\n}\n");
  uint64_t out = rig.buffer(24 * 24 * 4);
  Geometry g;
  g.block[0] = 4, g.block[1] = 3, g.block[2] = 2;
  g.grid[0] = 2, g.grid[1] = 3, g.grid[2] = 4;
  rig.run("k", g, out);
  CHECK(rig.first() == "");
  auto values = rig.download<uint32_t>(out, 24 * 24);
  for (uint32_t i = 0; i < 24 * 24; ++i)
    REQUIRE(values[i] == i);
}

TEST_CASE("emulator: lanes meet behind a branch out of which some of them leave") {
  // Lanes below 16 look at their input, and the odd ones of them return; the others go on together
  // with those above.
  for (const char *leave : {"@%p2 bra END;", "@%p2 ret;",
                            "@!%p2 bra STAY; bra END; STAY:", "@!%p2 bra STAY; exit; STAY:"}) {
    Rig rig;
    rig.load(std::string(R"(.visible .entry k(.param .u64 out)
{
  .reg .pred %p<4>; .reg .b32 %r<8>; .reg .b64 %rd<4>;
  ld.param.u64 %rd1, [out];
  mov.u32 %r1, %tid.x;
  setp.ge.u32 %p1, %r1, 16;
  @%p1 bra MEET;
  and.b32 %r2, %r1, 1;
  setp.ne.u32 %p2, %r2, 0;
  )") + leave +
             R"(
MEET:
  activemask.b32 %r3;
  mul.wide.u32 %rd2, %r1, 4;
  add.s64 %rd1, %rd1, %rd2;
  st.global.u32 [%rd1], %r3;
END:
  ret;
}
)");
    uint64_t out = rig.upload(std::vector<uint32_t>(32));
    rig.run("k", grid(1, 32), out);
    INFO(leave);
    CHECK(rig.first() == "");
    CHECK(rig.download<uint32_t>(out, 1)[0] == 0xffff5555);
  }
}
