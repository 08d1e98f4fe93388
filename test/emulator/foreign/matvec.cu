// A warp for each row, 16 bytes at a time.
extern "C" __global__ void matvec(const float4 *a, const float4 *x, float *y, int rows, int quads) {
  int row = (blockIdx.x * blockDim.x + threadIdx.x) / 32, lane = threadIdx.x % 32;
  if (row >= rows)
    return;
  float sum = 0;
  for (int q = lane; q < quads; q += 32) {
    float4 m = __ldg(&a[row * quads + q]), v = __ldcs(&x[q]);
    sum += m.x * v.x + m.y * v.y + m.z * v.z + m.w * v.w;
  }
  for (int d = 16; d; d /= 2)
    sum += __shfl_xor_sync(0xffffffffu, sum, d);
  if (lane == 0)
    __stcg(&y[row], sum);
}
