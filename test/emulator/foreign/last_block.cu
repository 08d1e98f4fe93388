// One launch for a sum: the block that finishes last, by a counter behind a fence, adds up what the others left.
__device__ unsigned finished = 0;

extern "C" __global__ void last_block(const float *x, float *partial, float *sum, int n) {
  __shared__ float part[128];
  __shared__ bool last;
  float mine = 0;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
    mine += x[i];
  part[threadIdx.x] = mine;
  __syncthreads();
  if (threadIdx.x == 0) {
    float total = 0;
    for (int i = 0; i < blockDim.x; ++i)
      total += part[i];
    partial[blockIdx.x] = total;
    __threadfence();
    last = atomicInc(&finished, gridDim.x - 1) == gridDim.x - 1;
    __threadfence();
  }
  __syncthreads();
  if (last && threadIdx.x == 0) {
    float total = 0;
    for (int i = 0; i < gridDim.x; ++i)
      total += partial[i];
    *sum = total;
  }
}
