//===- Arithmetic.cpp - Instructions on numbers --------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "../Foreign.h"
#include "../Numbers.h"

#include <algorithm>
#include <bit>
#include <cfenv>

using namespace foreign;

namespace {

// As the device counts them: 32 for zero, and 0 for no bit.
int clz32(uint32_t v) { return v ? __builtin_clz(v) : 32; }

/// The n-th set bit of `mask` from `base` up.
uint32_t nthSet(uint32_t mask, int base, int n) {
  for (int bit = base; bit < 32; ++bit)
    if (mask >> bit & 1 && --n == 0)
      return uint32_t(bit);
  return 0xffffffffu;
}

} // namespace

FOREIGN(warp_ops) {
  auto x = c.random<uint32_t>(32, 0, 1500);
  const int n = 13;
  auto out = c.output<uint32_t>(32 * 16);
  c.launch("warp_ops", {1}, {32}, c.input(x), out, n);
  uint32_t odd = 0, sum = 0, most = 0, mixed = 0, least = ~0u;
  bool any = false, all = true;
  for (int l = 0; l < 32; ++l) {
    odd |= (x[l] & 1) << l, sum += x[l], most = std::max(most, x[l]), mixed ^= x[l];
    any |= x[l] > 1000, all &= x[l] < 1000;
    if (l < n)
      least = std::min(least, x[l]);
  }
  auto matching = [&](auto &&key) {
    return each(32, [&](size_t l) {
      uint32_t same = 0;
      for (int o = 0; o < 32; ++o)
        same |= uint32_t(key(o) == key(l)) << o;
      return same;
    });
  };
  auto byFive = matching([&](size_t l) { return x[l] % 5; });
  auto quarters = matching([&](size_t l) { return l & 3; });
  std::vector<uint32_t> wanted;
  for (uint32_t l = 0; l < 32; ++l) {
    std::vector<uint32_t> row = {x[(l * 7 + 3) % 32],
                                 l % 8 >= 3 ? x[l - 3] : x[l],
                                 l % 16 + 5 < 16 ? x[l + 5] : x[l],
                                 x[l ^ 9],
                                 odd,
                                 any * 2u + all,
                                 byFive[l],
                                 ~0u,
                                 1,
                                 sum,
                                 most - 500,
                                 mixed,
                                 l < n ? (1u << n) - 1 : 0,
                                 l < n ? x[0] + least : 0,
                                 x[l ^ 16],
                                 uint32_t(std::popcount(quarters[l])) + nthSet(x[l], 4, 2)};
    wanted.insert(wanted.end(), row.begin(), row.end());
  }
  c.expect(out, wanted);
}

FOREIGN(math_float) {
  const int n = 200, count = 20;
  auto x = c.random<float>(n, -3, 3);
  auto out = c.output<float>(n * count);
  c.launch("math_float", {2}, {128}, c.input(x), out, n);
  std::vector<float> wanted;
  for (double v : x)
    for (double r : {std::sin(v),         std::cos(3 * v),
                     std::tan(v),         std::exp(v),
                     std::exp2(v),        std::log(v * v + 1),
                     std::log2(2 + v),    std::pow(v * v, v),
                     std::tanh(v),        std::erf(v),
                     std::fabs(v),        1 / std::sqrt(2 + v),
                     std::cbrt(v),        std::atan2(v, 2),
                     std::asin(v / 4),    double(std::fmod(float(v), 0.3f)),
                     std::floor(v),       std::rint(v),
                     std::copysign(2, v), std::hypot(v, 1)})
      wanted.push_back(float(r));
  c.expect(out, wanted, 3e-6);
}

FOREIGN(math_double) {
  const int n = 100, count = 10;
  auto x = c.random<double>(n, -3, 3);
  auto out = c.output<double>(n * count), sum = c.zeros<double>(1);
  c.launch("math_double", {2}, {64}, c.input(x), out, sum, n);
  std::vector<double> wanted;
  double total = 0;
  for (double v : x) {
    total += v;
    for (double r : {std::sin(v), std::exp(v), std::log(v * v + 1), v / (v * v + 3),
                     std::sqrt(v * v + 2), std::cbrt(v), 1 / std::sqrt(v * v + 1),
                     std::floor(v * 10), std::fma(v, v, -v), std::tanh(v)})
      wanted.push_back(r);
  }
  c.expect(out, wanted, 1e-14);
  c.expect(sum, std::vector<double>{total}, 1e-12);
}

namespace {

const int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};

