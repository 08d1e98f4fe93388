// 64-bit integers: division, high products, bits, and a power by shifted 128-bit products.
__noinline__ __device__ unsigned long long power(unsigned long long base, unsigned exponent,
                                                 unsigned long long modulus) {
  unsigned long long result = 1;
#pragma unroll 1
  for (; exponent; exponent >>= 1) {
    if (exponent & 1)
      result = (unsigned long long)((unsigned __int128)result * base >> 3) % modulus;
    base = (unsigned long long)((unsigned __int128)base * base >> 3) % modulus;
  }
  return result;
}
extern "C" __global__ void integers64(const long long *x, const long long *y, long long *out) {
  int i = threadIdx.x;
  long long a = x[i], b = y[i];
  unsigned long long u = a, v = b;
  long long *o = out + i * 14;
  o[0] = a / b, o[1] = a % b, o[2] = u / v, o[3] = u % v;
  o[4] = __mul64hi(a, b), o[5] = __umul64hi(u, v), o[6] = a * b;
  o[7] = __clzll(a) * 100 + __popcll(b), o[8] = __brevll(a), o[9] = __ffsll(b);
  o[10] = a >> (b & 63), o[11] = u >> (v & 63), o[12] = a << (b & 63);
  o[13] = power(u % 1000003, i + 5, 0xffffffffffffffc5ull);
}
