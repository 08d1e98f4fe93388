//===- FloatTest.cpp - Float instructions and conversions -------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "EmulatorTesting.h"

#include <cmath>
#include <limits>

using namespace vitc::emu;
using namespace vitc::emu::testing;

namespace {
const float infinity = std::numeric_limits<float>::infinity(),
            notANumber = std::numeric_limits<float>::quiet_NaN();

float f32(const char *code, float a = 0, float b = 0, float c = 0) {
  return asFloat(evaluate(code, Result::R32, {bits(a), bits(b), bits(c)}));
}
float f16(const char *code, float a = 0, float b = 0, float c = 0) {
  return halfToFloat(
      uint16_t(evaluate(code, Result::R16, {floatToHalf(a), floatToHalf(b), floatToHalf(c)})));
}
float bf16(const char *code, float a = 0, float b = 0, float c = 0) {
  return bfloatToFloat(uint16_t(
      evaluate(code, Result::R16, {floatToBfloat(a), floatToBfloat(b), floatToBfloat(c)})));
}
} // namespace

TEST_CASE("emulator: f32 arithmetic") {
  CHECK(f32("add.rn.f32 %r0, %r1, %r2;", 1.5f, 2.25f) == 3.75f);
  CHECK(f32("sub.f32 %r0, %r1, %r2;", 1.5f, 2.25f) == -0.75f);
  CHECK(f32("mul.rn.f32 %r0, %r1, 0f40000000;", 1.5f) == 3.0f);
  CHECK(f32("div.rn.f32 %r0, %r1, %r2;", 1, 3) == 1.0f / 3.0f);
  CHECK(f32("div.full.f32 %r0, %r1, %r2;", 1, 4) == 0.25f);
  // One rounding: 1 + 2^-24 squared is below what the product keeps.
  CHECK(f32("fma.rn.f32 %r0, %r1, %r2, %r3;", 1 + 0x1p-12f, 1 + 0x1p-12f, -1) ==
        0x1p-11f + 0x1p-24f);
  CHECK(f32("mul.rn.f32 %r0, %r1, %r2;", 1 + 0x1p-12f, 1 + 0x1p-12f) == 1 + 0x1p-11f);
  CHECK(f32("neg.f32 %r0, %r1;", 2) == -2);
  CHECK(f32("abs.f32 %r0, %r1;", -2) == 2);
  CHECK(f32("min.f32 %r0, %r1, %r2;", notANumber, 2) == 2);
  CHECK(f32("max.f32 %r0, %r1, %r2;", -1, notANumber) == -1);
  CHECK(std::isnan(f32("max.NaN.f32 %r0, %r1, %r2;", -1, notANumber)));
  CHECK(std::signbit(f32("min.f32 %r0, %r1, %r2;", 0.0f, -0.0f)));
  CHECK(f32("add.sat.f32 %r0, %r1, %r2;", 0.75f, 0.75f) == 1);
  CHECK(f32("copysign.f32 %r0, %r1, %r2;", -1, 5) == -5);
  CHECK(f32("mul.ftz.f32 %r0, %r1, %r2;", 0x1p-100f, 0x1p-30f) == 0);
  CHECK(f32("mul.f32 %r0, %r1, %r2;", 0x1p-100f, 0x1p-30f) == 0x1p-130f);
  CHECK(evaluate("testp.infinite.f32 %p0, %r1;", Result::P, {bits(-infinity)}) == 1);
}