/// What `f` computes under each mode of the host; operands and results pass through memory.
template <class F> void underEachMode(F &&f) {
  for (int mode : modes) {
    std::fesetround(mode);
    f();
  }
  std::fesetround(FE_TONEAREST);
}

template <class T> void roundedOperations(Case &c, const char *kernel) {
  auto x = c.random<T>(32, 0.5, 3), y = c.random<T>(32, 0.5, 3);
  auto out = c.output<T>(32 * 28);
  c.launch(kernel, {1}, {32}, c.input(x), c.input(y), out);
  std::vector<T> wanted;
  for (int i = 0; i < 32; ++i) {
    volatile T a = x[i], b = y[i], one = 1;
    auto four = [&](auto &&f) {
      underEachMode([&] {
        volatile T r = f();
        wanted.push_back(+r);
      });
    };
    four([&] { return T(a + b); });
    four([&] { return T(a - b); });
    four([&] { return T(a * b); });
    four([&] { return T(a / b); });
    four([&] { return T(std::fma(T(a), T(b), T(b))); });
    four([&] { return T(std::sqrt(T(a))); });
    four([&] { return T(one / b); });
  }
  c.expect(out, wanted);
}

/// To f16 by a mode, as its magnitudes are in the order of their bits.
uint16_t toHalf(double v, int mode) {
  unsigned nearest = encode(half, v);
  double back = decode(half, nearest);
  if (mode == FE_TONEAREST || back == v)
    return uint16_t(nearest);
  bool down = mode == FE_DOWNWARD || (mode == FE_TOWARDZERO && v > 0);
  if (down == (back < v))
    return uint16_t(nearest);
  return uint16_t((v < 0) == down ? nearest + 1 : nearest - 1);
}

} // namespace

FOREIGN(rounding) {
  roundedOperations<float>(c, "round_float");
  roundedOperations<double>(c, "round_double");
  auto x = c.random<double>(32, -300, 300);
  auto n = c.random<int64_t>(32, -9e18, 9e18);
  auto floats = c.output<float>(32 * 12), doubles = c.output<double>(32 * 4);
  auto integers = c.output<int>(32 * 8);
  auto halves = c.output<uint16_t>(32 * 4);
  c.launch("round_convert", {1}, {32}, c.input(x), c.input(n), floats, integers, halves, doubles);
  std::vector<float> wantedFloats;
  std::vector<int> wantedIntegers;
  std::vector<uint16_t> wantedHalves;
  std::vector<double> wantedDoubles;
  for (int i = 0; i < 32; ++i) {
    volatile double v = x[i];
    volatile float f = float(v);
    volatile int64_t s = n[i];
    volatile uint64_t u = uint64_t(n[i]);
    underEachMode([&] {
      volatile float r = float(v);
      wantedFloats.push_back(+r);
    });
    underEachMode([&] {
      volatile float r = float(s);
      wantedFloats.push_back(+r);
    });
    for (int mode : modes) { // uint64_t in two steps would round twice
      __int128 exact = __int128(u);
      float r = float(u);
      bool down = mode != FE_TONEAREST && mode != FE_UPWARD;
      if (down && __int128(r) > exact)
        r = std::nextafter(r, 0.0f);
      if (mode == FE_UPWARD && __int128(r) < exact)
        r = std::nextafter(r, INFINITY);
      wantedFloats.push_back(+r);
    }
    underEachMode([&] { wantedIntegers.push_back(int(std::lrint(v))); });
    underEachMode([&] { wantedIntegers.push_back(int(std::lrint(f))); });
    underEachMode([&] {
      volatile double r = double(s);
      wantedDoubles.push_back(+r);
    });
    for (int mode : modes)
      wantedHalves.push_back(toHalf(f, mode));
  }
  c.expect(floats, wantedFloats);
  c.expect(integers, wantedIntegers);
  c.expect(halves, wantedHalves);
  c.expect(doubles, wantedDoubles);
}

