//===- IntegerTest.cpp - Integer instructions against known values ----===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "EmulatorTesting.h"

using namespace vitc::emu::testing;

namespace {
uint64_t r32(const char *code, uint32_t a = 0, uint32_t b = 0, uint32_t c = 0, uint32_t d = 0) {
  return evaluate(code, Result::R32, {a, b, c, d});
}
uint64_t r64(const char *code, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0) {
  return evaluate(code, Result::R64, {a, b, c});
}
uint64_t r16(const char *code, uint16_t a = 0, uint16_t b = 0, uint16_t c = 0) {
  return evaluate(code, Result::R16, {a, b, c});
}
} // namespace

TEST_CASE("emulator: additions and products wrap") {
  CHECK(r32("add.s32 %r0, %r1, %r2;", 0x7fffffff, 1) == 0x80000000);
  CHECK(r32("sub.s32 %r0, %r1, %r2;", 3, 5) == 0xfffffffe);
  CHECK(r64("add.s64 %rd0, %rd1, %rd2;", ~0ull, 2) == 1);
  CHECK(r16("add.s16 %rs0, %rs1, %rs2;", 0xffff, 2) == 1);
  CHECK(r32("mul.lo.s32 %r0, %r1, %r2;", 0x10001, 0x10001) == 0x20001);
  CHECK(r32("mul.hi.u32 %r0, %r1, %r2;", 0xffffffff, 0xffffffff) == 0xfffffffe);
  CHECK(r32("mul.hi.s32 %r0, %r1, %r2;", 0xffffffff, 2) == 0xffffffff);
  CHECK(r64("mul.hi.u64 %rd0, %rd1, %rd2;", ~0ull, ~0ull) == ~0ull - 1);
  CHECK(r64("mul.wide.s32 %rd0, %r1, %r2;", uint32_t(-3), 7) == uint64_t(-21));
  CHECK(r64("mul.wide.u32 %rd0, %r1, %r2;", 0xffffffff, 2) == 0x1fffffffe);
  CHECK(r32("mul.wide.s16 %r0, %rs1, %rs2;", 0xffff, 3) == 0xfffffffd);
  CHECK(r32("mad.lo.s32 %r0, %r1, %r2, %r3;", 3, 4, 5) == 17);
  CHECK(r64("mad.wide.s32 %rd0, %r1, %r2, %rd3;", uint32_t(-2), 8, 100) == 84);
  CHECK(r64("mad.lo.s64 %rd0, %rd1, %rd2, %rd3;", 1ull << 33, 4, 1) == (1ull << 35) + 1);
  CHECK(r32("sad.u32 %r0, %r1, %r2, %r3;", 3, 10, 1) == 8);
}

TEST_CASE("emulator: division") {
  CHECK(r32("div.s32 %r0, %r1, %r2;", uint32_t(-7), 2) == uint32_t(-3));
  CHECK(r32("rem.s32 %r0, %r1, %r2;", uint32_t(-7), 2) == uint32_t(-1));
  CHECK(r32("div.u32 %r0, %r1, %r2;", 0xfffffff9, 2) == 0x7ffffffc);
  CHECK(r32("div.u32 %r0, %r1, %r2;", 5, 0) == 0xffffffff); // no trap on the device
  CHECK(r32("rem.u32 %r0, %r1, %r2;", 5, 0) == 5);
  CHECK(r32("div.s32 %r0, %r1, %r2;", 0x80000000, 0xffffffff) == 0x80000000);
  CHECK(r64("div.u64 %rd0, %rd1, %rd2;", 1ull << 40, 3) == (1ull << 40) / 3);
  CHECK(r64("rem.u64 %rd0, %rd1, %rd2;", 1ull << 40, 3) == 1);
}

