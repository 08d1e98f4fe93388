// A filter in constant memory that the host fills, and one with its values in the module.
__constant__ float filter[9];
__constant__ float smooth[3] = {0.25f, 0.5f, 0.25f};
__device__ int calls = 3;
__device__ float offsets[4] = {1, 2, 3, 4};
__device__ float *chosen = &offsets[2];

extern "C" __global__ void convolve_constant(const float *x, float *out, int n, int stride) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n)
    return;
  float sum = *chosen;
  for (int k = 0; k < 9; ++k) {
    int at = i + k - 4;
    if (at >= 0 && at < n)
      sum += filter[k] * x[at];
  }
  out[i] = sum * smooth[(i * stride) % 3];
  atomicAdd(&calls, 1);
}
extern "C" __global__ void read_calls(int *out) { *out = calls; }