FOREIGN(integers64) {
  auto x = c.random<int64_t>(32, -9e18, 9e18), y = c.random<int64_t>(32, -1e12, 1e12);
  auto out = c.output<int64_t>(32 * 14);
  c.launch("integers64", {1}, {32}, c.input(x), c.input(y), out);
  std::vector<int64_t> wanted;
  for (unsigned i = 0; i < 32; ++i) {
    int64_t a = x[i], b = y[i];
    uint64_t u = uint64_t(a), v = uint64_t(b), reversed = 0;
    for (int bit = 0; bit < 64; ++bit)
      reversed |= (u >> bit & 1) << (63 - bit);
    uint64_t modulus = 0xffffffffffffffc5ull, base = u % 1000003, power = 1;
    for (unsigned e = i + 5; e; e >>= 1) {
      if (e & 1)
        power = uint64_t((unsigned __int128)power * base >> 3) % modulus;
      base = uint64_t((unsigned __int128)base * base >> 3) % modulus;
    }
    for (uint64_t r :
         {uint64_t(a / b), uint64_t(a % b), u / v, u % v, uint64_t(__int128(a) * b >> 64),
          uint64_t((unsigned __int128)u * v >> 64), u * v,
          uint64_t((u ? __builtin_clzll(u) : 64) * 100 + __builtin_popcountll(v)), reversed,
          uint64_t(__builtin_ffsll(b)), uint64_t(a >> (b & 63)), u >> (v & 63), u << (b & 63),
          power})
      wanted.push_back(int64_t(r));
  }
  c.expect(out, wanted);
}

FOREIGN(bignum) {
  auto x = c.random<uint32_t>(32 * 8, 0, 4294967295.0),
       y = c.random<uint32_t>(32 * 8, 0, 4294967295.0);
  for (int k = 0; k < 8; ++k) // carries all the way
    x[k] = 0xffffffffu, y[k] = k == 0;
  auto sum = c.output<uint32_t>(32 * 9), difference = c.output<uint32_t>(32 * 9),
       product = c.output<uint32_t>(32 * 16);
  c.launch("bignum", {1}, {32}, c.input(x), c.input(y), sum, difference, product);
  std::vector<uint32_t> sums, differences, products;
  for (int i = 0; i < 32; ++i) {
    const uint32_t *a = &x[i * 8], *b = &y[i * 8];
    uint64_t carry = 0, borrow = 0;
    for (int k = 0; k < 8; ++k) {
      carry += uint64_t(a[k]) + b[k];
      sums.push_back(uint32_t(carry));
      carry >>= 32;
      uint64_t d = uint64_t(a[k]) - b[k] - borrow;
      differences.push_back(uint32_t(d));
      borrow = d >> 63;
    }
    sums.push_back(uint32_t(carry));
    differences.push_back(uint32_t(-int64_t(borrow)));
    std::vector<uint32_t> p(16);
    for (int j = 0; j < 8; ++j) {
      uint64_t high = 0;
      for (int k = 0; k < 8; ++k) {
        high += uint64_t(a[k]) * b[j] + p[j + k];
        p[j + k] = uint32_t(high);
        high >>= 32;
      }
      p[j + 8] = uint32_t(high);
    }
    products.insert(products.end(), p.begin(), p.end());
  }
  c.expect(sum, sums);
  c.expect(difference, differences);
  c.expect(product, products);
}

FOREIGN(bit_tricks) {
  auto x = c.random<int32_t>(32, -2147483648.0, 2147483647.0),
       y = c.random<int32_t>(32, -2147483648.0, 2147483647.0);
  auto out = c.output<int32_t>(32 * 20);
  c.launch("bit_tricks", {1}, {32}, c.input(x), c.input(y), out);
  std::vector<int32_t> wanted;
  for (int i = 0; i < 32; ++i) {
    int64_t a = x[i], b = y[i];
    uint64_t u = uint32_t(a), v = uint32_t(b), both = v << 32 | u;
    auto s8 = [](uint64_t w, int k) { return int64_t(int8_t(w >> (8 * k))); };
    auto u8 = [](uint64_t w, int k) { return int64_t(w >> (8 * k) & 255); };
    auto s16 = [](uint64_t w, int k) { return int64_t(int16_t(w >> (16 * k))); };
    auto u16 = [](uint64_t w, int k) { return int64_t(w >> (16 * k) & 65535); };
    int64_t dots[] = {5, 7, 3, 9}, apart = 0;
    for (int k = 0; k < 4; ++k) {
      dots[0] += s8(u, k) * s8(v, k), dots[1] += u8(u, k) * u8(v, k);
      apart |= std::abs(u8(u, k) - u8(v, k)) << (8 * k);
    }
    for (int k = 0; k < 2; ++k)
      dots[2] += s16(u, k) * s8(v, k), dots[3] += u16(u, k) * u8(v, k + 2);
    uint32_t reversed = 0;
    for (int bit = 0; bit < 32; ++bit)
      reversed |= uint32_t(u >> bit & 1) << (31 - bit);
    auto signed24 = [](int64_t w) { return int64_t(uint64_t(w) << 40) >> 40; };
    auto bytes = [&](int p, int q, int r, int s) {
      return u8(both, p) << 24 | u8(both, q) << 16 | u8(both, r) << 8 | u8(both, s);
    };
    uint64_t ones = (1ull << (a & 15)) - 1;
    for (int64_t r : {dots[0],
                      dots[1],
                      dots[2],
                      dots[3],
                      bytes(5, 2, 7, 3),
                      int64_t(both << 5 >> 32),
                      int64_t(both >> 32),
                      11 + std::abs(a - b),
                      13 + std::abs(int64_t(u) - int64_t(v)),
                      a * b >> 32,
                      int64_t(u * v >> 32),
                      signed24(a) * signed24(b),
                      int64_t((u & 0xffffff) * (v & 0xffffff)),
                      int64_t(__builtin_ffs(int(a)) + 100 * clz32(uint32_t(v))),
                      int64_t(reversed),
                      (a + b) >> 1,
                      apart,
                      int64_t(uint64_t(a) << (64 - 14)) >> 55,
                      int64_t(ones << (b & 31)),
                      int64_t(uint64_t(a) << 53) >> 53})
      wanted.push_back(int32_t(uint32_t(uint64_t(r))));
  }
  c.expect(out, wanted);
}

