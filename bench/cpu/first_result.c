/*===- first_result.c - From a file of weights to the first result ------------===*/
/* Part of vitc, under the Apache License v2.0 with LLVM Exceptions.            */
/*                                                                              */
/* first_result WEIGHTS [DEVICE]: milliseconds of a load, of the first run with */
/* its workspace, of both by the processor's clock, and memory: the most that   */
/* the process had, and what of it is no file now.                              */
/*   vitc build vit-b16/ -o out --name b16 --target cpu --max-batch 1           */
/*   cc -O2 -Iout bench/cpu/first_result.c out/libb16.a                         */
/*     $(pkg-config --cflags --libs vit-runtime) -o first_result                */
/*===------------------------------------------------------------------------===*/
#include "b16.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static double milliseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static long kilobytes(const char *name) {
  char line[256];
  long found = -1;
  FILE *file = fopen("/proc/self/status", "r");
  while (file && fgets(line, sizeof line, file))
    if (strncmp(line, name, strlen(name)) == 0)
      sscanf(line + strlen(name), ": %ld", &found);
  if (file)
    fclose(file);
  return found;
}

int main(int argc, char **argv) {
  static float pixels[b16_pixel_values_size], logits[b16_logits_size];
  const void *inputs[] = {pixels};
  void *outputs[] = {logits};
  for (int i = 0; i != b16_pixel_values_size; ++i)
    pixels[i] = (float)(i % 255) / 127.5f - 1;
  vit_model *model = NULL;
  vit_workspace *workspace = NULL;
  double begin = milliseconds(CLOCK_MONOTONIC), busy = milliseconds(CLOCK_PROCESS_CPUTIME_ID);
  vit_status status = vit_model_load(b16_library(VIT_ABI), argc > 1 ? argv[1] : "model.safetensors",
                                     argc > 2 ? argv[2] : "cpu", &model);
  double loaded = milliseconds(CLOCK_MONOTONIC);
  if (status == VIT_OK)
    status = vit_workspace_create(model, 1, &workspace);
  if (status == VIT_OK)
    status = vit_model_run_host(model, workspace, 1, inputs, 1, outputs, 1);
  if (status != VIT_OK) {
    fprintf(stderr, "first_result: %s\n", vit_last_error());
    return 1;
  }
  double end = milliseconds(CLOCK_MONOTONIC);
  printf("load %.0f, first run %.0f, both %.0f, processors %.0f ms; VmHWM %ld, RssAnon %ld kB\n",
         loaded - begin, end - loaded, end - begin, milliseconds(CLOCK_PROCESS_CPUTIME_ID) - busy,
         kilobytes("VmHWM"), kilobytes("RssAnon"));
  vit_workspace_free(workspace);
  vit_model_free(model);
  return 0;
}
