// One warp, one mma.sync of each shape, its operands gathered from matrices in memory by the layouts that the
// instruction set documents.
#include <cuda_fp16.h>

// A is 16 x K, B is K x 8 by columns; elements of BITS bits, packed.
template <int BITS> __device__ unsigned word(const unsigned char *p, int row, int column, int k) {
  return *(const unsigned *)(p + (row * k + column) * BITS / 8);
}
#define FRAGMENTS(BITS, K)                                                                         \
  constexpr int per = 32 / BITS, na = K / (2 * per), nb = K / (4 * per);                           \
  int lane = threadIdx.x, group = lane / 4, quad = lane % 4;                                       \
  unsigned fa[na], fb[nb];                                                                         \
  for (int r = 0; r < na; ++r)                                                                     \
    fa[r] = word<BITS>(a, group + 8 * (r % 2), quad * per + r / 2 * 4 * per, K);                   \
  for (int r = 0; r < nb; ++r)                                                                     \
    fb[r] = word<BITS>(b, group, quad * per + r * 4 * per, K);                                     \
  int row = group, column = quad * 2
#define STORE(S)                                                                                   \
  c[row * 8 + column] = S[0], c[row * 8 + column + 1] = S[1];                                      \
  c[(row + 8) * 8 + column] = S[2], c[(row + 8) * 8 + column + 1] = S[3]

#define FLOATS4_2(NAME, TEXT, BITS, K)                                                             \
  extern "C" __global__ void NAME(const unsigned char *a, const unsigned char *b, float *c) {      \
    FRAGMENTS(BITS, K);                                                                            \
    float s[4] = {1, 2, 3, 4};                                                                     \
    asm volatile("mma.sync.aligned." TEXT                                                          \
                 " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"                          \
                 : "+f"(s[0]), "+f"(s[1]), "+f"(s[2]), "+f"(s[3])                                  \
                 : "r"(fa[0]), "r"(fa[1]), "r"(fa[2]), "r"(fa[3]), "r"(fb[0]), "r"(fb[1]));        \
    STORE(s);                                                                                      \
  }
#define FLOATS2_1(NAME, TEXT, BITS, K)                                                             \
  extern "C" __global__ void NAME(const unsigned char *a, const unsigned char *b, float *c) {      \
    FRAGMENTS(BITS, K);                                                                            \
    float s[4] = {1, 2, 3, 4};                                                                     \
    asm volatile("mma.sync.aligned." TEXT " {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"          \
                 : "+f"(s[0]), "+f"(s[1]), "+f"(s[2]), "+f"(s[3])                                  \
                 : "r"(fa[0]), "r"(fa[1]), "r"(fb[0]));                                            \
    STORE(s);                                                                                      \
  }
#define INTEGERS4_2(NAME, TEXT, BITS, K)                                                           \
  extern "C" __global__ void NAME(const unsigned char *a, const unsigned char *b, int *c) {        \
    FRAGMENTS(BITS, K);                                                                            \
    int s[4] = {1, 2, 3, 4};                                                                       \
    asm volatile("mma.sync.aligned." TEXT                                                          \
                 " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"                          \
                 : "+r"(s[0]), "+r"(s[1]), "+r"(s[2]), "+r"(s[3])                                  \
                 : "r"(fa[0]), "r"(fa[1]), "r"(fa[2]), "r"(fa[3]), "r"(fb[0]), "r"(fb[1]));        \
    STORE(s);                                                                                      \
  }
FLOATS4_2(mma_f16_k16, "m16n8k16.row.col.f32.f16.f16.f32", 16, 16)
FLOATS2_1(mma_f16_k8, "m16n8k8.row.col.f32.f16.f16.f32", 16, 8)
FLOATS4_2(mma_bf16_k16, "m16n8k16.row.col.f32.bf16.bf16.f32", 16, 16)
FLOATS2_1(mma_bf16_k8, "m16n8k8.row.col.f32.bf16.bf16.f32", 16, 8)
FLOATS4_2(mma_tf32_k8, "m16n8k8.row.col.f32.tf32.tf32.f32", 32, 8)
FLOATS2_1(mma_tf32_k4, "m16n8k4.row.col.f32.tf32.tf32.f32", 32, 4)
FLOATS4_2(mma_e4m3_k32, "m16n8k32.row.col.f32.e4m3.e4m3.f32", 8, 32)
FLOATS4_2(mma_e5m2_k32, "m16n8k32.row.col.f32.e5m2.e4m3.f32", 8, 32)
INTEGERS4_2(mma_s8_k32, "m16n8k32.row.col.s32.s8.s8.s32", 8, 32)
INTEGERS4_2(mma_u8_k32, "m16n8k32.row.col.satfinite.s32.u8.s8.s32", 8, 32)
INTEGERS4_2(mma_s4_k64, "m16n8k64.row.col.s32.s4.u4.s32", 4, 64)
INTEGERS4_2(mma_b1_k256, "m16n8k256.row.col.s32.b1.b1.s32.xor.popc", 1, 256)
extern "C" __global__ void mma_f16_sums(const unsigned char *a, const unsigned char *b, half2 *c) {
  FRAGMENTS(16, 16);
  unsigned s[2] = {0x40003c00, 0x44004200}; // 1, 2, 3, 4
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 {%0,%1}, {%2,%3,%4,%5}, {%6,%7}, {%0,%1};"
               : "+r"(s[0]), "+r"(s[1])
               : "r"(fa[0]), "r"(fa[1]), "r"(fa[2]), "r"(fa[3]), "r"(fb[0]), "r"(fb[1]));
  ((unsigned *)c)[(row * 8 + column) / 2] = s[0];
  ((unsigned *)c)[((row + 8) * 8 + column) / 2] = s[1];
}
