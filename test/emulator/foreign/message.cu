// Messages between warps of a block through atomics in shared memory, with release and acquire and with fences.
#include <cuda/atomic>

extern "C" __global__ void message(const int *x, int *out) {
  __shared__ int data[2][32];
  __shared__ int ready[2];
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  if (threadIdx.x < 2)
    ready[threadIdx.x] = 0;
  __syncthreads();
  cuda::atomic_ref<int, cuda::thread_scope_block> first(ready[0]);
  if (warp == 1) {
    data[0][lane] = x[lane] + 1;
    __syncwarp();
    if (lane == 0)
      first.store(1, cuda::memory_order_release);
  } else if (warp == 0) { // waits for the warp behind it
    while (first.load(cuda::memory_order_acquire) == 0)
      ;
    __syncwarp();
    data[1][lane] = data[0][31 - lane] * 2;
    __syncwarp();
    __threadfence_block();
    if (lane == 0)
      atomicExch(&ready[1], 1);
  } else {
    while (atomicAdd(&ready[1], 0) == 0)
      ;
    __threadfence_block();
    out[lane] = data[1][lane];
  }
}