namespace {

std::vector<uint16_t> encodedRandom(Case &c, const Format &f, size_t count) {
  auto values = c.random<double>(count, -2, 2);
  return each(count, [&](size_t i) { return uint16_t(encode(f, values[i])); });
}
double relu(double v) { return v > 0 ? v : 0; }
double clamped(double v) { return std::clamp(v, 0.0, 1.0); }

} // namespace

FOREIGN(half_math) {
  {
    auto x = encodedRandom(c, half, 64), y = encodedRandom(c, half, 64);
    auto out = c.output<uint16_t>(32 * 20);
    c.launch("half_math", {1}, {32}, c.input(x), c.input(y), out);
    auto found = c.download<uint16_t>(out);
    std::vector<double> wanted;
    for (int i = 0; i < 32; ++i)
      for (int op = 0; op < 10; ++op)
        for (int part = 0; part < 2; ++part) {
          double a = decode(half, x[2 * i + part]), b = decode(half, y[2 * i + part]);
          double low = decode(half, x[2 * i]), high = decode(half, y[2 * i + 1]);
          double last = part ? low > decode(half, y[2 * i]) : low - high;
          double r[] = {a + b,
                        a * b,
                        a * b + a,
                        relu(a * b + b),
                        clamped(rounded(half, a + b)),
                        std::min(a, b),
                        std::max(a, b),
                        std::fabs(a),
                        double(a < b),
                        last};
          wanted.push_back(rounded(half, r[op]));
        }
    c.expect(c.input(each(found.size(), [&](size_t i) { return decode(half, found[i]); })), wanted);
  }
  {
    auto x = encodedRandom(c, bfloat, 64), y = encodedRandom(c, bfloat, 64);
    auto out = c.output<uint16_t>(32 * 12);
    c.launch("bfloat_math", {1}, {32}, c.input(x), c.input(y), out);
    auto found = c.download<uint16_t>(out);
    std::vector<double> wanted;
    for (int i = 0; i < 32; ++i)
      for (int op = 0; op < 6; ++op)
        for (int part = 0; part < 2; ++part) {
          double a = decode(bfloat, x[2 * i + part]), b = decode(bfloat, y[2 * i + part]);
          double r[] = {a + b,
                        a * b,
                        a * b + a,
                        std::max(a, b),
                        part ? float(b * 7) : float(a) / 3.0f,
                        relu(a * b + b)};
          wanted.push_back(rounded(bfloat, r[op]));
        }
    c.expect(c.input(each(found.size(), [&](size_t i) { return decode(bfloat, found[i]); })),
             wanted);
  }
  auto x = c.random<float>(64, -500, 500);
  x[0] = 0, x[1] = 1e9f, x[2] = -1e-9f, x[3] = 0.0185f, x[4] = NAN;
  auto low = c.output<uint8_t>(64), high = c.output<uint8_t>(64);
  auto back = c.output<float>(128);
  c.launch("float8_math", {1}, {64}, c.input(x), low, high, back);
  c.expect(low, each(64, [&](size_t i) { return uint8_t(encode(e4m3, x[i], true)); }));
  c.expect(high, each(64, [&](size_t i) { return uint8_t(encode(e5m2, x[i], true)); }));
  c.expect(back, each(128, [&](size_t i) {
             const Format &f = i % 2 ? e5m2 : e4m3;
             return float(decode(f, encode(f, x[i / 2], true)));
           }));
}
