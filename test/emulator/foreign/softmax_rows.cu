// Rows of any length: maximum and sum in one pass, combined over the block in shared memory.
struct Running {
  float maximum, sum;
};
__device__ Running merge(Running a, Running b) {
  float m = fmaxf(a.maximum, b.maximum);
  return {m, a.sum * __expf(a.maximum - m) + b.sum * __expf(b.maximum - m)};
}

extern "C" __global__ void softmax_rows(const float *x, float *out, int columns) {
  __shared__ Running parts[128];
  const float *row = x + (long long)blockIdx.x * columns;
  Running mine = {-INFINITY, 0.0f};
  for (int c = threadIdx.x; c < columns; c += blockDim.x) {
    float m = fmaxf(mine.maximum, row[c]);
    mine = {m, mine.sum * expf(mine.maximum - m) + expf(row[c] - m)};
  }
  parts[threadIdx.x] = mine;
  __syncthreads();
  for (int half = blockDim.x / 2; half; half /= 2) {
    if (threadIdx.x < half)
      parts[threadIdx.x] = merge(parts[threadIdx.x], parts[threadIdx.x + half]);
    __syncthreads();
  }
  Running all = parts[0];
  for (int c = threadIdx.x; c < columns; c += blockDim.x)
    out[(long long)blockIdx.x * columns + c] = expf(row[c] - all.maximum) / all.sum;
}
