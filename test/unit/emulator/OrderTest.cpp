//===- OrderTest.cpp - Barriers, fences and what they order ---------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "EmulatorTesting.h"

using namespace vitc::emu;
using namespace vitc::emu::testing;

namespace {

/// A kernel of `code` with the thread in %r1, its block in %r2, and pointers in %rd1 and %rd2.
std::string kernel(const std::string &code) {
  return R"(.visible .entry k(.param .u64 a, .param .u64 b)
{
  .shared .align 8 .b8 memory[1024];
  .reg .pred %p<8>; .reg .b32 %r<16>; .reg .b64 %rd<16>;
  mov.u32 %r1, %tid.x;
  mov.u32 %r2, %ctaid.x;
  ld.param.u64 %rd1, [a];
  ld.param.u64 %rd2, [b];
)" + code +
         "\n  ret;\n}\n";
}
std::unique_ptr<Rig> ran(const std::string &code, uint32_t ctas, uint32_t threads) {
  auto rig = std::make_unique<Rig>();
  rig->load(kernel(code));
  uint64_t a = rig->upload(std::vector<uint32_t>(256)), b = rig->upload(std::vector<uint32_t>(256));
  rig->run("k", grid(ctas, threads), a, b);
  return rig;
}

/// Warp 1 stores and says so; warp 0 waits, and loads. `release` stands before the message is
/// written, `acquire` behind the loop that reads it.
std::string message(const std::string &send, const std::string &receive,
                    const std::string &release = "", const std::string &acquire = "") {
  return R"(
  setp.lt.u32 %p1, %r1, 32;
  mov.u32 %r5, memory;
  setp.eq.u32 %p2, %r1, 0;
  @%p2 st.shared.u32 [%r5+64], 0;
  bar.sync 0;
  @%p1 bra WAIT;
  setp.ne.u32 %p3, %r1, 32;
  @%p3 bra END;
  st.shared.u32 [%r5], 42;
)" + release +
         "\n" + send + R"(
  bra END;
WAIT:
  @!%p2 bra END;
LOOP:
)" + receive +
         R"(
  setp.eq.u32 %p4, %r6, 0;
  @%p4 bra LOOP;
)" + acquire +
         R"(
  ld.shared.u32 %r7, [%r5];
END:)";
}

} // namespace

TEST_CASE("emulator: messages through shared memory order what they should") {
  auto found = [](const std::string &code) { return ran(code, 1, 64)->found(Kind::Race); };
  const char *relaxedStore = "st.relaxed.cta.shared.u32 [%r5+64], 1;",
             *relaxedLoad = "ld.relaxed.cta.shared.u32 %r6, [%r5+64];";
  CHECK_FALSE(found(message("st.release.cta.shared.u32 [%r5+64], 1;",
                            "ld.acquire.cta.shared.u32 %r6, [%r5+64];")));
  CHECK_FALSE(found(message(relaxedStore, relaxedLoad, "fence.acq_rel.cta;", "membar.cta;")));
  CHECK_FALSE(found(message("atom.shared.exch.b32 %r8, [%r5+64], 1;",
                            "atom.shared.add.u32 %r6, [%r5+64], 0;", "membar.gl;", "membar.gl;")));
  CHECK(found(message(relaxedStore, relaxedLoad)));
  CHECK(found(message(relaxedStore, relaxedLoad, "fence.acq_rel.cta;", "")));
  CHECK(found(message(relaxedStore, relaxedLoad, "", "fence.acq_rel.cta;")));
  CHECK(found(message("st.release.cta.shared.u32 [%r5+64], 1;", relaxedLoad)));
  // A plain flag races itself.
  CHECK(found(message("st.shared.u32 [%r5+64], 1;", "ld.volatile.shared.u32 %r6, [%r5+64];",
                      "membar.cta;", "membar.cta;")));
}

