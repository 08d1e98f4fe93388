//===- MemoryTest.cpp - Loads, stores, copies and their shadows -------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "EmulatorTesting.h"

using namespace vitc::emu;
using namespace vitc::emu::testing;

namespace {

/// A kernel over pointers %rd1 = a, %rd2 = b with %r1 = thread, %rd3 = 4 * thread.
std::string kernel(const std::string &code, const std::string &declarations = "") {
  return ".visible .entry k(.param .u64 a, .param .u64 b)\n{\n.reg .pred %p<8>; .reg .b16 %rs<16>; "
         ".reg .b32 %r<32>; .reg .b64 "
         "%rd<16>;\n" +
         declarations +
         "\nld.param.u64 %rd1, [a];\nld.param.u64 %rd2, [b];\nmov.u32 %r1, %tid.x;\nmul.wide.u32 "
         "%rd3, %r1, 4;\n" +
         code + "\nret;\n}\n";
}

struct Memory : Rig {
  uint64_t a = 0, b = 0;
  explicit Memory(uint64_t bytes = 4096) {
    std::vector<uint32_t> words(bytes / 4);
    for (uint32_t i = 0; i < words.size(); ++i)
      words[i] = i * 0x01010101u;
    a = upload(words);
    b = buffer(bytes);
  }
  void go(const std::string &text, uint32_t threads = 32, uint32_t ctas = 1) {
    load(text);
    run("k", grid(ctas, threads), a, b);
  }
};

} // namespace

TEST_CASE("emulator: loads and stores of every width") {
  Memory m;
  m.go(kernel("ld.global.u8 %r2, [%rd1+5];\nld.global.s8 %r3, [%rd1+1023];\nld.global.u16 %rs1, "
              "[%rd1+6];\nld.global.s16 %r4, [%rd1+1020];\n"
              "ld.global.nc.L1::no_allocate.b32 %r5, [%rd1+12];\nld.global.b64 %rd4, "
              "[%rd1+16];\nld.global.v4.b32 {%r6, %r7, %r8, %r9}, [%rd1+32];\n"
              "cvt.u32.u16 %r10, %rs1;\nst.global.v4.b32 [%rd2], {%r2, %r3, %r10, "
              "%r4};\nst.global.b32 [%rd2+16], %r5;\n"
              "st.global.b64 [%rd2+24], %rd4;\nst.global.v2.b32 [%rd2+32], {%r6, "
              "%r9};\nst.global.u8 [%rd2+40], %r7;\n"
              "st.global.b16 [%rd2+42], %rs1;\nst.global.b32 [%rd2+44], 7;"),
       1);
  CHECK(m.first() == "");
  auto w = m.download<uint32_t>(m.b, 12);
  CHECK(w[0] == 1);
  CHECK(w[1] == 0xffffffff);
  CHECK(w[2] == 0x0101);
  CHECK(w[3] == 0xffffffff);
  CHECK(w[4] == 0x03030303);
  CHECK(w[6] == 0x04040404);
  CHECK(w[7] == 0x05050505);
  CHECK(w[8] == 0x08080808);
  CHECK(w[9] == 0x0b0b0b0b);
  CHECK((w[10] & 0xff) == 9);
  CHECK(w[10] >> 16 == 0x0101);
  CHECK(w[11] == 7);
}

TEST_CASE("emulator: generic, constant and module memory") {
  Memory m;
  std::string text =
      ".const .align 4 .b32 table[4] = {10, 20, 30, 40};\n.global .align 4 .u32 counter = 5;\n" +
      kernel("cvta.to.global.u64 %rd4, %rd1;\nld.global.u32 %r2, [%rd4+4];\nmov.u64 %rd5, "
             "s;\ncvta.shared.u64 %rd6, %rd5;\n"
             "st.u32 [%rd6], %r2;\nld.u32 %r3, [%rd6];\nld.shared.u32 %r4, [s];\nld.u32 %r5, "
             "[%rd1+8];\n"
             "ld.const.u32 %r6, [table+8];\nld.global.u32 %r7, [counter];\nst.global.v4.u32 "
             "[%rd2], {%r3, %r4, %r5, %r6};\n"
             "st.global.u32 [%rd2+16], %r7;",
             ".shared .align 8 .b8 s[8];");
  m.go(text, 1);
  CHECK(m.first() == "");
  CHECK(m.download<uint32_t>(m.b, 5) ==
        std::vector<uint32_t>{0x01010101, 0x01010101, 0x02020202, 30, 5});
}

