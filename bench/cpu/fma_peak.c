/* fma_peak [avx2|avx512|i8]: prints the GFLOP/s of multiply-adds on registers alone, by one thread:
 * what a product could reach with these vectors; without a word with the widest that there are. i8:
 * of bytes, by AVX-512's vpdpbusd. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#define REPEAT12(x) x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11)
#define WIDE(i) "vfmadd231ps %%zmm30, %%zmm31, %%zmm" #i "\n"
#define NARROW(i) "vfmadd231ps %%ymm14, %%ymm15, %%ymm" #i "\n"
#define BYTES(i) "vpdpbusd %%zmm30, %%zmm31, %%zmm" #i "\n"
#define SUMS                                                                                       \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11"

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec + 1e-9 * now.tv_nsec;
}

enum { steps = 1000000, instructions = 12, rounds = 40 };

static void run_narrow(void) {
  for (int i = 0; i < steps; ++i)
    __asm__ volatile(REPEAT12(NARROW)::: SUMS);
}
static void run_wide(void) {
  for (int i = 0; i < steps; ++i)
    __asm__ volatile(REPEAT12(WIDE)::: SUMS);
}
static void run_bytes(void) {
  for (int i = 0; i < steps; ++i)
    __asm__ volatile(REPEAT12(BYTES)::: SUMS);
}

/* In the order in which the first that the processor has is taken. */
static const struct kind {
  const char *name;
  void (*run)(void);
  int products; /* of an instruction */
} kinds[] = {{"avx512", run_wide, 16}, {"avx2", run_narrow, 8}, {"i8", run_bytes, 64}};

static int has(const struct kind *kind) {
  return kind->run == run_wide     ? __builtin_cpu_supports("avx512f")
         : kind->run == run_narrow ? __builtin_cpu_supports("fma")
                                   : __builtin_cpu_supports("avx512vnni");
}

static const struct kind *choose(const char *wish) {
  int known = 0;
  for (int i = 0; i < 3; ++i) {
    int named = wish && strcmp(wish, kinds[i].name) == 0;
    known |= named;
    if ((named || !wish) && has(&kinds[i]))
      return &kinds[i];
  }
  if (wish && !known)
    fprintf(stderr, "fma_peak: expected avx2, avx512 or i8, found '%s'\n", wish);
  else
    fprintf(stderr, "fma_peak: the processor has no multiply-adds of %s\n",
            wish ? wish : "vectors");
  return NULL;
}

int main(int argc, char **argv) {
  const struct kind *kind = choose(argc > 1 ? argv[1] : NULL);
  if (!kind)
    return 1;
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    double begin = seconds();
    kind->run();
    double flops = 2.0 * steps * instructions * kind->products / (seconds() - begin);
    best = flops > best ? flops : best;
  }
  printf("%.1f\n", best * 1e-9);
  return 0;
}
