// A grid-stride loop, in sm_80's dialect.
// arch: sm_80
extern "C" __global__ void saxpy(float a, const float *x, const float *y, float *out, int n) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
    out[i] = a * x[i] + y[i];
}