TEST_CASE("emulator: order, sign, magnitude") {
  CHECK(r32("min.s32 %r0, %r1, %r2;", uint32_t(-1), 1) == 0xffffffff);
  CHECK(r32("min.u32 %r0, %r1, %r2;", uint32_t(-1), 1) == 1);
  CHECK(r32("max.s32 %r0, %r1, %r2;", uint32_t(-1), 1) == 1);
  CHECK(r32("max.u32 %r0, %r1, %r2;", uint32_t(-1), 1) == 0xffffffff);
  CHECK(r64("max.s64 %rd0, %rd1, %rd2;", uint64_t(-5), uint64_t(-9)) == uint64_t(-5));
  CHECK(r16("min.s16 %rs0, %rs1, %rs2;", 0x8000, 1) == 0x8000);
  CHECK(r32("neg.s32 %r0, %r1;", 5) == uint32_t(-5));
  CHECK(r32("abs.s32 %r0, %r1;", uint32_t(-5)) == 5);
}

TEST_CASE("emulator: logic and shifts") {
  CHECK(r32("and.b32 %r0, %r1, %r2;", 0xff0f, 0x0ff0) == 0x0f00);
  CHECK(r32("or.b32 %r0, %r1, %r2;", 0xf0, 0x0f) == 0xff);
  CHECK(r32("xor.b32 %r0, %r1, 32;", 0xff) == 0xdf);
  CHECK(r64("not.b64 %rd0, %rd1;", 1) == ~1ull);
  CHECK(r32("shl.b32 %r0, %r1, %r2;", 3, 31) == 0x80000000);
  CHECK(r32("shl.b32 %r0, %r1, %r2;", 3, 32) == 0); // amounts clamp
  CHECK(r32("shr.u32 %r0, %r1, %r2;", 0x80000000, 31) == 1);
  CHECK(r32("shr.u32 %r0, %r1, %r2;", 0x80000000, 99) == 0);
  CHECK(r32("shr.s32 %r0, %r1, %r2;", 0x80000000, 99) == 0xffffffff);
  CHECK(r64("shr.u64 %rd0, %rd1, %r2;", 1ull << 63, 63) == 1);
  CHECK(r64("shl.b64 %rd0, %rd1, 4;", 0x1234) == 0x12340);
  CHECK(r16("shr.u16 %rs0, %rs1, 4;", 0x8000) == 0x0800);
  CHECK(r16("shr.s16 %rs0, %rs1, 4;", 0x8000) == 0xf800);
  CHECK(r32("shf.l.wrap.b32 %r0, %r1, %r2, %r3;", 0x80000000, 1, 33) == 3);
  CHECK(r32("shf.r.wrap.b32 %r0, %r1, %r2, %r3;", 2, 1, 1) == 0x80000001);
  CHECK(r32("shf.r.clamp.b32 %r0, %r1, %r2, %r3;", 2, 7, 40) == 7);
  CHECK(r32("lop3.b32 %r0, %r1, %r2, %r3, 0x96;", 0x0f, 0x33, 0x55) ==
        (0x0f ^ 0x33 ^ 0x55)); // xor of three
  CHECK(r32("lop3.b32 %r0, %r1, %r2, %r3, 0xea;", 0xf0, 0xcc, 0x01) == ((0xf0 & 0xcc) | 0x01));
}

TEST_CASE("emulator: bit fields and counts") {
  CHECK(r32("bfe.u32 %r0, %r1, %r2, %r3;", 0xabcd1234, 8, 8) == 0x12);
  CHECK(r32("bfe.s32 %r0, %r1, %r2, %r3;", 0x0000f000, 12, 4) == 0xffffffff);
  CHECK(r32("bfe.u32 %r0, %r1, %r2, %r3;", 0xffffffff, 30, 8) == 3);
  CHECK(r32("bfe.u32 %r0, %r1, %r2, %r3;", 0xffffffff, 4, 0) == 0);
  CHECK(r64("bfe.u64 %rd0, %rd1, 32, 16;", 0x0000abcd00000000ull) == 0xabcd);
  CHECK(r32("bfi.b32 %r0, %r1, %r2, 8, 8;", 0x5a, 0xffffffff) == 0xffff5aff);
  CHECK(r32("popc.b32 %r0, %r1;", 0xf00f) == 8);
  CHECK(r32("popc.b64 %r0, %rd1;", 7) == 3);
  CHECK(r32("clz.b32 %r0, %r1;", 1) == 31);
  CHECK(r32("clz.b32 %r0, %r1;", 0) == 32);
  CHECK(r32("bfind.u32 %r0, %r1;", 0x1000) == 12);
  CHECK(r32("bfind.s32 %r0, %r1;", uint32_t(-2)) == 0);
  CHECK(r32("bfind.u32 %r0, %r1;", 0) == 0xffffffff);
  CHECK(r32("brev.b32 %r0, %r1;", 1) == 0x80000000);
  CHECK(r32("prmt.b32 %r0, %r1, %r2, 0x5410;", 0x33221100, 0x77665544) == 0x55441100);
  CHECK(r32("prmt.b32 %r0, %r1, %r2, 0x000f;", 0, 0x80000000) ==
        0x000000ff); // sign of byte 7, then byte 0
}

