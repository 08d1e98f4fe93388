//===- LocalTest.cpp - Local memory, calls and windows of the generic space ---===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "EmulatorTesting.h"

using namespace vitc::emu;
using namespace vitc::emu::testing;

namespace {

/// A kernel that keeps 4 words in local memory; `code` sees its address in %rd3 (generic) and
/// %rd4 (local), the thread in %r1, and leaves a result in %r0.
std::string withLocal(const std::string &code, const std::string &functions = "") {
  return functions + R"(.visible .entry k(.param .u64 out, .param .align 8 .b8 s[16])
{
  .local .align 8 .b8 depot[16];
  .reg .pred %p<4>; .reg .b32 %r<8>; .reg .b64 %rd<8>;
  ld.param.u64 %rd1, [out];
  mov.b64 %rd4, depot;
  cvta.local.u64 %rd3, %rd4;
  mov.u32 %r1, %tid.x;
)" + code +
         R"(
  mul.wide.u32 %rd2, %r1, 4;
  add.s64 %rd1, %rd1, %rd2;
  st.global.u32 [%rd1], %r0;
  ret;
}
)";
}

struct Bytes {
  uint32_t words[4];
};

std::vector<uint32_t> run(Rig &rig, const std::string &text) {
  rig.load(text);
  uint64_t out = rig.buffer(40 * 4);
  rig.run("k", grid(1, 40), out, Bytes{{1, 2, 3, 4}});
  return rig.download<uint32_t>(out, 40);
}
std::string finding(const std::string &code) {
  Rig rig;
  run(rig, withLocal(code));
  return rig.result.findings.empty() ? "" : rig.result.findings[0].text;
}

} // namespace

TEST_CASE("emulator: local memory belongs to its thread, in both spaces") {
  Rig rig;
  auto out = run(rig, withLocal("st.local.u32 [%rd4+4], %r1; ld.u32 %r2, [%rd3+4];"
                                "add.s32 %r2, %r2, 1; st.u32 [%rd3+8], %r2;"
                                "ld.local.u32 %r0, [depot+8];"));
  CHECK(rig.first() == "");
  for (uint32_t i = 0; i < 40; ++i)
    CHECK(out[i] == i + 1);
}

TEST_CASE("emulator: local memory is checked") {
  CHECK(finding("ld.local.u32 %r0, [%rd4+16];") ==
        "ld.local.u32 reads 4 bytes at byte 16 of local memory, which has 16 bytes");
  CHECK(finding("mov.u32 %r0, 0; st.u32 [%rd3+-4], %r0;").find("which is in no allocation") !=
        std::string::npos);
  CHECK(finding("mov.u32 %r0, 0; st.local.u32 [%rd4+2], %r0;").find("not a multiple of 4") !=
        std::string::npos);
  CHECK(finding("ld.local.u32 %r0, [%rd4];") ==
        "ld.local.u32 reads 4 bytes at byte 0 of local memory, which nothing wrote");
}

TEST_CASE("emulator: a structure is copied with its padding") {
  CHECK(finding("st.local.u8 [%rd4], %r1; ld.local.u32 %r0, [%rd4];") == "");
}

TEST_CASE("emulator: parameters of the kernel have generic addresses and are constant") {
  Rig rig;
  auto out = run(rig, withLocal("mov.b64 %rd5, s; cvta.param.u64 %rd6, %rd5; ld.u32 %r0, "
                                "[%rd6+8]; ld.param.u32 %r2, [%rd5+4]; add.s32 %r0, %r0, %r2;"));
  CHECK(rig.first() == "");
  CHECK(out[0] == 5);
  CHECK(
      finding("mov.u32 %r0, 0; mov.b64 %rd5, s; cvta.param.u64 %rd6, %rd5; st.u32 [%rd6], %r0;") ==
      "st.u32 writes to a parameter of the kernel");
}

TEST_CASE("emulator: isspacep knows the windows") {
  Rig rig;
  auto out = run(rig, withLocal("isspacep.local %p1, %rd3; isspacep.global %p2, %rd1;"
                                "isspacep.shared %p3, %rd3; selp.u32 %r0, 1, 0, %p1;"
                                "@%p2 add.s32 %r0, %r0, 2; @%p3 add.s32 %r0, %r0, 4;"));
  CHECK(out[0] == 3);
}

