//===- ParserTest.cpp - What the emulator refuses to load -------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "EmulatorGemm.h"
#include "EmulatorTesting.h"

using namespace vitc::emu;
using namespace vitc::emu::testing;

namespace {

std::string wrapped(const std::string &code) {
  return ".visible .entry k()\n{\n.reg .pred %p<4>; .reg .b16 %rs<4>; .reg .b32 %r<8>; .reg .b64 "
         "%rd<4>; .reg .f32 %f<4>;\n" +
         code + "\nret;\n}\n";
}

PtxError refused(const std::string &text) {
  GlobalMemory memory(1 << 20);
  PtxError error;
  INFO(text);
  CHECK(Module::load(prologue + text, memory, error) == nullptr);
  CHECK(memory.used() == 0); // no variable of a refused module stays behind
  return error;
}

} // namespace

TEST_CASE("emulator: unknown PTX is refused with its line and opcode") {
  struct {
    const char *code, *text;
  } cases[] = {
      {"frobnicate.b32 %r1, %r2;", "'frobnicate.b32': unknown opcode"},
      {"add.s32.fast %r1, %r2, %r3;", "'add.s32.fast': unknown modifier '.fast'"},
      {"ld.global.L3::keep.b32 %r1, [%rd1];", "unknown modifier '.L3::keep'"},
      {"wgmma.fence.sync.aligned;", "'wgmma.fence.sync.aligned': unknown opcode"},
      {"add.s32 %r1, %r2;", "expected 3 operands, found 2"},
      {"add.s32 %r1, %r2, %rd1;", "expected an operand of 32 bits, found '%rd1' of 64"},
      {"add.s64 %r1, %rd1, %rd2;", "expected a register of 64 bits as result, found '%r1'"},
      {"add.s32 %r1, %r2, %r99;", "unknown register '%r99'"},
      {"mov.u32 %r1, nowhere;", "unknown symbol 'nowhere'"},
      {"bra NOWHERE;", "unknown label 'NOWHERE'"},
      {"call foo;", "'call': 'foo' has no body in this module"},
      {"call vprintf;", "'call': 'vprintf' has no body in this module; kernels that print"},
      {"call %rd1;", "'call': no function whose address is taken has the parameters of this call"},
      {"mul.rna.f32 %f1, %f2, %f3;", "unknown modifier '.rna'"},
      {"cvt.s32.f32 %r1, %f1;", "expected an integer rounding"},
      {"mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%r1}, {%r1}, {%r1}, {%r1};",
       "expected 4 registers in operand 1"},
      {"mma.sync.aligned.m16n8k64.row.col.s32.s8.s8.s32 {%r1}, {%r1}, {%r1}, {%r1};",
       "these types and this shape"},
      {"stmatrix.sync.aligned.m8n8.x1.shared.b16 [%r1], {%r2};", "unknown opcode"},
      {"cp.async.cg.shared.global [%r1], [%rd1], 8;", "expected a size of 16"},
      {"ld.global.v4.b64 {%rd1, %rd1, %rd1, %rd1}, [%rd2];", "expected at most 16 bytes"},
      {"shfl.bfly.b32 %r1, %r2, 1, 31;", "expected shfl.sync"},
      {"@%r1 bra A; A:", "expected a predicate after '@'"},
      {"add.s32 %r1, %r2, %r3", "expected ';'"},
      {".global .b32 x;", "unknown directive '.global'"},
      {"st.const.b32 [%rd1], %r1;", "is not supported"},
  };
  for (const auto &c : cases) {
    PtxError error = refused(wrapped(c.code));
    INFO(error.text);
    CHECK(error.text.find(c.text) != std::string::npos);
    CHECK((error.line == 7 || error.line == 8)); // a missing ';' shows on the next line
  }
}

