// mma.sync on bf16 with ldmatrix, from two buffers that cp.async fills; 64x64 by four warps.
// arch: sm_80
#include <cuda_bf16.h>

__device__ unsigned sharedAddress(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }
__device__ void copy16(void *to, const void *from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(sharedAddress(to)), "l"(from));
}
__device__ void load4(unsigned (&r)[4], const void *p) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(sharedAddress(p)));
}
__device__ void load2Transposed(unsigned (&r)[2], const void *p) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(sharedAddress(p)));
}

// C (m x n) = A (m x k) * B (k x n); sizes are multiples of 64, k of 32.
extern "C" __global__ void gemm_bf16(const __nv_bfloat16 *a, const __nv_bfloat16 *b, float *c, int n,
                                     int k) {
  __shared__ __align__(16) __nv_bfloat16 left[2][64][40], right[2][32][72];
  int t = threadIdx.x, lane = t % 32, warp = t / 32;
  int row0 = blockIdx.y * 64, column0 = blockIdx.x * 64;
  auto fetch = [&](int buffer, int step) {
    for (int i = t; i < 256; i += 128) {
      copy16(&left[buffer][i / 4][i % 4 * 8], &a[(row0 + i / 4) * k + step + i % 4 * 8]);
      copy16(&right[buffer][i / 8][i % 8 * 8], &b[(step + i / 8) * n + column0 + i % 8 * 8]);
    }
    asm volatile("cp.async.commit_group;");
  };
  float sum[8][4] = {};
  fetch(0, 0);
#pragma unroll 1
  for (int step = 0; step < k; step += 32) {
    int buffer = step / 32 & 1;
    if (step + 32 < k) {
      fetch(buffer ^ 1, step + 32);
      asm volatile("cp.async.wait_group 1;");
    } else {
      asm volatile("cp.async.wait_group 0;");
    }
    __syncthreads();
#pragma unroll
    for (int kk = 0; kk < 32; kk += 16) {
      unsigned fa[4];
      load4(fa, &left[buffer][warp * 16 + lane % 16][kk + lane / 16 * 8]);
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        unsigned fb[2];
        load2Transposed(fb, &right[buffer][kk + lane % 16][j * 8]);
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, "
                     "{%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                     : "+f"(sum[j][0]), "+f"(sum[j][1]), "+f"(sum[j][2]), "+f"(sum[j][3])
                     : "r"(fa[0]), "r"(fa[1]), "r"(fa[2]), "r"(fa[3]), "r"(fb[0]), "r"(fb[1]));
      }
    }
    __syncthreads();
  }
  for (int j = 0; j < 8; ++j)
    for (int i = 0; i < 4; ++i) {
      int row = row0 + warp * 16 + lane / 4 + i / 2 * 8;
      c[row * n + column0 + j * 8 + lane % 4 * 2 + i % 2] = sum[j][i];
    }
}