TEST_CASE("emulator: atomics of several CTAs") {
  Memory m;
  m.go(kernel("atom.global.add.u32 %r2, [%rd1], 1;\nred.global.add.f32 [%rd1+4], "
              "0f3F800000;\natom.global.max.s32 %r3, [%rd1+8], %r1;\n"
              "atom.global.cas.b32 %r4, [%rd1+12], 0x03030303, 9;\nred.shared.add.u32 [s], 1;",
              ".shared .align 4 .b8 s[4];"),
       64, 8);
  CHECK(m.found(Kind::Uninitialised)); // the shared counter
  Memory good;
  good.go(kernel("atom.global.add.u32 %r2, [%rd1], 1;\natom.global.max.s32 %r3, [%rd1+8], "
                 "%r1;\natom.global.cas.b32 %r4, [%rd1+12], 0x03030303, 9;\n"
                 "setp.eq.u32 %p1, %r1, 0;\n@%p1 st.shared.u32 [s], 0;\nbar.sync "
                 "0;\nred.shared.add.u32 [s], 2;\nbar.sync 0;\n"
                 "ld.shared.u32 %r5, [s];\n@%p1 red.global.add.u32 [%rd1+4], %r5;",
                 ".shared .align 4 .b8 s[4];"),
          64, 8);
  CHECK(good.first() == "");
  auto w = good.download<uint32_t>(good.a, 4);
  CHECK(w[0] == 512);
  CHECK(w[1] == 0x01010101 + 8 * 128);
  CHECK(w[2] == 0x02020202);
  CHECK(w[3] == 9);
}

TEST_CASE("emulator: cp.async fills zeros behind its source size") {
  Memory m;
  m.go(kernel("cp.async.cg.shared.global.L2::128B [s], [%rd1+16], 16, "
              "8;\ncp.async.ca.shared.global [s+16], [%rd1+4], 4;\n"
              "cp.async.ca.shared.global [s+24], [%rd1+8], 8, "
              "0;\ncp.async.wait_all;\nld.shared.v4.b32 {%r2, %r3, %r4, %r5}, [s];\n"
              "ld.shared.b32 %r6, [s+16];\nld.shared.v2.b32 {%r7, %r8}, [s+24];\nst.global.v4.b32 "
              "[%rd2], {%r2, %r3, %r4, %r5};\n"
              "st.global.v2.b32 [%rd2+16], {%r6, %r7};",
              ".shared .align 16 .b8 s[32];"),
       1);
  CHECK(m.first() == "");
  CHECK(m.download<uint32_t>(m.b, 6) ==
        std::vector<uint32_t>{0x04040404, 0x05050505, 0, 0, 0x01010101, 0});
}

TEST_CASE("emulator: a copy lands when it is waited for") {
  // Two groups; after wait_group 1 only the first has landed.
  std::string text =
      kernel("st.shared.b32 [s], 77;\nst.shared.b32 [s+16], 78;\ncp.async.ca.shared.global [s], "
             "[%rd1+4], 4;\ncp.async.commit_group;\n"
             "cp.async.ca.shared.global [s+16], [%rd1+8], "
             "4;\ncp.async.commit_group;\ncp.async.wait_group 1;\n"
             "ld.shared.b32 %r2, [s];\ncp.async.wait_group 0;\nld.shared.b32 %r3, "
             "[s+16];\nst.global.v2.b32 [%rd2], {%r2, %r3};",
             ".shared .align 16 .b8 s[32];");
  Memory m;
  m.go(text, 1);
  CHECK(m.first() == "");
  CHECK(m.download<uint32_t>(m.b, 2) == std::vector<uint32_t>{0x01010101, 0x02020202});
  m.go(edited(text, "cp.async.wait_group 1", "cp.async.wait_group 2"), 1);
  CHECK(m.found(Kind::Async));
  CHECK(m.download<uint32_t>(m.b, 1)[0] == 77); // the old value: a wrong result shows too
  m.go(edited(text, "cp.async.commit_group;\ncp.async.ca.shared.global [s+16]",
              "cp.async.ca.shared.global [s+16]"),
       1);
  CHECK(m.found(Kind::Async));
  m.go(edited(text, "ld.shared.b32 %r2, [s];", "st.shared.b32 [s+16], 1; ld.shared.b32 %r2, [s];"),
       1);
  CHECK(m.found(Kind::Race));
}

