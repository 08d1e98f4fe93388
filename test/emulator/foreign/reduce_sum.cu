// A sum by a tree in shared memory, then by shuffles; blocks add up by atomics.
// arch: sm_80
extern "C" __global__ void reduce_sum(const float *x, float *sum, int n) {
  __shared__ float partial[256];
  unsigned t = threadIdx.x;
  float mine = 0;
  for (unsigned i = blockIdx.x * blockDim.x + t; i < n; i += gridDim.x * blockDim.x)
    mine += x[i];
  partial[t] = mine;
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half >= 32; half /= 2) {
    if (t < half)
      partial[t] += partial[t + half];
    __syncthreads();
  }
  if (t < 32) {
    float v = partial[t];
    for (int delta = 16; delta > 0; delta /= 2)
      v += __shfl_down_sync(0xffffffffu, v, delta);
    if (t == 0)
      atomicAdd(sum, v);
  }
}
