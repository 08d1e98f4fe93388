// Every rounding of the four operations, square roots, reciprocals and conversions.
// arch: sm_80
#include <cuda_fp16.h>
#define ALL(f, ...) f##_rn(__VA_ARGS__), f##_rz(__VA_ARGS__), f##_rd(__VA_ARGS__), f##_ru(__VA_ARGS__)

extern "C" __global__ void round_float(const float *x, const float *y, float *out) {
  int i = threadIdx.x;
  float a = x[i], b = y[i];
  float r[] = {ALL(__fadd, a, b),    ALL(__fsub, a, b), ALL(__fmul, a, b),
               ALL(__fdiv, a, b),    ALL(__fmaf, a, b, b), ALL(__fsqrt, a),
               ALL(__frcp, b)};
#pragma unroll
  for (int k = 0; k < 28; ++k)
    out[i * 28 + k] = r[k];
}
extern "C" __global__ void round_double(const double *x, const double *y, double *out) {
  int i = threadIdx.x;
  double a = x[i], b = y[i];
  double r[] = {ALL(__dadd, a, b), ALL(__dsub, a, b),    ALL(__dmul, a, b),
                ALL(__ddiv, a, b), ALL(__fma, a, b, b),  ALL(__dsqrt, a),
                ALL(__drcp, b)};
#pragma unroll
  for (int k = 0; k < 28; ++k)
    out[i * 28 + k] = r[k];
}
extern "C" __global__ void round_convert(const double *x, const long long *n, float *floats,
                                         int *integers, unsigned short *halves, double *doubles) {
  int i = threadIdx.x;
  double v = x[i];
  float f = (float)v;
  float r[] = {ALL(__double2float, v), ALL(__ll2float, n[i]), ALL(__ull2float, n[i])};
  int z[] = {ALL(__double2int, v), ALL(__float2int, f)};
  __half h[] = {ALL(__float2half, f)};
  double d[] = {ALL(__ll2double, n[i])};
#pragma unroll
  for (int k = 0; k < 12; ++k)
    floats[i * 12 + k] = r[k];
#pragma unroll
  for (int k = 0; k < 8; ++k)
    integers[i * 8 + k] = z[k];
#pragma unroll
  for (int k = 0; k < 4; ++k)
    halves[i * 4 + k] = __half_as_ushort(h[k]), doubles[i * 4 + k] = d[k];
}