TEST_CASE("emulator: what a thread copied is not another's before a barrier") {
  std::string text =
      kernel("mov.u32 %r2, s;\nmad.lo.u32 %r2, %r1, 4, %r2;\nadd.s64 %rd4, %rd1, "
             "%rd3;\ncp.async.ca.shared.global [%r2], [%rd4], 4;\n"
             "cp.async.wait_all;\nbar.sync 0;\nxor.b32 %r3, %r1, 33;\nmov.u32 %r2, s;\nmad.lo.u32 "
             "%r2, %r3, 4, %r2;\n"
             "ld.shared.b32 %r4, [%r2];\nadd.s64 %rd5, %rd2, %rd3;\nst.global.b32 [%rd5], %r4;",
             ".shared .align 16 .b8 s[256];");
  Memory m;
  m.go(text, 64);
  CHECK(m.first() == "");
  CHECK(m.download<uint32_t>(m.b, 64)[5] == 36 * 0x01010101);
  m.go(edited(text, "bar.sync 0;\n", ""), 64);
  CHECK(m.found(Kind::Async));
}

TEST_CASE("emulator: global accesses that are wrong") {
  struct {
    const char *name, *code;
    Kind kind;
  } cases[] = {
      {"behind the end", "ld.global.b32 %r2, [%rd1+4096];", Kind::OutOfBounds},
      {"before the start", "ld.global.b32 %r2, [%rd1+-4];", Kind::OutOfBounds},
      {"half behind", "ld.global.b64 %rd4, [%rd1+4092];", Kind::OutOfBounds},
      {"store behind", "st.global.b32 [%rd2+4096], %r1;", Kind::OutOfBounds},
      {"another argument's buffer", "ld.global.b32 %r2, [%rd1+8192];", Kind::OutOfBounds},
      {"wild", "mov.u64 %rd4, 64; ld.global.b32 %r2, [%rd4];", Kind::OutOfBounds},
      {"misaligned", "ld.global.b32 %r2, [%rd1+2];", Kind::Misaligned},
      {"misaligned vector", "ld.global.v4.b32 {%r2,%r3,%r4,%r5}, [%rd1+8];", Kind::Misaligned},
      {"misaligned copy", "cp.async.cg.shared.global [s], [%rd1+8], 16;", Kind::Misaligned},
      {"copy from behind", "cp.async.cg.shared.global [s], [%rd1+4096], 16;", Kind::OutOfBounds},
      {"partial copy from behind", "cp.async.cg.shared.global [s], [%rd1+4096], 16, 4;",
       Kind::OutOfBounds},
      {"never written", "ld.global.b32 %r2, [%rd2];", Kind::Uninitialised},
      {"two CTAs", "add.s64 %rd4, %rd2, %rd3; st.global.b32 [%rd4], %r1;", Kind::Race},
      {"another CTA's result",
       "mov.u32 %r2, %ctaid.x; mul.wide.u32 %rd4, %r2, 4; add.s64 %rd4, %rd1, %rd4; st.global.u32 "
       "[%rd4], 1; "
       "ld.global.u32 %r3, [%rd1]; ld.global.u32 %r3, [%rd1+4];",
       Kind::Race},
      {"shared behind", "st.shared.b32 [s+64], 1;", Kind::OutOfBounds},
      {"shared before", "mov.u32 %r2, s; ld.shared.b32 %r3, [%r2+-16];", Kind::OutOfBounds},
      {"shared misaligned", "st.shared.b32 [s+2], 1;", Kind::Misaligned},
      {"shared never written", "ld.shared.b32 %r2, [s];", Kind::Uninitialised},
      {"shared half written",
       "setp.eq.u32 %p1, %r1, 0; @%p1 st.shared.b16 [s], 1; bar.sync 0; ld.shared.b32 %r2, [s];",
       Kind::Uninitialised},
      {"shared written by all", "st.shared.b32 [s], %r1;", Kind::Race},
      {"shared read, then written",
       "setp.eq.u32 %p1, %r1, 0; @%p1 st.shared.b32 [s], 1; bar.sync 0; ld.shared.b32 %r2, [s]; "
       "@%p1 st.shared.b32 [s], 2;",
       Kind::Race},
      {"copy over a read",
       "setp.eq.u32 %p1, %r1, 0; @%p1 st.shared.b32 [s], 1; bar.sync 0; ld.shared.b32 %r2, [s]; "
       "@%p1 cp.async.ca.shared.global [s], [%rd1], 4;",
       Kind::Race},
      {"copy of what nothing wrote",
       "setp.eq.u32 %p1, %r1, 0; @%p1 cp.async.ca.shared.global [s], [%rd2], 4; cp.async.wait_all; "
       "bar.sync 0; ld.shared.b32 %r2, [s];",
       Kind::Uninitialised},
      {"parameter space", "mov.u32 %r2, 16; ld.param.b32 %r3, [%r2];", Kind::OutOfBounds},
  };
  for (const auto &c : cases)
    for (uint64_t order : {0, 1, 2}) {
      Memory m;
      m.options.order = m.options.seed = order;
      m.go(kernel(c.code, ".shared .align 16 .b8 s[64];"), 32, 2);
      INFO(c.name << ": " << m.first());
      CHECK(m.found(c.kind));
      CHECK(m.result.findings.size() == 1);
    }
}

