// Double precision: the library's functions, division, atomics.
// arch: sm_80
extern "C" __global__ void math_double(const double *x, double *out, double *sum, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n)
    return;
  double v = x[i];
  const int count = 10;
  double r[count] = {sin(v),  exp(v),           log(v * v + 1), v / (v * v + 3), sqrt(v * v + 2),
                     cbrt(v), rsqrt(v * v + 1), floor(v * 10),  fma(v, v, -v),   tanh(v)};
#pragma unroll
  for (int k = 0; k < count; ++k)
    out[i * count + k] = r[k];
  atomicAdd(sum, v);
}