TEST_CASE("emulator: partial warps compute like full ones") {
  // The full warp takes vector code, a part of it plain loops: same bits.
  std::vector<std::vector<uint64_t>> inputs;
  for (int i = 0; i < 32; ++i)
    inputs.push_back(
        {bits(float(std::sin(i) * 3)), bits(float(std::cos(i))), bits(0.1f * float(i))});
  auto full = evaluate("fma.rn.f32 %r0, %r1, %r2, %r3; cvt.rn.f16x2.f32 %r0, %r0, %r1;",
                       Result::R32, inputs);
  auto part = evaluate(
      "setp.gt.f32 %p1, %r2, 0f00000000; @%p1 fma.rn.f32 %r0, %r1, %r2, %r3; @!%p1 fma.rn.f32 %r0, "
      "%r1, %r2, %r3; @%p1 cvt.rn.f16x2.f32 %r0, %r0, %r1; @!%p1 cvt.rn.f16x2.f32 %r0, %r0, %r1;",
      Result::R32, inputs);
  CHECK(full == part);
}

TEST_CASE("emulator: f32 functions") {
  CHECK(f32("sqrt.rn.f32 %r0, %r1;", 2) == std::sqrt(2.0f));
  CHECK(f32("rsqrt.approx.f32 %r0, %r1;", 4) == 0.5f);
  CHECK(f32("rcp.approx.ftz.f32 %r0, %r1;", 8) == 0.125f);
  CHECK(f32("ex2.approx.ftz.f32 %r0, %r1;", 3) == 8);
  CHECK(f32("ex2.approx.f32 %r0, %r1;", -infinity) == 0);
  CHECK(f32("lg2.approx.f32 %r0, %r1;", 8) == 3);
  CHECK(f32("tanh.approx.f32 %r0, %r1;", 0.5f) == Approx(std::tanh(0.5)).epsilon(1e-5));
  CHECK(f32("sin.approx.f32 %r0, %r1;", 0.5f) == Approx(std::sin(0.5)).epsilon(1e-5));
  CHECK(f32("cos.approx.f32 %r0, %r1;", 0.5f) == Approx(std::cos(0.5)).epsilon(1e-5));
}

TEST_CASE("emulator: f64") {
  CHECK(evaluate("add.f64 %rd0, %rd1, %rd2;", Result::R64, {bits(1.0), bits(0x1p-50)}) ==
        bits(1 + 0x1p-50));
  CHECK(evaluate("fma.rn.f64 %rd0, %rd1, %rd1, 0dBFF0000000000000;", Result::R64, {bits(3.0)}) ==
        bits(8.0));
}

TEST_CASE("emulator: f16 and bf16 arithmetic rounds once") {
  CHECK(f16("add.rn.f16 %rs0, %rs1, %rs2;", 1, 0x1p-11f) == 1); // a tie, to even
  CHECK(f16("add.f16 %rs0, %rs1, %rs2;", 1, 0x1.8p-10f) == 1 + 0x1p-9f);
  CHECK(f16("mul.f16 %rs0, %rs1, %rs2;", 1.5f, -3) == -4.5f);
  CHECK(f16("sub.f16 %rs0, %rs1, %rs2;", 1.5f, 3) == -1.5f);
  CHECK(f16("fma.rn.f16 %rs0, %rs1, %rs2, %rs3;", 3, 5, 0.5f) == 15.5f);
  // 2048 + 1 + tiny: rounding the product first would give the tie 2049 -> 2048.
  CHECK(f16("fma.rn.f16 %rs0, %rs1, %rs2, %rs3;", 0x1p-14f, 0x1p-14f, 1 + 0x1p-10f) ==
        1 + 0x1p-10f);
  CHECK(f16("fma.rn.f16 %rs0, %rs1, %rs2, %rs3;", 1 + 0x1p-10f, 1 + 0x1p-10f, 0) == 1 + 0x1p-9f);
  CHECK(f16("neg.f16 %rs0, %rs1;", 2) == -2);
  CHECK(f16("min.f16 %rs0, %rs1, %rs2;", 2, -3) == -3);
  CHECK(f16("max.f16 %rs0, %rs1, %rs2;", notANumber, -3) == -3);
  CHECK(f16("ex2.approx.f16 %rs0, %rs1;", 3) == 8);
  CHECK(bf16("fma.rn.bf16 %rs0, %rs1, %rs2, %rs3;", 1.5f, 2, 1) == 4);
  CHECK(bf16("add.rn.bf16 %rs0, %rs1, %rs2;", 1, 0x1p-8f) == 1);
  uint64_t pair = evaluate("fma.rn.f16x2 %r0, %r1, %r2, %r3;", Result::R32,
                           {0x3c004000, 0x40004000, 0x3c003c00}); // {2,1}*{2,2}+{1,1}
  CHECK(pair == 0x42004500);                                      // low 5, high 3
  CHECK(evaluate("add.rn.bf16x2 %r0, %r1, %r2;", Result::R32, {0x3f803f80, 0x3f804000}) ==
        0x40004040);
}

