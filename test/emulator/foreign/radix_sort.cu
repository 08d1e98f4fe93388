// A block sorts 256 keys by digits of four bits: counts in shared memory, scanned, then scattered.
extern "C" __global__ void radix_sort(const unsigned *in, unsigned *out) {
  __shared__ unsigned keys[256], offsets[16][8];
  int t = threadIdx.x, warp = t / 32, lane = t % 32;
  keys[t] = in[blockIdx.x * 256 + t];
#pragma unroll 1
  for (int shift = 0; shift < 32; shift += 4) {
    __syncthreads();
    unsigned key = keys[t], digit = key >> shift & 15;
    if (lane < 16)
      offsets[lane][warp] = 0;
    __syncwarp();
    unsigned same = __match_any_sync(~0u, digit), before = __popc(same & ((1u << lane) - 1));
    if (before == 0)
      offsets[digit][warp] = __popc(same);
    __syncthreads();
    if (t < 32) { // four counts for each lane
      unsigned *row = &offsets[0][0] + t * 4, sum = 0, mine[4];
      for (int i = 0; i < 4; ++i)
        mine[i] = sum, sum += row[i];
      unsigned all = sum;
      for (int d = 1; d < 32; d *= 2) {
        unsigned left = __shfl_up_sync(~0u, all, d);
        if (t >= d)
          all += left;
      }
      for (int i = 0; i < 4; ++i)
        row[i] = all - sum + mine[i];
    }
    __syncthreads();
    keys[offsets[digit][warp] + before] = key;
  }
  __syncthreads();
  out[blockIdx.x * 256 + t] = keys[t];
}