TEST_CASE("emulator: blocks may read what others published behind a fence") {
  auto code = [](const std::string &before, const std::string &after) {
    return R"(
  mul.wide.u32 %rd3, %r2, 4;
  add.s64 %rd4, %rd1, %rd3;
  st.global.u32 [%rd4], 7;
)" + before +
           R"(
  atom.global.add.u32 %r4, [%rd2], 1;
)" + after +
           R"(
  setp.ne.u32 %p1, %r4, 2;
  @%p1 bra END;
  ld.global.u32 %r5, [%rd1];
  ld.global.u32 %r6, [%rd1+4];
  ld.global.u32 %r7, [%rd1+8];
END:)";
  };
  CHECK(ran(code("membar.gl;", "membar.gl;"), 3, 1)->first() == "");
  CHECK(ran(code("fence.acq_rel.gpu;", "fence.acq_rel.gpu;"), 3, 1)->first() == "");
  CHECK(ran(code("", "membar.gl;"), 3, 1)->found(Kind::Race));
  CHECK(ran(code("membar.gl;", ""), 3, 1)->found(Kind::Race));
  CHECK(ran(code("membar.cta;", "membar.gl;"), 3, 1)->found(Kind::Race));
}

TEST_CASE("emulator: an arrival orders what was before it, not what comes behind") {
  auto code = [](const std::string &store) {
    return R"(
  mov.u32 %r5, memory;
  setp.lt.u32 %p1, %r1, 32;
  shl.b32 %r6, %r1, 2;
  add.u32 %r5, %r5, %r6;
  @%p1 bra WAIT;
)" + store +
           R"(
  bra END;
WAIT:
  bar.sync 1, 64;
  ld.shared.u32 %r7, [%r5+128];
END:)";
  };
  CHECK(ran(code("st.shared.u32 [%r5], 1; bar.arrive 1, 64;"), 1, 64)->first() == "");
  CHECK_FALSE(ran(code("bar.arrive 1, 64; st.shared.u32 [%r5], 1;"), 1, 64)->first().empty());
}

TEST_CASE("emulator: barriers in shared memory count arrivals") {
  std::string text = R"(
  mov.u32 %r5, memory;
  setp.ne.u32 %p1, %r1, 0;
  @%p1 bra READY;
  mbarrier.init.shared.b64 [%r5], 64;
READY:
  bar.sync 0;
  shl.b32 %r6, %r1, 2;
  add.u32 %r7, %r5, %r6;
  st.shared.u32 [%r7+16], %r1;
  mbarrier.arrive.shared.b64 %rd3, [%r5];
WAIT:
  mbarrier.test_wait.shared.b64 %p2, [%r5], %rd3;
  @!%p2 bra WAIT;
  xor.b32 %r6, %r6, 252;
  add.u32 %r7, %r5, %r6;
  ld.shared.u32 %r8, [%r7+16];
  mul.wide.u32 %rd4, %r1, 4;
  add.s64 %rd5, %rd1, %rd4;
  st.global.u32 [%rd5], %r8;)";
  Rig rig;
  rig.load(kernel(text));
  uint64_t out = rig.upload(std::vector<uint32_t>(64)), none = rig.buffer(4);
  rig.run("k", grid(1, 64), out, none);
  CHECK(rig.first() == "");
  auto found = rig.download<uint32_t>(out, 64);
  for (uint32_t i = 0; i < 64; ++i)
    CHECK(found[i] == 63 - i);
  CHECK(ran(edited(text, "[%r5], 64;", "[%r5], 32;"), 1, 64)->found(Kind::Uninitialised));
  rig.options.budget = 100000;
  rig.load(kernel(edited(text, "[%r5], 64;", "[%r5], 65;")));
  rig.run("k", grid(1, 64), out, none);
  CHECK(rig.found(Kind::Timeout));
}

TEST_CASE("emulator: stores of one value by many are no conflict") {
  CHECK(ran("st.shared.u32 [memory], 5;", 1, 64)->first() == "");
  CHECK(ran("st.shared.u32 [memory], %r1;", 1, 64)->found(Kind::Race));
}