TEST_CASE("emulator: float conversions") {
  CHECK(f32("cvt.rn.f16.f32 %rs0, %r1; cvt.f32.f16 %r0, %rs0;", 1.0f / 3) == 0x1.554p-2f);
  CHECK(evaluate("cvt.rn.f16.f32 %rs0, %r1;", Result::R16, {bits(65520.0f)}) == 0x7c00);
  CHECK(evaluate("cvt.rn.f16.f32 %rs0, %r1;", Result::R16, {bits(65519.0f)}) == 0x7bff);
  CHECK(evaluate("cvt.rn.f16.f32 %rs0, %r1;", Result::R16, {bits(0x1p-24f)}) == 1);
  CHECK(evaluate("cvt.rn.f16.f32 %rs0, %r1;", Result::R16, {bits(0x1p-25f)}) == 0); // tie to even
  CHECK(evaluate("cvt.rn.f16.f32 %rs0, %r1;", Result::R16, {bits(notANumber)}) == 0x7fff);
  CHECK(evaluate("cvt.rn.bf16.f32 %rs0, %r1;", Result::R16, {bits(1 + 0x1.8p-8f)}) == 0x3f81);
  CHECK(evaluate("cvt.f32.bf16 %r0, %rs1;", Result::R32, {0x4040}) == bits(3.0f));
  CHECK(evaluate("cvt.rn.f16x2.f32 %r0, %r1, %r2;", Result::R32, {bits(2.0f), bits(1.0f)}) ==
        0x40003c00); // first is high
  CHECK(evaluate("cvt.rn.bf16x2.f32 %r0, %r1, %r2;", Result::R32, {bits(2.0f), bits(1.0f)}) ==
        0x40003f80);
  CHECK(evaluate("cvt.rn.relu.f16x2.f32 %r0, %r1, %r2;", Result::R32, {bits(-2.0f), bits(1.0f)}) ==
        0x00003c00);
  for (auto [from, to] : std::initializer_list<std::pair<uint32_t, uint32_t>>{
           {0x3f801000, 0x3f802000}, // halfway: away from zero
           {0xbf801000, 0xbf802000},
           {0x3f800fff, 0x3f800000},
           {0x3f803000, 0x3f804000},
           {0x3fffffff, 0x40000000},
           {0x00001000, 0x00002000}, // subnormal
           {0x7f7fffff, 0x7f800000},
           {0xff800000, 0xff800000},
           {0x7f800001, 0x7fffffff}}) // a NaN stays one
    CHECK(evaluate("cvt.rna.tf32.f32 %r0, %r1;", Result::R32, {from}) == to);
  CHECK(f32("cvt.rni.f32.f32 %r0, %r1;", 2.5f) == 2);
  CHECK(f32("cvt.rpi.f32.f32 %r0, %r1;", 2.1f) == 3);
  CHECK(evaluate("cvt.rn.f32.f64 %r0, %rd1;", Result::R32, {bits(1 + 0x1p-24)}) == bits(1.0f));
  CHECK(evaluate("cvt.rp.f32.f64 %r0, %rd1;", Result::R32, {bits(1 + 0x1p-24)}) ==
        bits(1 + 0x1p-23f));
}

