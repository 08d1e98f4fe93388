//===- MatrixTest.cpp - ldmatrix and mma against plain loops ----------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "EmulatorTesting.h"

#include <cmath>

using namespace vitc::emu;
using namespace vitc::emu::testing;

namespace {

float load(bool bfloat, uint16_t v) { return bfloat ? bfloatToFloat(v) : halfToFloat(v); }
uint16_t store(bool bfloat, float v) { return bfloat ? floatToBfloat(v) : floatToHalf(v); }

/// One mma on fragments that are loaded word by word: lane l finds its words at [in + (32*i + l) *
/// 4].
std::string mmaKernel(const std::string &opcode, int na, int nb, int nc, char sums) {
  std::string text = ".visible .entry k(.param .u64 in, .param .u64 out)\n{\n.reg .b32 %a<8>; .reg "
                     ".b32 %b<4>; .reg .b32 "
                     "%c<8>; .reg .b32 %d<8>; .reg .b64 %rd<8>; .reg .b32 %r<4>;\n"
                     "ld.param.u64 %rd1, [in]; ld.param.u64 %rd2, [out];\nmov.u32 %r1, %laneid; "
                     "mul.wide.u32 %rd3, %r1, 4;\n"
                     "add.s64 %rd1, %rd1, %rd3; add.s64 %rd2, %rd2, %rd3;\n";
  auto list = [](char c, int n) {
    std::string s = "{";
    for (int i = 0; i < n; ++i)
      s += (i ? ", %" : "%") + std::string(1, c) + std::to_string(i);
    return s + "}";
  };
  int at = 0;
  for (auto [c, n] : {std::pair{'a', na}, {'b', nb}, {'c', nc}})
    for (int i = 0; i < n; ++i)
      text += "ld.global.b32 %" + std::string(1, c) + std::to_string(i) + ", [%rd1+" +
              std::to_string(128 * at++) + "];\n";
  text += opcode + " " + list('d', nc) + ", " + list('a', na) + ", " + list('b', nb) + ", " +
          list('c', nc) + ";\n";
  for (int i = 0; i < nc; ++i)
    text += "st.global.b32 [%rd2+" + std::to_string(128 * i) + "], %d" + std::to_string(i) + ";\n";
  (void)sums;
  return text + "ret;\n}\n";
}

/// The PTX manual's layouts of m16n8k{8,16} with 16-bit operands.
void checkMma(bool bfloat, unsigned k, bool halfSums) {
  unsigned na = k / 4, nb = k / 8, nc = halfSums ? 2 : 4;
  std::string type = bfloat ? "bf16" : "f16", sums = halfSums ? "f16" : "f32";
  std::string opcode = "mma.sync.aligned.m16n8k" + std::to_string(k) + ".row.col." + sums + "." +
                       type + "." + type + "." + sums;
  float a[16][16], b[16][8], c[16][8];
  std::vector<uint32_t> words((na + nb + nc) * 32, 0);
  auto value = [&](unsigned n) { return float(int(n * 37 % 41) - 20) / 16; };
  auto put = [&](unsigned slot, unsigned lane, unsigned part, float v) {
    words[slot * 32 + lane] |= uint32_t(store(bfloat, v)) << (16 * part);
  };
  for (unsigned lane = 0; lane < 32; ++lane) {
    unsigned group = lane / 4, pair = lane % 4 * 2;
    for (unsigned i = 0; i < 2 * na;
         ++i) { // a[i]: row + 8 for odd pairs, column + 8 for the second half
      unsigned row = group + (i / 2 % 2) * 8, column = pair + i % 2 + (i / 4) * 8;
      a[row][column] = value(row * 16 + column);
      put(i / 2, lane, i % 2, a[row][column]);
    }
    for (unsigned i = 0; i < 2 * nb; ++i) {
      unsigned row = pair + i % 2 + i / 2 * 8;
      b[row][group] = value(1000 + row * 8 + group);
      put(na + i / 2, lane, i % 2, b[row][group]);
    }
    for (unsigned i = 0; i < 4; ++i) {
      unsigned row = group + i / 2 * 8, column = pair + i % 2;
      c[row][column] = value(2000 + row * 8 + column);
      if (halfSums)
        put(na + nb + i / 2, lane, i % 2, c[row][column]);
      else
        words[(na + nb + i) * 32 + lane] = std::bit_cast<uint32_t>(c[row][column]);
    }
  }
  Rig rig;
  rig.load(mmaKernel(opcode, int(na), int(nb), int(nc), 'f'));
  uint64_t in = rig.upload(words), out = rig.buffer(nc * 128);
  rig.run("k", grid(1, 32), in, out);
  INFO(opcode);
  REQUIRE(rig.first() == "");
  auto d = rig.download<uint32_t>(out, nc * 32);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i) {
      unsigned row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      double sum = c[row][column];
      for (unsigned n = 0; n < k; ++n)
        sum += double(a[row][n]) * b[n][column];
      float found = halfSums ? load(bfloat, uint16_t(d[i / 2 * 32 + lane] >> (16 * (i % 2))))
                             : std::bit_cast<float>(d[i * 32 + lane]);
      REQUIRE(found == Approx(sum).margin(halfSums ? 0.02 : 1e-5));
    }
}

} // namespace

