// What lanes of a warp tell each other: shuffles of all kinds, votes, matches, reductions, masks.
extern "C" __global__ void warp_ops(const unsigned *x, unsigned *out, int n) {
  int lane = threadIdx.x;
  unsigned v = x[lane], full = 0xffffffffu;
  unsigned *o = out + lane * 16;
  o[0] = __shfl_sync(full, v, lane * 7 + 3);
  o[1] = __shfl_up_sync(full, v, 3, 8);
  o[2] = __shfl_down_sync(full, v, 5, 16);
  o[3] = __shfl_xor_sync(full, v, 9);
  o[4] = __ballot_sync(full, v & 1);
  o[5] = __any_sync(full, v > 1000) * 2 + __all_sync(full, v < 1000);
  o[6] = __match_any_sync(full, v % 5);
  int all;
  o[7] = __match_all_sync(full, v > 2000, &all);
  o[8] = all;
  o[9] = __reduce_add_sync(full, v);
  o[10] = __reduce_max_sync(full, (int)v - 500);
  o[11] = __reduce_xor_sync(full, v);
  o[12] = 0, o[13] = 0;
  if (lane < n) {
    unsigned some = (1u << n) - 1;
    o[12] = __activemask();
    o[13] = __shfl_sync(some, v, 0) + __reduce_min_sync(some, v);
  }
  __syncwarp();
  unsigned long long wide = (unsigned long long)v << 32 | lane;
  o[14] = (unsigned)(__shfl_xor_sync(full, wide, 16) >> 32);
  o[15] = __popc(__match_any_sync(full, wide & 3)) + __fns(v, 4, 2);
}
