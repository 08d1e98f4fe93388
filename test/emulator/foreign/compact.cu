// Keeps what passes a test: ballots count in a warp, one atomic for each warp makes room.
extern "C" __global__ void compact(const int *x, int *out, int *count, int n, int limit) {
  int i = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x & 31;
  bool keep = i < n && x[i] < limit;
  unsigned kept = __ballot_sync(~0u, keep);
  int base = 0;
  if (lane == 0)
    base = atomicAdd(count, __popc(kept));
  base = __shfl_sync(~0u, base, 0);
  if (keep)
    out[base + __popc(kept & ((1u << lane) - 1))] = x[i];
}
