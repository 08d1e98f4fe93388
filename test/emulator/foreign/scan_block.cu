// An inclusive scan of each block: of warps by shuffles, of the warps' sums through shared memory.
// arch: sm_80
__device__ int scanWarp(int v, int lane) {
  for (int d = 1; d < 32; d *= 2) {
    int left = __shfl_up_sync(0xffffffffu, v, d);
    if (lane >= d)
      v += left;
  }
  return v;
}

extern "C" __global__ void scan_block(const int *x, int *out) {
  __shared__ int sums[32];
  int t = threadIdx.x, lane = t & 31, warp = t >> 5, i = blockIdx.x * blockDim.x + t;
  int v = scanWarp(x[i], lane);
  if (lane == 31)
    sums[warp] = v;
  __syncthreads();
  if (warp == 0) {
    int total = lane < blockDim.x / 32 ? sums[lane] : 0;
    total = scanWarp(total, lane);
    if (lane < blockDim.x / 32)
      sums[lane] = total;
  }
  __syncthreads();
  out[i] = v + (warp ? sums[warp - 1] : 0);
}
