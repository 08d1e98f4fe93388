// Through a tile with a column to spare, for any size.
template <typename T> __device__ void transposed(const T *in, T *out, int rows, int columns) {
  __shared__ T tile[32][33];
  int x = blockIdx.x * 32 + threadIdx.x, y = blockIdx.y * 32 + threadIdx.y;
  for (int i = 0; i < 32; i += 8)
    if (x < columns && y + i < rows)
      tile[threadIdx.y + i][threadIdx.x] = in[(y + i) * columns + x];
  __syncthreads();
  x = blockIdx.y * 32 + threadIdx.x, y = blockIdx.x * 32 + threadIdx.y;
  for (int i = 0; i < 32; i += 8)
    if (x < rows && y + i < columns)
      out[(y + i) * rows + x] = tile[threadIdx.x][threadIdx.y + i];
}
extern "C" __global__ void transpose_tiled(const float *in, float *out, int rows, int columns) {
  transposed(in, out, rows, columns);
}
extern "C" __global__ void transpose_bytes(const unsigned char *in, unsigned char *out, int rows,
                                           int columns) {
  transposed(in, out, rows, columns);
}