TEST_CASE("emulator: modules that cannot be") {
  CHECK(refused(".target sm_90\n").text.find("found sm_90") != std::string::npos);
  CHECK(refused(".wobble\n").line == 4);
  CHECK(refused(".visible .entry k() {").text.find("expected '}'") != std::string::npos);
  CHECK(refused(".visible .entry k()\n{\nA:\nA:\nret;\n}").text == "label 'A' is defined twice");
  CHECK(refused(".func f() { call f; }\n.visible .entry k() { call f; }").text ==
        "'call': 'f' calls itself, which is not supported");
  CHECK(refused(".func f(.param .b32 a) { ret; }\n.visible .entry k() { call f; }").text ==
        "'call': 'f' takes 1 and returns 0, found 0 and 0");
  CHECK(refused(".visible .entry k()\n{\n.reg .b32 %r<2>;\n.shared .b8 s[60000];\nmov.u32 %r1, "
                "s;\nret;\n}")
            .text.find("at most 49152") != std::string::npos);
  CHECK(refused(".global .u32 a[2] = {1,2,3};\n").text.find("at most 8 bytes") !=
        std::string::npos);
  CHECK(refused(".global .b8 big[2000000];\n").text.find("expected memory for 'big'") !=
        std::string::npos);
}

TEST_CASE("emulator: calls that would grow without end are refused") {
  std::string text = ".func f0() { .reg .b32 %r<9000>; mov.u32 %r1, 0; ret; }\n";
  for (int n = 1; n < 40; ++n) {
    std::string inner = "f" + std::to_string(n - 1);
    text += ".func f" + std::to_string(n) + "() { call " + inner + "; call " + inner + "; ret; }\n";
  }
  std::string entry = ".visible .entry k() { call f39; ret; }";
  CHECK(refused(text + entry).text.find("registers with its calls expanded") != std::string::npos);
  text.replace(text.find("<9000>"), 6, "<2>");
  CHECK(refused(text + entry).text.find("statements with its calls expanded") != std::string::npos);
}

TEST_CASE("emulator: every prefix of a kernel is refused or loads, and never crashes") {
  std::string text = std::string(prologue) + gemmText;
  GlobalMemory memory(1 << 20);
  unsigned loaded = 0;
  for (size_t n = 0; n < text.size(); n += 7) {
    PtxError error;
    if (auto module = Module::load(text.substr(0, n), memory, error))
      loaded += module->find("gemm") != nullptr;
    else
      CHECK(!error.text.empty());
  }
  CHECK(loaded <= 1);
}

TEST_CASE("emulator: comments, scopes, debug directives and declarations are read") {
  Rig rig;
  rig.load("// a comment\n/* another\n   one */\n.file 1 \"x.c\"\n.extern .func (.param .b32 r) "
           "puts(.param .b64 p);\n"
           ".visible .entry k(\n\t.param .align 8 .b8 s[16],\n\t.param .u64 .ptr .global .align 16 "
           "out\n)\n.maxntid 64, 1, 1\n.minnctapersm 2\n"
           "{\n\t.reg .b32 \t%r<4>;\n\t.reg .b64 %rd<4>;\n\t.loc 1 2 3\n\t.pragma "
           "\"nounroll\";\n\tld.param.b32 %r1, [s+8];\n"
           "\t{\n\t.reg .b32 %r1, tmp;\n\tmov.b32 %r1, 5; mov.b32 tmp, %r1;\n\t}\n\tld.param.b64 "
           "%rd1, [out];\n\tst.global.b32 [%rd1], %r1;\n\tret;\n}\n"
           ".section .debug_abbrev\n{\n.b8 1\n}\n");
  const Function *f = rig.module->find("k");
  REQUIRE(f);
  CHECK(f->maximumThreads == 64);
  CHECK(f->parameterBytes == 24);
  uint64_t out = rig.buffer(4);
  struct S {
    uint64_t a;
    uint32_t b, c;
  } s{1, 42, 3};
  rig.run("k", grid(1, 1), s, out);
  CHECK(rig.first() == "");
  CHECK(rig.download<uint32_t>(out, 1)[0] == 42); // the inner %r1 is another register
}

TEST_CASE("emulator: options") {
  Options options;
  std::string error;
  CHECK(options.parse("seed=1,order=22,fail-call=3,budget=4,threads=5,report=/tmp/x", error));
  CHECK(options.seed == 1);
  CHECK(options.order == 22);
  CHECK(options.failCall == 3);
  CHECK(options.report == "/tmp/x");
  CHECK(Options().parse("", error));
  CHECK(Options().parse(nullptr, error));
  for (const char *bad : {"sead=1", "seed=", "seed=x", "order=-1", "seed=1;order=2", "budget=0"})
    CHECK_FALSE(Options().parse(bad, error));
  CHECK(error.find("found 'budget=0'") != std::string::npos);
}
