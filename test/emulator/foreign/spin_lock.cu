// A lock that the threads of a warp fight for: whoever has it must go on while the others spin.
// arch: sm_80
__device__ int lock = 0;

extern "C" __global__ void spin_lock(int *shared, int *order) {
  while (atomicCAS(&lock, 0, 1) != 0)
    ;
  __threadfence();
  int turn = *(volatile int *)shared;
  *(volatile int *)shared = turn + 1;
  __threadfence();
  atomicExch(&lock, 0);
  order[blockIdx.x * blockDim.x + threadIdx.x] = turn;
}
