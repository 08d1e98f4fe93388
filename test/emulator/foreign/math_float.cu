// The library's functions of float, compiled in.
extern "C" __global__ void math_float(const float *x, float *out, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n)
    return;
  float v = x[i];
  const int count = 20;
  float r[count] = {sinf(v),         cosf(3 * v),    tanf(v),       expf(v),        exp2f(v),
                    logf(v * v + 1), log2f(2 + v),   powf(v * v, v), tanhf(v),      erff(v),
                    sqrtf(v * v),    rsqrtf(2 + v),  cbrtf(v),      atan2f(v, 2),   asinf(v / 4),
                    fmodf(v, 0.3f),  floorf(v),      rintf(v),      copysignf(2, v), hypotf(v, 1)};
#pragma unroll
  for (int k = 0; k < count; ++k)
    out[i * count + k] = r[k];
}
