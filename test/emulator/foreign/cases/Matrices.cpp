//===- Matrices.cpp - Products of matrices -------------------------------------===//
//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//===----------------------------------------------------------------------===//

#include "../Foreign.h"
#include "../Numbers.h"

#include <algorithm>

using namespace foreign;

namespace {

/// C = A * B of doubles; B has k rows, or by columns n of them.
std::vector<double> product(const std::vector<double> &a, const std::vector<double> &b, int m,
                            int n, int k, bool byColumns = false) {
  std::vector<double> out(size_t(m) * n);
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j)
      for (int l = 0; l < k; ++l)
        out[i * n + j] += a[i * k + l] * b[byColumns ? j * k + l : l * n + j];
  return out;
}
template <class To, class From> std::vector<To> as(const std::vector<From> &values) {
  return std::vector<To>(values.begin(), values.end());
}
std::vector<uint16_t> encoded(const Format &f, const std::vector<double> &values) {
  return each(values.size(), [&](size_t i) { return uint16_t(encode(f, values[i])); });
}
std::vector<double> decoded(const Format &f, const std::vector<uint16_t> &bits) {
  return each(bits.size(), [&](size_t i) { return decode(f, bits[i]); });
}
std::vector<double> scaled(std::vector<double> values, double by) {
  for (double &v : values)
    v *= by;
  return values;
}

} // namespace

FOREIGN(gemm_tiled) {
  const int m = 35, n = 50, k = 41;
  auto a = c.random<float>(m * k), b = c.random<float>(k * n);
  auto out = c.output<float>(m * n);
  c.launch("gemm_tiled", {4, 3}, {16, 16}, c.input(a), c.input(b), out, m, n, k);
  c.expect(out, as<float>(product(as<double>(a), as<double>(b), m, n, k)), 1e-5);
}

FOREIGN(gemm_bf16) {
  const int m = 64, n = 128, k = 96;
  auto a = encoded(bfloat, c.random<double>(m * k)), b = encoded(bfloat, c.random<double>(k * n));
  auto out = c.output<float>(m * n);
  c.launch("gemm_bf16", {2, 1}, {128}, c.input(a), c.input(b), out, n, k);
  c.expect(out, as<float>(product(decoded(bfloat, a), decoded(bfloat, b), m, n, k)), 1e-4);
}

FOREIGN(gemm_wmma) {
  const int k = 48;
  auto a = c.random<double>(32 * k), b = c.random<double>(32 * k);
  // Twice A * B, of values of a format and a result of float.
  auto halves = [&](const char *kernel, const Format &f, int m, int n) {
    auto left = encoded(f, {a.begin(), a.begin() + m * k}),
         right = encoded(f, {b.begin(), b.begin() + n * k});
    auto out = c.output<float>(m * n);
    c.launch(kernel, {1}, {32}, c.input(left), c.input(right), out, k);
    c.expect(out, as<float>(scaled(product(decoded(f, left), decoded(f, right), m, n, k, true), 2)),
             1e-5);
  };
  halves("wmma_f16", half, 16, 16);
  halves("wmma_bf16", bfloat, 8, 32);
  {
    auto left = encoded(half, a), right = encoded(half, {b.begin(), b.begin() + 8 * k});
    auto out = c.output<uint16_t>(32 * 8);
    c.launch("wmma_f16_f16", {1}, {32}, c.input(left), c.input(right), out, k);
    auto found = decoded(half, c.download<uint16_t>(out));
    auto wanted = scaled(product(decoded(half, left), decoded(half, right), 32, 8, k, true), 2);
    c.expect(c.input(found), wanted, 2e-2);
  }
  {
    // tf32 has 10 bits of fraction, as f16 has.
    auto left = as<float>(decoded(half, encoded(half, {a.begin(), a.begin() + 16 * k}))),
         right = as<float>(decoded(half, encoded(half, {b.begin(), b.begin() + 16 * k})));
    auto out = c.output<float>(256);
    c.launch("wmma_tf32", {1}, {32}, c.input(left), c.input(right), out, k);
    c.expect(out,
             as<float>(scaled(product(as<double>(left), as<double>(right), 16, 16, k, true), 2)),
             1e-4);
  }
  {
    auto left = c.random<int8_t>(16 * k, -128, 127), right = c.random<int8_t>(16 * k, -128, 127);
    auto out = c.output<int>(256);
    c.launch("wmma_s8", {1}, {32}, c.input(left), c.input(right), out, k);
    c.expect(out,
             as<int>(scaled(product(as<double>(left), as<double>(right), 16, 16, k, true), 2)));
  }
  {
    std::vector<double> left(a.begin(), a.begin() + 8 * k), right(b.begin(), b.begin() + 8 * k);
    auto out = c.output<double>(64);
    c.launch("wmma_f64", {1}, {32}, c.input(left), c.input(right), out, k);
    c.expect(out, scaled(product(left, right, 8, 8, k, true), 2), 1e-12);
  }
}

