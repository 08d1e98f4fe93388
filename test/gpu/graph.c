/*===- graph.c - A run captured into a CUDA graph ---------------------------===*/
/* Part of vitc, under the Apache License v2.0 with LLVM Exceptions.           */
/*                                                                             */
/* Captures vit_model_run of the model in tiny.h, launches the graph with new   */
/* inputs, and compares bits with vit_model_run_host; then the same with the    */
/* graph of a prepared batch, whose pointers change while it is under way.      */
/* Calls the driver, so needs no toolkit.                                      */
/*===-----------------------------------------------------------------------===*/
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <vit/runtime.h>

const vit_library *tiny_library(uint32_t abi);

typedef unsigned long long address;

/* A function of the driver by its exported name. */
static void *driver(const char *name) {
  static void *library;
  void *found;
  if (!library)
    library = dlopen("libcuda.so.1", RTLD_NOW);
  found = library ? dlsym(library, name) : NULL;
  if (!found)
    printf("no %s\n", name);
  return found;
}

/* Calls cuNAME with these types of parameters, and ends the test if it fails. */
#define CALL(name, types, arguments)                                                               \
  do {                                                                                             \
    int(*function) types = (int(*) types)driver(#name);                                            \
    int error = function ? function arguments : -1;                                                \
    if (error) {                                                                                   \
      printf(#name ": error %d\n", error);                                                         \
      return 1;                                                                                    \
    }                                                                                              \
  } while (0)

#define TRY(call)                                                                                  \
  do {                                                                                             \
    if ((call) != VIT_OK) {                                                                        \
      printf(#call ": %s\n", vit_last_error());                                                    \
      return 1;                                                                                    \
    }                                                                                              \
  } while (0)

enum { batch = 3, values = 32 * batch, runs = 20 };

static vit_status fill(void *user, const char *name, uint32_t rank, const int64_t *shape,
                       float *tensor) {
  int64_t i, size = shape[0] * (rank == 2 ? shape[1] : 1);
  (void)user;
  for (i = 0; i < size; ++i)
    tensor[i] = 0.25f * (float)((i + name[6]) % 7) - 0.5f;
  return VIT_OK;
}

int main(void) {
  static float x[values], y[values], right[values];
  const void *hostInputs[] = {x}, *inputs[1];
  void *hostOutputs[] = {right}, *outputs[1], *context, *graph, *ready, *none;
  address in, out, many;
  size_t nodes = 0;
  vit_stream stream;
  vit_model *model = NULL;
  vit_workspace *workspace = NULL;
  vit_status status;
  int round, i;
  TRY(vit_model_load_from(tiny_library(VIT_ABI), fill, NULL, "cuda", &model));
  TRY(vit_workspace_create(model, batch, &workspace));
  puts(vit_model_description(model));
  CALL(cuDevicePrimaryCtxRetain, (void **, int), (&context, 0));
  CALL(cuCtxPushCurrent_v2, (void *), (context));
  CALL(cuMemAlloc_v2, (address *, size_t), (&in, sizeof x));
  CALL(cuMemAlloc_v2, (address *, size_t), (&out, sizeof y));
  CALL(cuStreamCreate, (vit_stream *, unsigned), (&stream, 1));
  inputs[0] = (const void *)in;
  outputs[0] = (void *)out;

  /* Checks need the outputs on the host, which a capture cannot give. */
  TRY(vit_workspace_set_checks(workspace, VIT_CHECK_FINITE));
  CALL(cuStreamBeginCapture_v2, (vit_stream, int), (stream, 1));
  status = vit_model_run(model, workspace, batch, inputs, 1, outputs, 1, stream);
  printf("with checks: %d %s\n", (int)status, vit_last_error());
  if (status != VIT_DEVICE_ERROR || !strstr(vit_last_error(), "captured"))
    return 1;
  ((int (*)(vit_stream, void **))driver("cuStreamEndCapture"))(stream, &none);
  TRY(vit_workspace_set_checks(workspace, 0));

  CALL(cuStreamBeginCapture_v2, (vit_stream, int), (stream, 1));
  TRY(vit_model_run(model, workspace, batch, inputs, 1, outputs, 1, stream));
  CALL(cuStreamEndCapture, (vit_stream, void **), (stream, &graph));
  CALL(cuGraphInstantiateWithFlags, (void **, void *, unsigned long long), (&ready, graph, 0));
  for (round = 0; round < 3; ++round) {
    for (i = 0; i < values; ++i)
      x[i] = (float)((i * 37 + round * 11) % 101) / 50 - 1;
    TRY(vit_model_run_host(model, workspace, batch, hostInputs, 1, hostOutputs, 1));
    CALL(cuMemcpyHtoD_v2, (address, const void *, size_t), (in, x, sizeof x));
    CALL(cuGraphLaunch, (void *, vit_stream), (ready, stream));
    CALL(cuStreamSynchronize, (vit_stream), (stream));
    CALL(cuMemcpyDtoH_v2, (void *, address, size_t), (y, out, sizeof y));
    if (memcmp(y, right, sizeof y)) {
      printf("round %d: other bits\n", round);
      return 1;
    }
  }
  CALL(cuGraphExecDestroy, (void *), (ready));
  CALL(cuGraphDestroy, (void *), (graph));
  puts("capture: the same bits");

  /* All runs are enqueued before any is looked at. */
  CALL(cuMemAlloc_v2, (address *, size_t), (&many, runs * sizeof y));
  TRY(vit_workspace_prepare(model, workspace, batch));
  for (round = 0; round < runs; ++round) {
    outputs[0] = (void *)(many + (address)round * sizeof y);
    TRY(vit_model_run(model, workspace, batch, inputs, 1, outputs, 1, stream));
  }
  CALL(cuStreamSynchronize, (vit_stream), (stream));
  for (round = 0; round < runs; ++round) {
    CALL(cuMemcpyDtoH_v2, (void *, address, size_t),
         (y, many + (address)round * sizeof y, sizeof y));
    if (memcmp(y, right, sizeof y)) {
      printf("run %d of a prepared batch: other bits\n", round);
      return 1;
    }
  }
  TRY(vit_model_run_host(model, workspace, batch, hostInputs, 1, hostOutputs, 1));
  if (memcmp(y, right, sizeof y)) {
    puts("a prepared batch from the host: other bits");
    return 1;
  }
  /* A capture gets launches of it. */
  CALL(cuStreamBeginCapture_v2, (vit_stream, int), (stream, 1));
  TRY(vit_model_run(model, workspace, batch, inputs, 1, outputs, 1, stream));
  CALL(cuStreamEndCapture, (vit_stream, void **), (stream, &graph));
  CALL(cuGraphGetNodes, (void *, void **, size_t *), (graph, NULL, &nodes));
  CALL(cuGraphDestroy, (void *), (graph));
  printf("capture of a prepared batch: %d nodes\n", (int)nodes);
  vit_workspace_free(workspace);
  vit_model_free(model);
  puts("graph: the same bits");
  return nodes == 2 ? 0 : 1;
}