TEST_CASE("emulator: moves, packing, selection") {
  CHECK(r32("mov.b32 %r0, {%rs1, %rs2};", 0x1111, 0x2222) == 0x22221111);
  CHECK(r16("{ .reg .b16 %low; mov.b32 {%low, %rs0}, %r1; }", 0) == 0);
  CHECK(evaluate("mov.b32 {%rs1, %rs0}, %r1;", Result::R16, {0xabcd1234}) == 0xabcd);
  CHECK(r64("mov.b64 %rd0, {%r1, %r2};", 1, 2) == 0x200000001ull);
  CHECK(evaluate("mov.b64 {_, %r0}, %rd1;", Result::R32, {0x500000001ull}) == 5);
  CHECK(r32("setp.gt.s32 %p1, %r1, %r2; selp.b32 %r0, %r1, %r2, %p1;", 4, 9) == 9);
  CHECK(r32("setp.gt.s32 %p1, %r1, %r2; @!%p1 mov.b32 %r1, 77; mov.b32 %r0, %r1;", 4, 9) == 77);
  CHECK(r32("mov.u32 %r0, %ntid.x;") == 32);
  CHECK(r32("mov.u32 %r0, WARP_SZ;") == 32);
  CHECK(evaluate("mov.u32 %r0, %lanemask_lt;", Result::R32,
                 std::vector<std::vector<uint64_t>>(4, {0}))[3] == 7);
}

TEST_CASE("emulator: comparisons") {
  auto p = [](const char *code, uint64_t a, uint64_t b) {
    return evaluate(code, Result::P, {a, b});
  };
  CHECK(p("setp.lt.s32 %p0, %r1, %r2;", uint32_t(-1), 0) == 1);
  CHECK(p("setp.lt.u32 %p0, %r1, %r2;", uint32_t(-1), 0) == 0);
  CHECK(p("setp.lo.u32 %p0, %r1, %r2;", 1, 2) == 1);
  CHECK(p("setp.hs.u32 %p0, %r1, %r2;", 1, 2) == 0);
  CHECK(p("setp.ge.s64 %p0, %rd1, %rd2;", uint64_t(-1), uint64_t(-1)) == 1);
  CHECK(p("setp.ne.b16 %p0, %rs1, %rs2;", 0x10001, 1) == 0);
  CHECK(p("setp.eq.b32 %p1, %r1, 1; setp.eq.and.b32 %p0, %r2, 2, %p1;", 1, 2) == 1);
  CHECK(p("setp.eq.b32 %p1, %r1, 1; setp.eq.and.b32 %p0, %r2, 2, !%p1;", 1, 2) == 0);
  CHECK(p("setp.eq.b32 %p1, %r1, 1; setp.eq.or.b32 %p0, %r2, 3, %p1;", 1, 2) == 1);
  CHECK(p("setp.eq.b32 %p1|%p0, %r1, %r2;", 1, 2) == 1); // the second result is the complement
  CHECK(p("setp.lt.u32 %p1, %r1, 5; setp.lt.u32 %p2, %r2, 5; and.pred %p0, %p1, %p2;", 1, 9) == 0);
  CHECK(p("setp.lt.u32 %p1, %r1, 5; not.pred %p0, %p1;", 9, 0) == 1);
  CHECK(p("mov.pred %p0, -1;", 0, 0) == 1);
}