TEST_CASE("emulator: calls keep registers, labels and parameters of the same names apart") {
  // steps(n) is the number of halvings until 1.
  const char *functions = R"(
.func (.param .b32 r) half(.param .b32 a)
{
  .reg .b32 %r<3>;
  ld.param.b32 %r1, [a];
  shr.u32 %r2, %r1, 1;
  st.param.b32 [r], %r2;
  ret;
}
.func (.param .b32 r) steps(.param .b32 a)
{
  .reg .pred %p<2>; .reg .b32 %r<4>;
  ld.param.b32 %r1, [a];
  mov.b32 %r2, 0;
L:
  setp.le.u32 %p1, %r1, 1;
  @%p1 bra M;
  { .param .b32 p0; st.param.b32 [p0], %r1; .param .b32 q0;
    call.uni (q0), half, (p0); ld.param.b32 %r1, [q0]; }
  add.u32 %r2, %r2, 1;
  bra L;
M:
  st.param.b32 [r], %r2;
  ret;
}
)";
  Rig rig;
  auto out =
      run(rig, withLocal("mov.u32 %r0, 100; setp.gt.u32 %p1, %r1, 3;"
                         "{ .param .b32 p0; st.param.b32 [p0], %r1; .param .b32 q0;"
                         "@%p1 call (q0), steps, (p0); @%p1 ld.param.b32 %r0, [q0]; }"
                         "{ .param .b32 p0; st.param.b32 [p0], 4; .param .b32 q0;"
                         "call (q0), steps, (p0); ld.param.b32 %r2, [q0]; add.u32 %r0, %r0, %r2; }",
                         functions));
  CHECK(rig.first() == "");
  for (uint32_t i = 0; i < 40; ++i)
    CHECK(out[i] == (i > 3 ? uint32_t(31 - __builtin_clz(i)) : 100) + 2);
}

TEST_CASE("emulator: pointers out of memory may go anywhere, with a number added too") {
  Rig rig;
  rig.load(R"(.visible .entry k(.param .u64 table, .param .u64 n, .param .u64 out)
{
  .reg .b32 %r<4>; .reg .b64 %rd<8>;
  ld.param.u64 %rd1, [table];
  ld.param.u64 %rd2, [n];
  ld.param.u64 %rd3, [out];
  ld.global.u64 %rd4, [%rd1+8];
  shl.b64 %rd5, %rd2, 2;
  add.s64 %rd6, %rd4, %rd5;
  ld.global.u32 %r1, [%rd6];
  st.global.u32 [%rd3], %r1;
  ret;
}
)");
  uint64_t values = rig.upload<uint32_t>({5, 6, 7}), out = rig.buffer(4);
  uint64_t table = rig.upload<uint64_t>({0, values});
  rig.run("k", grid(1, 1), table, uint64_t(2), out);
  CHECK(rig.first() == "");
  CHECK(rig.download<uint32_t>(out, 1)[0] == 7);
  rig.run("k", grid(1, 1), table, uint64_t(1) << 40, out);
  CHECK(rig.found(Kind::OutOfBounds));
}

TEST_CASE("emulator: variables may hold addresses of others") {
  Rig rig;
  rig.load(R"(.global .align 4 .u32 values[3] = {7, 8, 9};
.global .align 8 .u64 pointers[2] = {generic(values)+8, values};
.visible .entry k(.param .u64 out)
{
  .reg .b32 %r<4>; .reg .b64 %rd<4>;
  ld.param.u64 %rd1, [out];
  ld.global.u64 %rd2, [pointers];
  ld.u32 %r1, [%rd2];
  st.global.u32 [%rd1], %r1;
  ret;
}
)");
  uint64_t out = rig.buffer(4);
  rig.run("k", grid(1, 1), out);
  CHECK(rig.first() == "");
  CHECK(rig.download<uint32_t>(out, 1)[0] == 9);
}

TEST_CASE("emulator: a finding names the source line that .loc gives") {
  Rig rig;
  rig.load(R"(.visible .entry k(.param .u64 out)
{
  .reg .b32 %r<4>; .reg .b64 %rd<4>;
  .loc 1 7 3
  ld.param.u64 %rd1, [out];
  .loc	1 8 5, function_name $L__info_string0, inlined_at 1 7 3
  ld.global.u32 %r1, [%rd1];
  ret;
}
.file 1 "/home/somebody/kernel.cu"
)");
  rig.run("k", grid(1, 1), rig.buffer(4));
  REQUIRE(rig.result.findings.size() == 1);
  CHECK(rig.result.findings[0].text == "ld.global.u32 reads 4 bytes at byte 0 of a buffer, which "
                                       "has 4 bytes; nothing wrote them (kernel.cu:8)");
}

TEST_CASE("emulator: a failed assertion has its text") {
  Rig rig;
  rig.load(
      R"(.extern .func __assertfail(.param .b64 a, .param .b64 b, .param .b32 c, .param .b64 d, .param .b64 e);
.global .align 1 .b8 text[6] = {120, 32, 62, 32, 48};
.global .align 1 .b8 file[5] = {107, 46, 99, 117};
.visible .entry k()
{
  .reg .b64 %rd<4>;
  { .param .b64 p0; .param .b64 p1; .param .b32 p2; .param .b64 p3; .param .b64 p4;
  mov.u64 %rd1, text; cvta.global.u64 %rd1, %rd1; st.param.b64 [p0], %rd1;
  mov.u64 %rd2, file; cvta.global.u64 %rd2, %rd2; st.param.b64 [p1], %rd2;
  st.param.b32 [p2], 12; st.param.b64 [p3], %rd1; st.param.b64 [p4], 1;
  call.uni __assertfail, (p0, p1, p2, p3, p4); }
  ret;
}
)");
  rig.run("k", grid(1, 1));
  REQUIRE(rig.found(Kind::Trap));
  CHECK(rig.result.findings[0].text == "assert 'x > 0' fails at k.cu:12");
}
