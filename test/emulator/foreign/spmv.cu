// A sparse matrix by rows, eight lanes for each.
extern "C" __global__ void spmv(const int *starts, const int *columns, const float *values, const float *x,
                                float *y, int rows) {
  int thread = blockIdx.x * blockDim.x + threadIdx.x, row = thread / 8, lane = thread % 8;
  float sum = 0;
  if (row < rows)
    for (int i = starts[row] + lane; i < starts[row + 1]; i += 8)
      sum += values[i] * x[columns[i]];
  for (int d = 4; d; d /= 2)
    sum += __shfl_down_sync(~0u, sum, d, 8);
  if (row < rows && lane == 0)
    y[row] = sum;
}
