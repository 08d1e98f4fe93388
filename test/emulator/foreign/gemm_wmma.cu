// WMMA from global memory: f16 with both accumulators, bf16, tf32, s8, and double.
// arch: sm_80
#include <cuda_bf16.h>
#include <mma.h>
using namespace nvcuda::wmma;

// One warp computes 16 x 16 (or MxN) of C = A * B, B by columns.
template <int M, int N, int K, typename In, typename Loaded, typename Out>
__device__ void product(const Loaded *a, const Loaded *b, Out *c, int k) {
  fragment<matrix_a, M, N, K, In, row_major> left;
  fragment<matrix_b, M, N, K, In, col_major> right;
  fragment<accumulator, M, N, K, Out> sum;
  fill_fragment(sum, Out(0));
#pragma unroll 1
  for (int step = 0; step < k; step += K) {
    load_matrix_sync(left, a + step, k);
    load_matrix_sync(right, b + step, k);
    mma_sync(sum, left, right, sum);
  }
  for (int i = 0; i < sum.num_elements; ++i)
    sum.x[i] = sum.x[i] * Out(2);
  store_matrix_sync(c, sum, N, mem_row_major);
}
extern "C" __global__ void wmma_f16(const half *a, const half *b, float *c, int k) {
  product<16, 16, 16, half>(a, b, c, k);
}
extern "C" __global__ void wmma_f16_f16(const half *a, const half *b, half *c, int k) {
  product<32, 8, 16, half>(a, b, c, k);
}
extern "C" __global__ void wmma_bf16(const __nv_bfloat16 *a, const __nv_bfloat16 *b, float *c,
                                     int k) {
  product<8, 32, 16, __nv_bfloat16>(a, b, c, k);
}
extern "C" __global__ void wmma_tf32(const float *a, const float *b, float *c, int k) {
  product<16, 16, 8, precision::tf32>(a, b, c, k);
}
extern "C" __global__ void wmma_s8(const signed char *a, const signed char *b, int *c, int k) {
  product<16, 16, 16, signed char>(a, b, c, k);
}
extern "C" __global__ void wmma_f64(const double *a, const double *b, double *c, int k) {
  product<8, 8, 4, double>(a, b, c, k);
}
