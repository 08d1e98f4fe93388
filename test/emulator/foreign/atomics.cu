// Atomics of every kind and width, in shared and global memory and through generic addresses.
#include <cuda_fp16.h>
#include <cuda/atomic>

__noinline__ __device__ void addTo(int *anywhere, int v) { atomicAdd(anywhere, v); }

extern "C" __global__ void atomics(const int *x, int *ints, unsigned *words, long long *wide, float *floats,
                                   double *doubles, __half2 *halves, int *old) {
  __shared__ int inside[4];
  int i = blockIdx.x * blockDim.x + threadIdx.x, v = x[i];
  if (threadIdx.x < 4)
    inside[threadIdx.x] = 0;
  __syncthreads();
  atomicAdd(&ints[0], v), atomicSub(&ints[1], v), atomicMin(&ints[2], v), atomicMax(&ints[3], v);
  atomicAnd(&words[0], ~(1u << (v & 31))), atomicOr(&words[1], 1u << (v & 31)), atomicXor(&words[2], v);
  atomicInc(&words[3], 10), atomicDec(&words[4], 6);
  atomicAdd((unsigned long long *)&wide[0], (unsigned long long)v << 20), atomicMin(&wide[1], (long long)v);
  atomicMax(&wide[2], (long long)v * 3), atomicXor((unsigned long long *)&wide[3], 1ull << (v & 63));
  atomicAdd(&floats[0], 0.5f), atomicAdd(&doubles[0], 0.25);
  atomicAdd(halves, __floats2half2_rn(1, 2));
  addTo(&inside[v & 3], 1);
  addTo(&ints[4], 2);
  int expected = atomicAdd(&ints[5], 0), assumed;
  do { // a product by compare and swap
    assumed = expected;
    expected = atomicCAS(&ints[5], assumed, assumed * 3 + 0 * v);
  } while (assumed != expected);
  unsigned short *half = (unsigned short *)&ints[6];
  unsigned short before = 0;
  while (true) { // 16 bits of a word
    unsigned short seen = atomicCAS(half, before, (unsigned short)(before + 1));
    if (seen == before)
      break;
    before = seen;
  }
  if (i == 0)
    old[0] = atomicExch(&ints[7], 77);
  cuda::atomic_ref<int, cuda::thread_scope_device> counter(ints[8]);
  counter.fetch_add(2, cuda::memory_order_acq_rel);
  __syncthreads();
  if (threadIdx.x < 4)
    atomicAdd(&ints[10 + threadIdx.x], inside[threadIdx.x]);
}
