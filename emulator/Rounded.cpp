//===- Rounded.cpp - f32 and f64 arithmetic with a directed rounding --------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// `.rz`, `.rm` and `.rp`: the host's rounding mode is set around one warp's instruction. This file
// is compiled with -frounding-math, and operands pass through memory that the compiler cannot look
// into, so that nothing is computed outside.
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"

#include <cfenv>
#include <cmath>
#include <limits>

namespace vitc::emu {
namespace {

class RoundingScope {
public:
  explicit RoundingScope(int mode) : before(std::fegetround()) { std::fesetround(mode); }
  ~RoundingScope() { std::fesetround(before); }
  RoundingScope(const RoundingScope &) = delete;
  RoundingScope &operator=(const RoundingScope &) = delete;

private:
  int before;
};

template <class T> T opaque(T value) {
  asm volatile("" : "+m"(value));
  return value;
}

template <class T> T flush(T a) {
  return std::fabs(a) < std::numeric_limits<T>::min() ? std::copysign(T(0), a) : a;
}

enum Flags : uint8_t { Ftz = 1, Sat = 2 }; ///< in Inst::flags2; the host's mode is imm

template <class T> T apply(char op, T a, T b, T c) {
  switch (op) {
  case '+':
    return a + b;
  case '-':
    return a - b;
  case '*':
    return a * b;
  case '/':
    return a / b;
  case 'f':
    return std::fma(a, b, c);
  case 's':
    return std::sqrt(a);
  default:
    return T(1) / a;
  }
}

template <class T, char op> void run(Warp &w, const Inst &i, uint32_t mask) {
  RoundingScope scope(int(i.imm));
  uint32_t b = i.ops[i.opCount > 2 ? 2 : 1], c = i.ops[i.opCount > 3 ? 3 : 1];
  bool ftz = i.flags2 & Ftz;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = unsigned(std::countr_zero(rest));
    T x = w.get<T>(i.ops[1], l), y = w.get<T>(b, l), z = w.get<T>(c, l);
    if (ftz)
      x = flush(x), y = flush(y), z = flush(z);
    T result = opaque(apply<T>(op, opaque(x), opaque(y), opaque(z)));
    if (ftz)
      result = flush(result);
    if (i.flags2 & Sat)
      result = result > 0 ? (result < 1 ? result : T(1)) : T(0);
    w.set<T>(i.ops[0], l, result);
  }
}

template <class T> Handler pick(std::string_view op) {
  static const std::unordered_map<std::string_view, Handler> handlers = {
      {"add", run<T, '+'>}, {"sub", run<T, '-'>},  {"mul", run<T, '*'>}, {"div", run<T, '/'>},
      {"fma", run<T, 'f'>}, {"sqrt", run<T, 's'>}, {"rcp", run<T, 'r'>}};
  auto it = handlers.find(op);
  return it == handlers.end() ? nullptr : it->second;
}

} // namespace

bool takeDirected(Decoder &d, int &mode) {
  mode = d.take("rz") ? FE_TOWARDZERO : d.take("rm") ? FE_DOWNWARD : d.take("rp") ? FE_UPWARD : -1;
  return mode >= 0;
}

Handler decodeRounded(Decoder &d, std::string_view op, Type type, int mode, bool ftz, bool sat) {
  if ((ftz || sat) && type != Type::F32)
    return d.refuse("'.ftz' and '.sat' are for .f32");
  d.inst->imm = mode;
  d.inst->flags2 = uint8_t((ftz ? Ftz : 0) | (sat ? Sat : 0));
  Handler handler = type == Type::F32 ? pick<float>(op) : pick<double>(op);
  return handler ? handler : d.refuse("a rounding is not supported here");
}

} // namespace vitc::emu