TEST_CASE("emulator: accesses that look suspicious but are right") {
  const char *const cases[] = {
      // in place, by the thread that owns the word
      "mov.u32 %r2, s; mad.lo.u32 %r2, %r1, 4, %r2; st.shared.b32 [%r2], %r1; ld.shared.b32 %r3, "
      "[%r2]; st.shared.b32 [%r2], %r3;",
      // halves of a word by two threads
      "mov.u32 %r2, s; mad.lo.u32 %r2, %r1, 2, %r2; cvt.u16.u32 %rs1, %r1; st.shared.b16 [%r2], "
      "%rs1;",
      // read by all, then a barrier, then written
      "setp.eq.u32 %p1, %r1, 0; @%p1 st.shared.b32 [s], 1; bar.sync 0; ld.shared.b32 %r2, [s]; "
      "bar.sync 0; @%p1 st.shared.b32 [s], 2;",
      // a copy of nothing may name any source
      "mov.u32 %r2, s; mad.lo.u32 %r2, %r1, 16, %r2; cp.async.cg.shared.global [%r2], "
      "[%rd1+1000000], 16, 0; cp.async.wait_all; ld.shared.v4.b32 {%r4,%r5,%r6,%r7}, [%r2];",
      // a select between two buffers
      "setp.lt.u32 %p1, %r1, 16; selp.b64 %rd4, %rd1, %rd2, %p1; add.s64 %rd4, %rd4, %rd3; @%p1 "
      "ld.global.b32 %r2, [%rd4];",
  };
  for (const char *code : cases) {
    Memory m;
    m.go(kernel(code, ".shared .align 16 .b8 s[2048];"), 64);
    INFO(code);
    CHECK(m.first() == "");
  }
}

TEST_CASE("emulator: registered buffers bound what an argument reaches") {
  Memory m;
  std::string text = kernel("ld.global.b32 %r2, [%rd1+1020];");
  REQUIRE(m.memory.registerBuffer(m.a, 1024, "first", false));
  REQUIRE(m.memory.registerBuffer(m.a + 1024, 1024, "second", false));
  m.go(text, 1);
  CHECK(m.first() == "");
  m.go(edited(text, "1020", "1024"), 1);
  REQUIRE(m.found(Kind::OutOfBounds));
  CHECK(m.result.findings[0].text ==
        "ld.global.b32 reads 4 bytes at byte 1024 of 'first', which has 1024 bytes");
  CHECK(m.result.findings[0].format().substr(0, 24) == "k:12:0,0,0/0: out-of-bou");
  // A new buffer over both replaces them.
  REQUIRE(m.memory.registerBuffer(m.a + 512, 2048, "third", false));
  m.go(edited(text, "1020", "1024"), 1);
  CHECK(m.first() == "");
  CHECK_FALSE(m.memory.registerBuffer(m.a + 4000, 200, "outside", false));
  REQUIRE(m.memory.registerBuffer(m.a, 64, "fresh", true));
  m.go(edited(text, "1020", "60"), 1);
  CHECK(m.found(Kind::Uninitialised));
}
