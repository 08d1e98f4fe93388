/*===- processor_time.c - What a run takes of processors, wall clocks aside ---===*/
/* Part of vitc, under the Apache License v2.0 with LLVM Exceptions.            */
/*                                                                              */
/* processor_time LIBRARY NAME DEVICE BATCH RUNS: milliseconds of processor     */
/* time of a run, the smallest and the median, which other programs change less */
/* than they do wall times. LIBRARY is what vitc build --shared --name NAME     */
/* wrote; weights are small numbers made up on the spot.                        */
/*   cc -O2 bench/cpu/processor_time.c -o processor_time                        */
/*     $(pkg-config --cflags --libs vit-runtime) -ldl                           */
/*===------------------------------------------------------------------------===*/
#include <vit/runtime.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { most_runs = 1000, most_tensors = 8 };

static double milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

/* Numbers in [-1, 1). */
static float noise(void) {
  static uint32_t state = 1;
  state = state * 1664525u + 1013904223u;
  return (float)(int32_t)state * 0x1p-31f;
}

static vit_status fill(void *user, const char *name, uint32_t rank, const int64_t *shape,
                       float *values) {
  (void)user, (void)name;
  int64_t count = 1;
  for (uint32_t i = 0; i != rank; ++i)
    count *= shape[i];
  for (int64_t i = 0; i != count; ++i)
    values[i] = noise() * 0.05f;
  return VIT_OK;
}

/* Room for a batch of f32 values, filled. */
static float *buffer_of(const vit_tensor_info *info, int batch) {
  int64_t count = batch;
  for (uint32_t i = 1; i < info->rank; ++i)
    count *= info->shape[i];
  float *values = aligned_alloc(64, (size_t)(count * 4 + 63) / 64 * 64);
  for (int64_t i = 0; values && i != count; ++i)
    values[i] = noise();
  return values;
}

typedef const vit_library *library_function(uint32_t abi);

static const vit_library *open_library(const char *path, const char *name) {
  char symbol[256];
  snprintf(symbol, sizeof symbol, "%s_library", name);
  void *file = dlopen(path, RTLD_NOW);
  library_function *function = NULL;
  *(void **)&function = file ? dlsym(file, symbol) : NULL; /* POSIX's way from data to code */
  if (!function)
    return fprintf(stderr, "processor_time: %s\n", dlerror()), NULL;
  return function(VIT_ABI);
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The smallest and the median of the runs behind the first. */
static vit_status measure(const vit_library *library, const char *device, int batch, int runs) {
  const void *inputs[most_tensors];
  void *outputs[most_tensors];
  vit_tensor_info info;
  int n = (int)vit_library_input_count(library), m = (int)vit_library_output_count(library);
  for (int i = 0; i != n && vit_library_input(library, (uint32_t)i, &info) == VIT_OK; ++i)
    inputs[i] = buffer_of(&info, batch);
  for (int i = 0; i != m && vit_library_output(library, (uint32_t)i, &info) == VIT_OK; ++i)
    outputs[i] = buffer_of(&info, batch);
  vit_model *model = NULL;
  vit_workspace *workspace = NULL;
  vit_status status = vit_model_load_from(library, fill, NULL, device, &model);
  if (status == VIT_OK)
    status = vit_workspace_create(model, batch, &workspace);
  static double times[most_runs];
  for (int i = -1; status == VIT_OK && i != runs; ++i) {
    double begin = milliseconds();
    status = vit_model_run_host(model, workspace, batch, inputs, n, outputs, m);
    if (i >= 0)
      times[i] = milliseconds() - begin;
  }
  if (status == VIT_OK) {
    qsort(times, (size_t)runs, sizeof times[0], compare);
    printf("%.3f %.3f\n", times[0], times[runs / 2]);
  }
  vit_workspace_free(workspace);
  vit_model_free(model);
  return status;
}

int main(int argc, char **argv) {
  int batch = argc == 6 ? atoi(argv[4]) : 0, runs = argc == 6 ? atoi(argv[5]) : 0;
  if (batch < 1 || runs < 1 || runs > most_runs) {
    fprintf(stderr, "usage: processor_time LIBRARY NAME DEVICE BATCH RUNS\n");
    return 2;
  }
  const vit_library *library = open_library(argv[1], argv[2]);
  if (!library)
    return 1;
  if (vit_library_input_count(library) <= most_tensors &&
      vit_library_output_count(library) <= most_tensors &&
      measure(library, argv[3], batch, runs) == VIT_OK)
    return 0;
  fprintf(stderr, "processor_time: %s\n", vit_last_error());
  return 1;
}
