// Mean and variance by Welford's updates, merged by shuffles and through shared memory.
// arch: sm_80
struct Moments {
  float count, mean, m2;
};
__device__ Moments merged(Moments a, Moments b) {
  float n = a.count + b.count;
  if (n == 0)
    return a;
  float d = b.mean - a.mean;
  return {n, a.mean + d * b.count / n, a.m2 + b.m2 + d * d * a.count * b.count / n};
}
__device__ Moments overWarp(Moments m) {
  for (int d = 16; d; d /= 2)
    m = merged(m, {__shfl_xor_sync(~0u, m.count, d), __shfl_xor_sync(~0u, m.mean, d),
                   __shfl_xor_sync(~0u, m.m2, d)});
  return m;
}

extern "C" __global__ void layer_norm(const float *x, const float *gain, const float *bias,
                                      float *out, int columns, float epsilon) {
  __shared__ Moments warps[4];
  const float *row = x + blockIdx.x * columns;
  Moments mine = {0, 0, 0};
  for (int c = threadIdx.x; c < columns; c += blockDim.x) {
    mine.count += 1;
    float d = row[c] - mine.mean;
    mine.mean += d / mine.count;
    mine.m2 += d * (row[c] - mine.mean);
  }
  mine = overWarp(mine);
  if (threadIdx.x % 32 == 0)
    warps[threadIdx.x / 32] = mine;
  __syncthreads();
  Moments all = warps[0];
  for (int w = 1; w < 4; ++w)
    all = merged(all, warps[w]);
  float scale = rsqrtf(all.m2 / all.count + epsilon);
  for (int c = threadIdx.x; c < columns; c += blockDim.x)
    out[blockIdx.x * columns + c] = (row[c] - all.mean) * scale * gain[c] + bias[c];
}
