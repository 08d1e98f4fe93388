// f16 and bf16, single and in pairs, and 8-bit floats on their way.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

extern "C" __global__ void half_math(const __half2 *x, const __half2 *y, __half2 *out) {
  int i = threadIdx.x;
  __half2 a = x[i], b = y[i], *o = out + i * 10;
  o[0] = __hadd2(a, b), o[1] = __hmul2(a, b), o[2] = __hfma2(a, b, a), o[3] = __hfma2_relu(a, b, b);
  o[4] = __hadd2_sat(a, b), o[5] = __hmin2(a, b), o[6] = __hmax2_nan(a, b), o[7] = __habs2(__hneg2(a));
  o[8] = __hlt2(a, b), o[9] = __halves2half2(__hsub(__low2half(a), __high2half(b)),
                                             __hgt(__low2half(a), __low2half(b)) ? __float2half(1)
                                                                                 : __float2half(0));
}
extern "C" __global__ void bfloat_math(const __nv_bfloat162 *x, const __nv_bfloat162 *y,
                                       __nv_bfloat162 *out) {
  int i = threadIdx.x;
  __nv_bfloat162 a = x[i], b = y[i], *o = out + i * 6;
  o[0] = __hadd2(a, b), o[1] = __hmul2(a, b), o[2] = __hfma2(a, b, a), o[3] = __hmax2(a, b);
  o[4] = __floats2bfloat162_rn(__low2float(a) / 3, __high2float(b) * 7);
  o[5] = __hfma2_relu(a, b, b);
}
extern "C" __global__ void float8_math(const float *x, unsigned char *e4m3, unsigned char *e5m2,
                                       float *back) {
  int i = threadIdx.x;
  __nv_fp8_e4m3 a(x[i]);
  __nv_fp8_e5m2 b(x[i]);
  e4m3[i] = a.__x, e5m2[i] = b.__x;
  back[2 * i] = float(a), back[2 * i + 1] = float(b);
}
