//===- ScalarTest.cpp - Instructions that other compilers emit ------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Corner cases with values by hand; whole kernels are in test/emulator/foreign.
//
//===----------------------------------------------------------------------===//

#include "EmulatorTesting.h"

#include <cmath>
#include <limits>

using namespace vitc::emu;
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
uint64_t p(const char *code, uint64_t a, uint64_t b = 0) {
  return evaluate(code, Result::P, {a, b});
}
const float notANumber = std::numeric_limits<float>::quiet_NaN(), tiny = 0x1p-130f;

} // namespace

TEST_CASE("emulator: carries and borrows go from one instruction to the next") {
  CHECK(r32("add.cc.u32 %r5, %r1, %r2; addc.u32 %r0, %r3, %r4;", ~0u, 1, 5, 6) == 12);
  CHECK(r32("add.cc.u32 %r5, %r1, %r2; addc.cc.u32 %r6, %r3, %r4; addc.u32 %r0, 0, 0;", ~0u, 1, ~0u,
            0) == 1);
  CHECK(r32("sub.cc.u32 %r5, %r1, %r2; subc.u32 %r0, %r3, %r4;", 1, 2, 9, 3) == 5);
  CHECK(r32("sub.cc.u32 %r5, %r1, %r2; subc.cc.u32 %r6, %r3, %r4; subc.u32 %r0, 0, 0;", 0, 1, 7,
            7) == ~0u);
  CHECK(r32("mad.lo.cc.u32 %r5, %r1, %r2, %r3; madc.hi.u32 %r0, %r1, %r2, %r4;", ~0u, ~0u, ~0u,
            3) == 0xfffffffe + 3 + 1);
  CHECK(r64("add.cc.s64 %rd4, %rd1, %rd2; addc.s64 %rd0, %rd3, 0;", ~0ull, 1, 41) == 42);
  CHECK(r32("add.sat.s32 %r0, %r1, %r2;", 0x7fffffff, 5) == 0x7fffffff);
  CHECK(r32("sub.sat.s32 %r0, %r1, %r2;", 0x80000000, 5) == 0x80000000);
  // A lane's carry is its own, and an instruction it skips leaves it.
  auto lanes = evaluate("add.cc.u32 %r5, %r1, 1; setp.eq.u32 %p1, %r2, 1;"
                        "@%p1 add.cc.u32 %r5, %r5, 0; addc.u32 %r0, 0, 0;",
                        Result::R32, {{0xffffffff, 0}, {5, 0}, {0xffffffff, 1}});
  CHECK(lanes == std::vector<uint64_t>{1, 0, 0});
}

TEST_CASE("emulator: directed roundings") {
  float third = 1.0f / 3;
  uint64_t below = std::bit_cast<uint32_t>(std::nextafter(third, 0.0f));
  CHECK(r32("div.rz.f32 %r0, %r1, %r2;", uint32_t(bits(1.0f)), uint32_t(bits(3.0f))) == below);
  CHECK(r32("div.rp.f32 %r0, %r1, %r2;", uint32_t(bits(1.0f)), uint32_t(bits(3.0f))) ==
        bits(third));
  CHECK(r32("add.rm.f32 %r0, %r1, %r2;", uint32_t(bits(1.0f)), uint32_t(bits(-1.0f))) ==
        0x80000000); // -0
  CHECK(r32("fma.rp.f32 %r0, %r1, %r2, %r3;", uint32_t(bits(1.0f)), uint32_t(bits(1.0f)),
            uint32_t(bits(1e-20f))) == 0x3f800001);
  CHECK(r32("mul.rz.ftz.f32 %r0, %r1, %r2;", uint32_t(bits(tiny)), uint32_t(bits(4.0f))) == 0);
  CHECK(r64("sqrt.rm.f64 %rd0, %rd1;", bits(2.0)) == bits(1.4142135623730950));
  CHECK(r64("rcp.rp.f64 %rd0, %rd1;", bits(3.0)) == bits(std::nextafter(1.0 / 3, 1.0)));
  CHECK(r32("add.rz.sat.f32 %r0, %r1, %r2;", uint32_t(bits(1.0f)), uint32_t(bits(1.0f))) ==
        bits(1.0f));
}

