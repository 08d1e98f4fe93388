// Two warps produce and two consume, by named barriers at which one side only arrives; and barriers that count.
extern "C" __global__ void named_barriers(const int *x, int *out, int rounds) {
  __shared__ int buffer[64];
  int t = threadIdx.x;
  bool producer = t < 64;
#pragma unroll 1
  for (int r = 0; r < rounds; ++r) {
    if (producer) {
      if (r)
        asm volatile("bar.sync 2, 128;" ::: "memory"); // the buffer is free
      buffer[t] = x[r * 64 + t] * 3;
      asm volatile("bar.arrive 1, 128;" ::: "memory"); // and full
    } else {
      asm volatile("bar.sync 1, 128;" ::: "memory");
      out[r * 64 + t - 64] = buffer[127 - t];
      if (r + 1 < rounds)
        asm volatile("bar.arrive 2, 128;" ::: "memory");
    }
  }
}
extern "C" __global__ void counting_barriers(const int *x, int *out) {
  int t = threadIdx.x, count = __syncthreads_count(x[t] > 3);
  int some = __syncthreads_or(x[t] == 9), all = __syncthreads_and(x[t] < 9);
  out[t] = count * 4 + (some != 0) * 2 + (all != 0);
}
