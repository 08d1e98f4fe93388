//===- EmulatorTesting.h - Small kernels for the emulator's tests ---------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A Rig is a device of its own: memory, a module, launches with their findings. `evaluate` runs a
// few instructions on 32 lanes whose inputs and results are 64-bit words.
//
//===----------------------------------------------------------------------===//

#ifndef VITC_TEST_UNIT_EMULATORTESTING_H
#define VITC_TEST_UNIT_EMULATORTESTING_H

#include "Half.h"
#include "Launch.h"
#include "Warp.h"

#include <bit>
#include <catch2/catch.hpp>

namespace vitc::emu::testing {

inline const char *const prologue = ".version 8.4\n.target sm_89\n.address_size 64\n";

class Rig {
public:
  /// One host thread: a kernel with a planted race would race on the host's memory too, which is
  /// not what ThreadSanitizer is asked about here.
  Rig() { options.threads = 1; }

  GlobalMemory memory{1ull << 30};
  Options options;
  LaunchResult result;
  std::unique_ptr<Module> module;

  /// Loads `text` behind the prologue; fails the test if it is refused.
  void load(const std::string &text) {
    PtxError error;
    module = Module::load(prologue + text, memory, error);
    INFO("line " << error.line << ": " << error.text);
    REQUIRE(module);
  }

  uint64_t buffer(uint64_t bytes) { return memory.allocate(bytes)->address(); }
  template <class T> uint64_t upload(const std::vector<T> &values) {
    Allocation *a = memory.allocate(values.size() * sizeof(T));
    memcpy(a->base, values.data(), a->size);
    memset(a->written.get(), 1, a->size);
    return a->address();
  }
  template <class T> std::vector<T> download(uint64_t ptr, size_t count) const {
    std::vector<T> values(count);
    memcpy(values.data(), reinterpret_cast<const void *>(ptr), count * sizeof(T));
    return values;
  }

  template <class... Args>
  const LaunchResult &run(const char *kernel, const Geometry &geometry, Args... args) {
    const Function *function = module->find(kernel);
    REQUIRE(function);
    std::vector<uint8_t> parameters(function->parameterBytes);
    size_t n = 0;
    (put(*function, parameters, n, args), ...);
    REQUIRE(n == function->parameters.size());
    result = launch(*module, *function, geometry, parameters, options);
    return result;
  }

  /// "kernel:line:thread: kind", the part of the first finding that tests speak of; "" if none.
  std::string first() const {
    if (result.findings.empty())
      return "";
    const Finding &f = result.findings[0];
    return f.kernel + ":" + std::to_string(f.line) + ":" + f.thread + ": " + nameOf(f.kind);
  }
  bool found(Kind kind) const {
    for (const Finding &f : result.findings)
      if (f.kind == kind)
        return true;
    return false;
  }

private:
  template <class T>
  static void put(const Function &f, std::vector<uint8_t> &out, size_t &n, T value) {
    REQUIRE(n < f.parameters.size());
    REQUIRE(f.parameters[n].bytes == sizeof(T));
    memcpy(out.data() + f.parameters[n++].offset, &value, sizeof(T));
  }
};

inline Geometry grid(uint32_t ctas, uint32_t threads, uint32_t dynamicShared = 0) {
  Geometry g;
  g.grid[0] = ctas;
  g.block[0] = threads;
  g.dynamicShared = dynamicShared;
  return g;
}

enum class Result { R64, R32, R16, P };

/// Runs `code` with up to four inputs per lane, which it finds as %rd1..4, %r1..4 and %rs1..4 (low
/// bits); it leaves its result in %rd0, %r0, %rs0 or %p0. Lanes beyond the inputs repeat the last.
inline std::vector<uint64_t> evaluate(const std::string &code, Result kind,
                                      std::vector<std::vector<uint64_t>> inputs) {
  std::string text = R"(.visible .entry k(.param .u64 in, .param .u64 out)
{
  .reg .pred %p<8>; .reg .b16 %rs<16>; .reg .b32 %r<32>; .reg .b64 %rd<32>;
  ld.param.u64 %rd30, [in];
  ld.param.u64 %rd31, [out];
  mov.u32 %r30, %laneid;
  mul.wide.u32 %rd29, %r30, 32;
  add.s64 %rd30, %rd30, %rd29;
  mul.wide.u32 %rd29, %r30, 8;
  add.s64 %rd31, %rd31, %rd29;
  ld.global.v2.b64 {%rd1, %rd2}, [%rd30];
  ld.global.v2.b64 {%rd3, %rd4}, [%rd30+16];
)";
  for (int i = 1; i <= 4; ++i) {
    std::string n = std::to_string(i);
    text += "  cvt.u32.u64 %r" + n + ", %rd" + n + ";\n  cvt.u16.u64 %rs" + n + ", %rd" + n + ";\n";
  }
  text += code;
  if (kind == Result::R32)
    text += "\n  cvt.u64.u32 %rd0, %r0;";
  if (kind == Result::R16)
    text += "\n  cvt.u64.u16 %rd0, %rs0;";
  if (kind == Result::P)
    text += "\n  selp.b64 %rd0, 1, 0, %p0;";
  text += "\n  st.global.b64 [%rd31], %rd0;\n  ret;\n}\n";
  size_t count = inputs.size();
  REQUIRE(count >= 1);
  REQUIRE(count <= 32);
  std::vector<uint64_t> words;
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i) {
      const auto &row = inputs[std::min<size_t>(lane, count - 1)];
      words.push_back(i < row.size() ? row[i] : 0);
    }
  Rig rig;
  rig.load(text);
  uint64_t in = rig.upload(words), out = rig.buffer(256);
  rig.run("k", grid(1, 32), in, out);
  INFO(code);
  CHECK(rig.first() == "");
  std::vector<uint64_t> all = rig.download<uint64_t>(out, 32);
  all.resize(count);
  return all;
}

inline uint64_t evaluate(const std::string &code, Result kind,
                         std::initializer_list<uint64_t> inputs) {
  return evaluate(code, kind, std::vector<std::vector<uint64_t>>{std::vector<uint64_t>(inputs)})[0];
}
inline uint64_t bits(float v) { return std::bit_cast<uint32_t>(v); }
inline uint64_t bits(double v) { return std::bit_cast<uint64_t>(v); }
inline float asFloat(uint64_t v) { return std::bit_cast<float>(uint32_t(v)); }

/// Replaces every `from`; fails the test if there is none.
inline std::string edited(std::string text, const std::string &from, const std::string &to) {
  size_t at = text.find(from);
  INFO("'" << from << "'");
  REQUIRE(at != std::string::npos);
  for (; at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

} // namespace vitc::emu::testing

#endif // VITC_TEST_UNIT_EMULATORTESTING_H
