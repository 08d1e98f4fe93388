// Dot products of bytes, permutations, fields, video's leftovers.
extern "C" __global__ void bit_tricks(const int *x, const int *y, int *out) {
  int i = threadIdx.x, a = x[i], b = y[i];
  unsigned u = a, v = b;
  int *o = out + i * 20;
  o[0] = __dp4a(a, b, 5), o[1] = __dp4a(u, v, 7u);
  o[2] = __dp2a_lo(a, b, 3), o[3] = __dp2a_hi(u, v, 9u);
  o[4] = __byte_perm(u, v, 0x5273), o[5] = __funnelshift_l(u, v, 37), o[6] = __funnelshift_rc(u, v, 40);
  o[7] = __sad(a, b, 11u), o[8] = __usad(u, v, 13u), o[9] = __mulhi(a, b), o[10] = __umulhi(u, v);
  o[11] = __mul24(a, b), o[12] = __umul24(u, v), o[13] = __ffs(a) + 100 * __clz(b);
  o[14] = __brev(u), o[15] = __hadd(a, b), o[16] = __vabsdiffu4(u, v);
  int field, mask, extended;
  asm("bfe.s32 %0, %1, 5, 9;" : "=r"(field) : "r"(a));
  asm("bmsk.clamp.b32 %0, %1, %2;" : "=r"(mask) : "r"(b & 31), "r"(a & 15));
  asm("szext.wrap.s32 %0, %1, %2;" : "=r"(extended) : "r"(a), "r"(11));
  o[17] = field, o[18] = mask, o[19] = extended;
}
