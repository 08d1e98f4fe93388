/* fma_peak [avx2|avx512]: prints the GFLOP/s of multiply-adds on registers alone, by one thread:
 * what a product could reach with these vectors; without a word with the widest that there are. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#define REPEAT12(x) x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11)
#define WIDE(i) "vfmadd231ps %%zmm30, %%zmm31, %%zmm" #i "\n"
#define NARROW(i) "vfmadd231ps %%ymm14, %%ymm15, %%ymm" #i "\n"

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec + 1e-9 * now.tv_nsec;
}

enum { steps = 1000000, instructions = 12, rounds = 40 };

/* Whether vectors are wide, or -1 where the processor has none that were asked for. */
static int choose(const char *wish) {
  int wide = __builtin_cpu_supports("avx512f") && (!wish || strcmp(wish, "avx512") == 0);
  if (wish && strcmp(wish, "avx2") != 0 && strcmp(wish, "avx512") != 0)
    fprintf(stderr, "fma_peak: expected avx2 or avx512, found '%s'\n", wish);
  else if (wish && strcmp(wish, "avx512") == 0 && !wide)
    fputs("fma_peak: the processor has no AVX-512; ask for avx2\n", stderr);
  else if (!wide && !__builtin_cpu_supports("fma"))
    fputs("fma_peak: the processor has no multiply-adds of vectors\n", stderr);
  else
    return wide;
  return -1;
}

int main(int argc, char **argv) {
  int wide = choose(argc > 1 ? argv[1] : NULL);
  if (wide < 0)
    return 1;
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    double begin = seconds();
    if (wide)
      for (int i = 0; i < steps; ++i)
        __asm__ volatile(REPEAT12(WIDE)::
                             : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                               "xmm8", "xmm9", "xmm10", "xmm11");
    else
      for (int i = 0; i < steps; ++i)
        __asm__ volatile(REPEAT12(NARROW)::
                             : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                               "xmm8", "xmm9", "xmm10", "xmm11");
    double flops = 2.0 * steps * instructions * (wide ? 16 : 8) / (seconds() - begin);
    best = flops > best ? flops : best;
  }
  printf("%.1f\n", best * 1e-9);
  return 0;
}