TEST_CASE("emulator: conversions at the edges") {
  uint32_t quiet = uint32_t(bits(notANumber));
  CHECK(r32("cvt.rzi.s32.f32 %r0, %r1;", quiet) == 0);
  CHECK(r64("cvt.rzi.s64.f32 %rd0, %r1;", quiet) == 1ull << 63);
  CHECK(r32("cvt.rzi.s32.f64 %r0, %rd1;", uint32_t(0)) == 0);
  CHECK(evaluate("cvt.rzi.u32.f64 %r0, %rd1;", Result::R32, {bits(std::nan(""))}) == 1u << 31);
  CHECK(r32("cvt.rzi.u32.f32 %r0, %r1;", uint32_t(bits(-3.0f))) == 0);
  CHECK(r32("cvt.rz.f32.u64 %r0, %rd1;", 0) == 0);
  CHECK(evaluate("cvt.rz.f32.u64 %r0, %rd1;", Result::R32, {0x1ffffff}) == bits(33554430.0f));
  CHECK(evaluate("cvt.rp.f32.s64 %r0, %rd1;", Result::R32, {uint64_t(-0x1ffffff)}) ==
        bits(-33554430.0f));
  CHECK(r64("cvt.rm.f64.s64 %rd0, %rd1;", uint64_t(-((1ll << 53) + 1))) ==
        bits(-9007199254740994.0));
  CHECK(r16("cvt.rz.f16.f32 %rs0, %r1;") == 0);
  CHECK(evaluate("cvt.rz.f16.f32 %rs0, %r1;", Result::R16, {bits(70000.0f)}) == 0x7bff);
  CHECK(evaluate("cvt.rm.f16.f32 %rs0, %r1;", Result::R16, {bits(-1e-9f)}) == 0x8001);
  CHECK(evaluate("cvt.rp.bf16.f32 %rs0, %r1;", Result::R16, {bits(1.0001f)}) == 0x3f81);
  CHECK(evaluate("cvt.rn.f16.u64 %rs0, %rd1;", Result::R16, {2049}) == 0x6800);
  CHECK(evaluate("cvt.rn.bf16.s64 %rs0, %rd1;", Result::R16, {uint64_t(-(1ll << 62) - 1)}) ==
        0xde80);
  CHECK(r32("cvt.rz.bf16x2.f32 %r0, %r1, %r2;", 0x3f80ffff, 0xbf80ffff) == 0x3f80bf80);
  CHECK(r32("cvt.rn.relu.f16x2.f32 %r0, %r1, %r2;", uint32_t(bits(-1.0f)), uint32_t(bits(2.0f))) ==
        0x4000);
  CHECK(evaluate("cvt.rn.satfinite.e4m3x2.f32 %rs0, %r1, %r2;", Result::R16,
                 {bits(1e6f), bits(-0.0009765625f)}) == 0x7e80); // half of the least: even
  CHECK(evaluate("cvt.rn.satfinite.e5m2x2.f32 %rs0, %r1, %r2;", Result::R16,
                 {bits(notANumber), bits(-57344.0f)}) == 0x7ffb);
  CHECK(r32("{ .reg .b16 %h; cvt.u16.u32 %h, %r1; cvt.rn.f16x2.e4m3x2 %r0, %h; }", 0xb801) ==
        0xbc001800);
  CHECK(r32("cvt.pack.sat.u8.s32.b32 %r0, %r1, %r2, %r3;", 300, uint32_t(-5), 0xaabb1234) ==
        0x1234ff00);
  CHECK(r32("cvt.pack.sat.s16.s32 %r0, %r1, %r2;", 40000, uint32_t(-40000)) == 0x7fff8000);
}

TEST_CASE("emulator: set and slct") {
  CHECK(r32("set.lt.u32.s32 %r0, %r1, %r2;", uint32_t(-1), 0) == ~0u);
  CHECK(r32("set.gt.f32.f32 %r0, %r1, %r2;", uint32_t(bits(2.0f)), uint32_t(bits(1.0f))) ==
        bits(1.0f));
  CHECK(r32("setp.eq.u32 %p1, %r1, 0; set.ne.and.s32.u32 %r0, %r1, %r2, %p1;", 0, 4) == ~0u);
  CHECK(r32("set.lt.f16x2.f16x2 %r0, %r1, %r2;", 0x3c004000, 0x40004000) == 0x3c000000);
  CHECK(r32("set.ltu.u32.f16x2 %r0, %r1, %r2;", 0x7fff4000, 0x40003c00) == 0xffff0000);
  CHECK(r16("set.ge.bf16.bf16 %rs0, %rs1, %rs2;", 0x3f80, 0x3f80) == 0x3f80);
  CHECK(p("setp.gt.f16x2 %p0|%p1, %r1, %r2; xor.pred %p0, %p0, %p1;", 0x3c004000, 0x40003c00) == 1);
  CHECK(r32("slct.u32.s32 %r0, %r1, %r2, %r3;", 7, 8, uint32_t(-1)) == 8);
  CHECK(r32("slct.u32.f32 %r0, %r1, %r2, %r3;", 7, 8, uint32_t(bits(notANumber))) == 8);
  CHECK(r32("slct.ftz.b32.f32 %r0, %r1, %r2, %r3;", 7, 8, uint32_t(bits(-tiny))) == 7);
  CHECK(r64("slct.u64.s32 %rd0, %rd1, %rd2, 5;", 7, 8) == 7);
}

