// Each thread sorts a row of 16 values by insertion in an array of its own, through functions that
// stay functions: local memory, calls with addresses of it, structures returned by value.
struct Extremes {
  float low, high;
  int swaps;
};

__noinline__ __device__ int insertion(float *values, int n) {
  int swaps = 0;
#pragma unroll 1
  for (int i = 1; i < n; ++i)
#pragma unroll 1
    for (int j = i; j > 0 && values[j] < values[j - 1]; --j) {
      float t = values[j];
      values[j] = values[j - 1];
      values[j - 1] = t;
      ++swaps;
    }
  return swaps;
}

__noinline__ __device__ Extremes sortRow(const float *in, float *out, int shift) {
  float row[16];
#pragma unroll 1
  for (int i = 0; i < 16; ++i)
    row[(i + shift) & 15] = in[i];
  int swaps = insertion(row, 16);
#pragma unroll 1
  for (int i = 0; i < 16; ++i)
    out[i] = row[i];
  return {row[0], row[15], swaps};
}

extern "C" __global__ void local_sort(const float *in, float *out, Extremes *extremes, int rows) {
  int row = blockIdx.x * blockDim.x + threadIdx.x;
  if (row >= rows)
    return;
  extremes[row] = sortRow(in + 16 * row, out + 16 * row, row);
}