TEST_CASE("emulator: mma of every type and shape") {
  for (bool bfloat : {false, true})
    for (unsigned k : {8u, 16u})
      checkMma(bfloat, k, false);
  checkMma(false, 16, true);
  checkMma(false, 8, true);
}

TEST_CASE("emulator: mma on tf32") {
  // Identity times B: D is B's rows 0..7 (then zero), cut to 10 bits of fraction.
  std::vector<uint32_t> words((4 + 2 + 4) * 32, 0);
  auto b = [](unsigned row, unsigned column) { return float(row) + float(column) / 16; };
  for (unsigned lane = 0; lane < 32; ++lane) {
    unsigned group = lane / 4, column = lane % 4;
    words[0 * 32 + lane] = std::bit_cast<uint32_t>(group == column ? 1.0f : 0.0f);
    words[2 * 32 + lane] = std::bit_cast<uint32_t>(group == column + 4 ? 1.0f : 0.0f);
    words[4 * 32 + lane] =
        std::bit_cast<uint32_t>(b(column, group)) | (b(column, group) != 0 ? 0x1fffu : 0u);
    words[5 * 32 + lane] = std::bit_cast<uint32_t>(b(column + 4, group));
  }
  Rig rig;
  rig.load(mmaKernel("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32", 4, 2, 4, 'f'));
  uint64_t in = rig.upload(words), out = rig.buffer(512);
  rig.run("k", grid(1, 32), in, out);
  REQUIRE(rig.first() == "");
  auto d = rig.download<float>(out, 128);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i)
      REQUIRE(d[i * 32 + lane] == (i < 2 ? b(lane / 4, lane % 4 * 2 + i) : 0.0f));
}

TEST_CASE("emulator: ldmatrix, plain and transposed") {
  for (unsigned count : {1u, 2u, 4u})
    for (bool trans : {false, true}) {
      std::string registers = count == 1   ? "{%r4}"
                              : count == 2 ? "{%r4, %r5}"
                                           : "{%r4, %r5, %r6, %r7}";
      std::string text =
          ".visible .entry k(.param .u64 out)\n{\n.reg .b32 %r<12>; .reg .b16 %h<4>; .reg .b64 "
          "%rd<4>; "
          ".shared .align 16 .b8 s[1024];\nld.param.u64 %rd1, [out];\nmov.u32 %r1, %tid.x;\n";
      // Element e of shared memory holds e; thread t fills 16 of them.
      text += "mov.u32 %r2, s;\nmad.lo.u32 %r2, %r1, 32, %r2;\nshl.b32 %r3, %r1, 4;\n";
      for (int i = 0; i < 16; ++i)
        text += "cvt.u16.u32 %h1, %r3;\nst.shared.u16 [%r2+" + std::to_string(2 * i) +
                "], %h1;\nadd.u32 %r3, %r3, 1;\n";
      text += "bar.warp.sync -1;\nmov.u32 %r2, s;\nmad.lo.u32 %r2, %r1, 16, %r2;\n";
      text += "ldmatrix.sync.aligned.m8n8.x" + std::to_string(count) + (trans ? ".trans" : "") +
              ".shared.b16 " + registers +
              ", [%r2];\nmul.wide.u32 %rd2, %r1, 4;\nadd.s64 %rd1, %rd1, %rd2;\n";
      for (unsigned i = 0; i < count; ++i)
        text += "st.global.b32 [%rd1+" + std::to_string(128 * i) + "], %r" + std::to_string(4 + i) +
                ";\n";
      Rig rig;
      rig.load(text + "ret;\n}\n");
      uint64_t out = rig.buffer(512);
      rig.run("k", grid(1, 32), out);
      INFO(count << trans);
      REQUIRE(rig.first() == "");
      auto words = rig.download<uint32_t>(out, 128);
      for (unsigned m = 0; m < count; ++m)
        for (unsigned lane = 0; lane < 32; ++lane)
          for (unsigned part = 0; part < 2; ++part) {
            unsigned row = lane / 4, column = lane % 4 * 2 + part;
            unsigned expected = m * 64 + (trans ? column * 8 + row : row * 8 + column);
            REQUIRE((words[m * 32 + lane] >> (16 * part) & 0xffff) == expected);
          }
    }
}

TEST_CASE("emulator: ldmatrix after a store needs a barrier of the warp") {
  std::string text =
      ".visible .entry k()\n{\n.reg .b32 %r<8>; .shared .align 16 .b8 s[512];\nmov.u32 %r1, "
      "%tid.x;\n"
      "mov.u32 %r2, s;\nmad.lo.u32 %r2, %r1, 16, %r2;\nst.shared.v4.b32 [%r2], {%r1, %r1, %r1, "
      "%r1};\n"
      "bar.warp.sync -1;\n"
      "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r4, %r5, %r6, %r7}, [%r2];\nret;\n}\n";
  Rig rig;
  rig.load(text);
  rig.run("k", grid(1, 32));
  CHECK(rig.first() == "");
  rig.load(edited(text, "bar.warp.sync -1;\n", ""));
  rig.run("k", grid(1, 32));
  CHECK(rig.found(Kind::Race));
}