TEST_CASE("emulator: permutations, masks and small products") {
  CHECK(r32("prmt.b32.f4e %r0, %r1, %r2, 1;", 0x33221100, 0x77665544) == 0x44332211);
  CHECK(r32("prmt.b32.b4e %r0, %r1, %r2, 1;", 0x33221100, 0x77665544) == 0x66770011);
  CHECK(r32("prmt.b32.rc8 %r0, %r1, %r2, 2;", 0x33221100, 0) == 0x22222222);
  CHECK(r32("prmt.b32.ecl %r0, %r1, %r2, 1;", 0x33221100, 0) == 0x33221111);
  CHECK(r32("prmt.b32.ecr %r0, %r1, %r2, 1;", 0x33221100, 0) == 0x11111100);
  CHECK(r32("prmt.b32.rc16 %r0, %r1, %r2, 1;", 0x33221100, 0) == 0x33223322);
  CHECK(r32("lop3.or.b32 %r0|%p1, %r1, %r2, %r3, 0x80, 0; @%p1 mov.b32 %r0, 9;", 3, 3, 1) == 9);
  CHECK(r32("setp.eq.u32 %p2, 1, 1; lop3.and.b32 %r0|%p1, %r1, %r2, %r3, 0x80, !%p2;"
            "@%p1 mov.b32 %r0, 9;",
            3, 3, 1) == 1);
  CHECK(r32("dp4a.u32.s32 %r0, %r1, %r2, %r3;", 0x000000ff, 0x000000ff, 1) == uint32_t(-254));
  CHECK(r32("dp2a.hi.s32.u32 %r0, %r1, %r2, %r3;", 0x0001ffff, 0x0203ffff, 10) == 9);
  CHECK(r32("mad24.lo.s32 %r0, %r1, %r2, %r3;", 0x00ffffff, 3, 5) == 2);
  CHECK(r32("mul24.hi.u32 %r0, %r1, %r2;", 0x00ffffff, 0x00ffffff) == 0xfffffe00);
  CHECK(r32("cnot.b32 %r0, %r1;", 0) == 1);
  CHECK(r32("szext.clamp.u32 %r0, %r1, %r2;", 0xabcd, 40) == 0xabcd);
  CHECK(r32("szext.wrap.s32 %r0, %r1, %r2;", 0x80, 40) == 0xffffff80);
  CHECK(r32("bmsk.wrap.b32 %r0, %r1, %r2;", 33, 3) == 0xe);
  CHECK(r32("bmsk.clamp.b32 %r0, %r1, %r2;", 33, 3) == 0);
  CHECK(r32("bfind.shiftamt.u32 %r0, %r1;", 0x1000) == 19);
  CHECK(r32("fns.b32 %r0, %r1, %r2, %r3;", 0b10110, 2, 2) == 4);
  CHECK(r32("fns.b32 %r0, %r1, %r2, %r3;", 0b10110, 3, uint32_t(-1)) == 2);
  CHECK(r32("fns.b32 %r0, %r1, %r2, %r3;", 0b10110, 0, 0) == ~0u);
  CHECK(r32("vabsdiff4.u32.u32.u32.add %r0, %r1, %r2, %r3;", 0x05000a01, 0x02030a00, 1) == 8);
}

TEST_CASE("emulator: modifiers of floats") {
  CHECK(r32("min.xorsign.abs.f32 %r0, %r1, %r2;", uint32_t(bits(-3.0f)), uint32_t(bits(2.0f))) ==
        bits(-2.0f));
  CHECK(r32("mad.rn.f32 %r0, %r1, %r2, %r3;", uint32_t(bits(2.0f)), uint32_t(bits(3.0f)),
            uint32_t(bits(1.0f))) == bits(7.0f));
  CHECK(r64("rcp.approx.ftz.f64 %rd0, %rd1;", bits(4.0)) == bits(0.25));
  CHECK(r16("add.sat.f16 %rs0, %rs1, %rs2;", 0x3c00, 0x3c00) == 0x3c00);
  CHECK(r16("mul.ftz.f16 %rs0, %rs1, %rs2;", 0x0400, 0x3800) == 0); // 2^-14 / 2
  CHECK(r16("mul.f16 %rs0, %rs1, %rs2;", 0x0400, 0x3800) == 0x0200);
  CHECK(r16("fma.rn.relu.bf16 %rs0, %rs1, %rs2, %rs3;", 0x3f80, 0xbf80, 0x0000) == 0);
  CHECK(r32("min.xorsign.abs.f16x2 %r0, %r1, %r2;", 0x4000bc00, 0xbc00c000) == 0xbc003c00);
}

TEST_CASE("emulator: clocks grow") {
  CHECK(p("mov.u64 %rd5, %clock64; mov.u64 %rd6, %clock64; setp.lt.u64 %p0, %rd5, %rd6;", 0) == 1);
}
