// f32 in 16x16 tiles, for any size.
extern "C" __global__ void gemm_tiled(const float *a, const float *b, float *c, int m, int n, int k) {
  __shared__ float left[16][16], right[16][16];
  int row = blockIdx.y * 16 + threadIdx.y, column = blockIdx.x * 16 + threadIdx.x;
  float sum = 0;
  for (int step = 0; step < k; step += 16) {
    int kx = step + threadIdx.x, ky = step + threadIdx.y;
    left[threadIdx.y][threadIdx.x] = row < m && kx < k ? a[row * k + kx] : 0.0f;
    right[threadIdx.y][threadIdx.x] = ky < k && column < n ? b[ky * n + column] : 0.0f;
    __syncthreads();
#pragma unroll
    for (int i = 0; i < 16; ++i)
      sum += left[threadIdx.y][i] * right[i][threadIdx.x];
    __syncthreads();
  }
  if (row < m && column < n)
    c[row * n + column] = sum;
}
