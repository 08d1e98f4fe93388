// Attention without the matrix of scores: a block of 32 queries walks over tiles of 32 keys, with a running maximum
// and sum for each row. f16 in, f32 sums.
// arch: sm_80
#include <cuda_fp16.h>
constexpr int tile = 32, width = 32;

extern "C" __global__ void flash_attention(const __half *q, const __half *k, const __half *v, float *out,
                                           int tokens, float scale) {
  __shared__ float queries[tile][width + 1], keys[tile][width + 1], values[tile][width + 1];
  __shared__ float scores[tile][tile + 1];
  int t = threadIdx.x, row = t / 4, part = t % 4; // four threads for each query
  long long head = (long long)blockIdx.y * tokens * width;
  int first = blockIdx.x * tile;
  for (int i = t; i < tile * width; i += 128) {
    int r = first + i / width;
    queries[i / width][i % width] = r < tokens ? __half2float(q[head + r * width + i % width]) * scale : 0;
  }
  float maximum = -INFINITY, sum = 0, accumulated[8] = {};
#pragma unroll 1
  for (int start = 0; start < tokens; start += tile) {
    __syncthreads();
    for (int i = t; i < tile * width; i += 128) {
      int r = start + i / width;
      bool inside = r < tokens;
      keys[i / width][i % width] = inside ? __half2float(k[head + r * width + i % width]) : 0;
      values[i / width][i % width] = inside ? __half2float(v[head + r * width + i % width]) : 0;
    }
    __syncthreads();
    float largest = -INFINITY;
#pragma unroll 1
    for (int j = part; j < tile; j += 4) {
      float s = 0;
      for (int d = 0; d < width; ++d)
        s += queries[row][d] * keys[j][d];
      s = start + j < tokens ? s : -INFINITY;
      scores[row][j] = s;
      largest = fmaxf(largest, s);
    }
    largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, 1));
    largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, 2));
    __syncwarp();
    float now = fmaxf(maximum, largest), keep = exp2f((maximum - now) * 1.44269504f);
    maximum = now, sum *= keep;
    for (float &a : accumulated)
      a *= keep;
#pragma unroll 1
    for (int j = 0; j < tile; ++j) {
      float p = exp2f((scores[row][j] - now) * 1.44269504f);
      sum += p;
      for (int d = 0; d < 8; ++d)
        accumulated[d] += p * values[j][part * 8 + d];
    }
  }
  if (first + row < tokens)
    for (int d = 0; d < 8; ++d)
      out[head + (first + row) * width + part * 8 + d] = accumulated[d] / sum;
}
