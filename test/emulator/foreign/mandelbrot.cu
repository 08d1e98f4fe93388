// Loops of different lengths in one warp, with ways out of the middle.
// arch: sm_80
extern "C" __global__ void mandelbrot(unsigned short *out, int width, int height, int limit) {
  int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width || y >= height)
    return;
  float cx = -2 + 3.0f * x / width, cy = -1 + 2.0f * y / height, a = 0, b = 0;
  int n = 0;
  for (;; ++n) {
    float aa = __fmul_rn(a, a), bb = __fmul_rn(b, b);
    if (__fadd_rn(aa, bb) > 4 || n == limit)
      break;
    b = __fadd_rn(__fmul_rn(__fmul_rn(2, a), b), cy);
    a = __fadd_rn(__fsub_rn(aa, bb), cx);
  }
  out[y * width + x] = n;
}