namespace {

/// Elements of `bits` bits out of packed bytes, as numbers.
template <class Decode>
std::vector<double> unpacked(const std::vector<uint8_t> &bytes, int bits, Decode &&number) {
  return each(bytes.size() * 8 / bits, [&](size_t i) {
    uint32_t value = 0;
    for (int bit = 0; bit < bits; ++bit)
      value |= uint32_t(bytes[(i * bits + bit) / 8] >> ((i * bits + bit) % 8) & 1) << bit;
    return double(number(value));
  });
}

/// What mma_shapes adds: 1, 2 in the upper eight rows, 3, 4 below.
double start(size_t element) { return 1 + element % 2 + (element / 8 >= 8 ? 2 : 0); }

struct Shape {
  const char *kernel;
  int bits, k;
  double (*left)(uint32_t), (*right)(uint32_t);
};
double fromHalf(uint32_t v) { return decode(half, v); }
double fromBfloat(uint32_t v) { return decode(bfloat, v); }
double fromE4m3(uint32_t v) { return decode(e4m3, v); }
double fromE5m2(uint32_t v) { return decode(e5m2, v); }
double fromTf32(uint32_t v) {
  float f;
  memcpy(&f, &v, 4);
  return f;
}
double fromS8(uint32_t v) { return int8_t(v); }
double fromU8(uint32_t v) { return uint8_t(v); }
double fromS4(uint32_t v) { return v & 8 ? int(v) - 16 : int(v); }
double fromU4(uint32_t v) { return v; }

/// Packed random elements that are numbers of about 1.
std::vector<uint8_t> operand(Case &c, const Shape &s, int rows, bool left) {
  size_t count = size_t(rows) * s.k;
  auto number = left ? s.left : s.right;
  if (s.bits <= 8 && number != fromE4m3 && number != fromE5m2)
    return c.random<uint8_t>(count * s.bits / 8, 0, 255);
  std::vector<uint8_t> bytes;
  for (double v : c.random<double>(count)) {
    const Format &f = number == fromBfloat ? bfloat
                      : number == fromE4m3 ? e4m3
                      : number == fromE5m2 ? e5m2
                                           : half;
    uint32_t bits = encode(f, v);
    if (number == fromTf32) {
      float exact = float(decode(half, bits));
      memcpy(&bits, &exact, 4);
    }
    for (int b = 0; b < s.bits / 8; ++b)
      bytes.push_back(uint8_t(bits >> (8 * b)));
  }
  return bytes;
}

} // namespace

FOREIGN(mma_shapes) {
  const Shape shapes[] = {{"mma_f16_k16", 16, 16, fromHalf, fromHalf},
                          {"mma_f16_k8", 16, 8, fromHalf, fromHalf},
                          {"mma_bf16_k16", 16, 16, fromBfloat, fromBfloat},
                          {"mma_bf16_k8", 16, 8, fromBfloat, fromBfloat},
                          {"mma_tf32_k8", 32, 8, fromTf32, fromTf32},
                          {"mma_tf32_k4", 32, 4, fromTf32, fromTf32},
                          {"mma_e4m3_k32", 8, 32, fromE4m3, fromE4m3},
                          {"mma_e5m2_k32", 8, 32, fromE5m2, fromE4m3},
                          {"mma_s8_k32", 8, 32, fromS8, fromS8},
                          {"mma_u8_k32", 8, 32, fromU8, fromS8},
                          {"mma_s4_k64", 4, 64, fromS4, fromU4},
                          {"mma_b1_k256", 1, 256, nullptr, nullptr},
                          {"mma_f16_sums", 16, 16, fromHalf, fromHalf}};
  for (const Shape &s : shapes) {
    auto a = operand(c, s, 16, true), b = operand(c, s, 8, false);
    std::vector<double> wanted;
    if (s.bits > 1) {
      wanted = product(unpacked(a, s.bits, s.left), unpacked(b, s.bits, s.right), 16, 8, s.k, true);
    } else {
      for (int i = 0; i < 128; ++i) {
        int differ = 0;
        for (int byte = 0; byte < 32; ++byte)
          differ += __builtin_popcount(a[i / 8 * 32 + byte] ^ b[i % 8 * 32 + byte]);
        wanted.push_back(differ);
      }
    }
    for (size_t i = 0; i < wanted.size(); ++i)
      wanted[i] += start(i);
    bool integers = s.bits < 16 && s.left != fromE4m3 && s.left != fromE5m2;
    bool halfSums = !strcmp(s.kernel, "mma_f16_sums");
    auto out = c.output<uint16_t>(halfSums ? 128 : 256);
    c.launch(s.kernel, {1}, {32}, c.input(a), c.input(b), out);
    if (integers)
      c.expect(out, as<int>(wanted));
    else if (halfSums)
      c.expect(c.input(decoded(half, c.download<uint16_t>(out))), wanted, 2e-2);
    else
      c.expect(out, as<float>(wanted), 1e-3);
  }
}

namespace {

template <int N> void inverses(Case &c, const char *kernel) {
  const int count = 40;
  auto in = c.random<float>(count * N * N);
  for (int i = 0; i < count; ++i)
    for (int j = 0; j < N; ++j)
      in[i * N * N + j * N + (j + 1) % N] += 3; // pivots lie off the diagonal
  std::fill(in.begin(), in.begin() + N, 0.0f);  // and the first has none
  auto out = c.output<float>(in.size()), good = c.output<int>(count);
  c.launch(kernel, {2}, {32}, c.input(in), out, good, count);
  c.expect(good, each(count, [](size_t i) { return int(i > 0); }));
  auto found = c.download<float>(out);
  std::vector<double> products, wanted;
  for (int i = 1; i < count; ++i) {
    std::vector<double> a(in.begin() + i * N * N, in.begin() + (i + 1) * N * N),
        b(found.begin() + i * N * N, found.begin() + (i + 1) * N * N);
    for (double v : product(a, b, N, N, N))
      products.push_back(v);
    for (int e = 0; e < N * N; ++e)
      wanted.push_back(e / N == e % N);
  }
  c.expect(c.input(products), wanted, 1e-4);
}

} // namespace

FOREIGN(small_matrices) {
  inverses<3>(c, "_Z8inversesILi3EEvPK6MatrixIXT_EEPS1_Pii");
  inverses<5>(c, "_Z8inversesILi5EEvPK6MatrixIXT_EEPS1_Pii");
}
