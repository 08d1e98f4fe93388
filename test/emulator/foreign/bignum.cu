// Numbers of 256 bits: sums, differences and products by chains of carries.
extern "C" __global__ void bignum(const unsigned *x, const unsigned *y, unsigned *sum, unsigned *difference,
                                  unsigned *product) {
  int i = threadIdx.x;
  const unsigned *a = x + i * 8, *b = y + i * 8;
  unsigned s[9], d[9], p[16] = {};
  asm volatile("{\n\t"
               "add.cc.u32 %0, %9, %17;\n\taddc.cc.u32 %1, %10, %18;\n\taddc.cc.u32 %2, %11, %19;\n\t"
               "addc.cc.u32 %3, %12, %20;\n\taddc.cc.u32 %4, %13, %21;\n\taddc.cc.u32 %5, %14, %22;\n\t"
               "addc.cc.u32 %6, %15, %23;\n\taddc.cc.u32 %7, %16, %24;\n\taddc.u32 %8, 0, 0;\n\t}"
               : "=r"(s[0]), "=r"(s[1]), "=r"(s[2]), "=r"(s[3]), "=r"(s[4]), "=r"(s[5]), "=r"(s[6]),
                 "=r"(s[7]), "=r"(s[8])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(a[4]), "r"(a[5]), "r"(a[6]),
                 "r"(a[7]), "r"(b[0]), "r"(b[1]), "r"(b[2]), "r"(b[3]), "r"(b[4]), "r"(b[5]),
                 "r"(b[6]), "r"(b[7]));
  asm volatile("{\n\t"
               "sub.cc.u32 %0, %9, %17;\n\tsubc.cc.u32 %1, %10, %18;\n\tsubc.cc.u32 %2, %11, %19;\n\t"
               "subc.cc.u32 %3, %12, %20;\n\tsubc.cc.u32 %4, %13, %21;\n\tsubc.cc.u32 %5, %14, %22;\n\t"
               "subc.cc.u32 %6, %15, %23;\n\tsubc.cc.u32 %7, %16, %24;\n\tsubc.u32 %8, 0, 0;\n\t}"
               : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3]), "=r"(d[4]), "=r"(d[5]), "=r"(d[6]),
                 "=r"(d[7]), "=r"(d[8])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(a[4]), "r"(a[5]), "r"(a[6]),
                 "r"(a[7]), "r"(b[0]), "r"(b[1]), "r"(b[2]), "r"(b[3]), "r"(b[4]), "r"(b[5]),
                 "r"(b[6]), "r"(b[7]));
#pragma unroll
  for (int j = 0; j < 8; ++j) {
    unsigned carry = 0;
#pragma unroll
    for (int k = 0; k < 8; ++k)
      asm volatile("{\n\t.reg .u32 low, high;\n\t"
                   "mad.lo.cc.u32 low, %2, %3, %0;\n\tmadc.hi.u32 high, %2, %3, 0;\n\t"
                   "add.cc.u32 %0, low, %1;\n\taddc.u32 %1, high, 0;\n\t}"
                   : "+r"(p[j + k]), "+r"(carry)
                   : "r"(a[k]), "r"(b[j]));
    p[j + 8] = carry;
  }
  for (int k = 0; k < 9; ++k)
    sum[i * 9 + k] = s[k], difference[i * 9 + k] = d[k];
  for (int k = 0; k < 16; ++k)
    product[i * 16 + k] = p[k];
}