TEST_CASE("emulator: conversions between integers and floats") {
  auto i32 = [](const char *code, float a) {
    return int32_t(evaluate(code, Result::R32, {bits(a)}));
  };
  CHECK(i32("cvt.rzi.s32.f32 %r0, %r1;", -2.9f) == -2);
  CHECK(i32("cvt.rni.s32.f32 %r0, %r1;", 2.5f) == 2);
  CHECK(i32("cvt.rmi.s32.f32 %r0, %r1;", -2.1f) == -3);
  CHECK(i32("cvt.rzi.s32.f32 %r0, %r1;", 1e20f) == 0x7fffffff);
  CHECK(i32("cvt.rzi.u32.f32 %r0, %r1;", -5) == 0);
  CHECK(i32("cvt.rzi.s32.f32 %r0, %r1;", notANumber) == 0);
  CHECK(evaluate("cvt.rn.f32.u32 %r0, %r1;", Result::R32, {0xffffffff}) == bits(4294967296.0f));
  CHECK(evaluate("cvt.rz.f32.u32 %r0, %r1;", Result::R32, {0xffffffff}) == bits(4294967040.0f));
  CHECK(evaluate("cvt.rn.f32.s32 %r0, %r1;", Result::R32, {uint32_t(-3)}) == bits(-3.0f));
  CHECK(evaluate("cvt.rn.f16.s32 %rs0, %r1;", Result::R16, {2049}) == 0x6800);
  CHECK(evaluate("cvt.rn.f32.u64 %r0, %rd1;", Result::R32, {~0ull}) == bits(0x1p64f));
  CHECK(evaluate("cvt.s64.s32 %rd0, %r1;", Result::R64, {uint32_t(-1)}) == ~0ull);
  CHECK(evaluate("cvt.u64.u32 %rd0, %r1;", Result::R64, {0xffffffff}) == 0xffffffff);
  CHECK(evaluate("cvt.s32.s8 %r0, %r1;", Result::R32, {0x180}) == 0xffffff80);
  CHECK(evaluate("cvt.u32.u16 %r0, %rs1;", Result::R32, {0x12345678}) == 0x5678);
  CHECK(evaluate("cvt.sat.u8.s32 %r0, %r1;", Result::R32, {300}) == 255);
  CHECK(evaluate("cvt.sat.s8.s32 %r0, %r1;", Result::R32, {uint32_t(-300)}) == 0xffffff80);
}

TEST_CASE("emulator: float comparisons know NaN") {
  auto p = [](const char *code, float a, float b) {
    return evaluate(code, Result::P, {bits(a), bits(b)});
  };
  CHECK(p("setp.lt.f32 %p0, %r1, %r2;", 1, 2) == 1);
  CHECK(p("setp.lt.f32 %p0, %r1, %r2;", notANumber, 2) == 0);
  CHECK(p("setp.ltu.f32 %p0, %r1, %r2;", notANumber, 2) == 1);
  CHECK(p("setp.ne.f32 %p0, %r1, %r2;", notANumber, notANumber) == 0);
  CHECK(p("setp.neu.f32 %p0, %r1, %r2;", notANumber, notANumber) == 1);
  CHECK(p("setp.equ.f32 %p0, %r1, %r2;", 1, 2) == 0);
  CHECK(p("setp.nan.f32 %p0, %r1, %r2;", 1, notANumber) == 1);
  CHECK(p("setp.num.f32 %p0, %r1, %r2;", 1, notANumber) == 0);
  CHECK(evaluate("setp.gt.f16 %p0, %rs1, %rs2;", Result::P, {0x4000, 0x3c00}) == 1);
  CHECK(evaluate("setp.leu.bf16 %p0, %rs1, %rs2;", Result::P, {0x4000, 0x3f80}) == 0);
}

TEST_CASE("emulator: every half survives the way through float") {
  for (uint32_t h = 0; h < 0x10000; ++h) {
    float f = halfToFloat(uint16_t(h));
    if (std::isnan(f))
      continue;
    REQUIRE(floatToHalf(f) == h);
    REQUIRE(doubleToHalf(double(f)) == h);
  }
}
