//===- host_run.cpp - Time of runs with inputs in host memory --------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//   host_run LIBRARY.so NAME BATCH RUNS [pinned]
//
// vit_model_run_host, copies and all, of a library with embedded weights or
// weights made from names. Prints the median in microseconds. `pinned` has the
// driver lock the pages of the inputs. Build it with libvit_runtime.a.
//===----------------------------------------------------------------------===//
#include "runtime/Inspect.h"
#include "runtime/Recipe.h"
#include "weights/HashWeights.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <string>
#include <vector>

int main(int argc, char **argv) {
  if (argc < 5)
    return fprintf(stderr, "usage: host_run LIBRARY.so NAME BATCH RUNS [pinned]\n"), 2;
  void *file = dlopen(argv[1], RTLD_NOW);
  auto function = file ? reinterpret_cast<const vit_library *(*)(uint32_t)>(
                             dlsym(file, (std::string(argv[2]) + "_library").c_str()))
                       : nullptr;
  const vit_library *library = function ? function(VIT_ABI) : nullptr;
  if (!library)
    return fprintf(stderr, "%s: no library %s\n", argv[1], argv[2]), 1;
  vitrt::FunctionSource weights(vitrt::hashSource({}));
  auto model = vitrt::loadModelFrom(library, &weights, nullptr, {});
  if (!model)
    return fprintf(stderr, "%s\n", model.error().c_str()), 1;
  int batch = atoi(argv[3]), count = atoi(argv[4]);
  auto workspace = vitrt::createWorkspace(model->get(), batch);
  if (!workspace)
    return fprintf(stderr, "%s\n", workspace.error().c_str()), 1;
  const vit_tensor &in = library->inputs[0], &out = library->outputs[0];
  auto bytesOf = [&](const vit_tensor &tensor) {
    size_t bytes = size_t(batch) * (tensor.dtype == VIT_U8 ? 1 : 4);
    for (uint32_t i = 1; i != tensor.rank; ++i)
      bytes *= size_t(tensor.shape[i]);
    return bytes;
  };
  std::vector<uint8_t> input(bytesOf(in)), output(bytesOf(out));
  for (size_t i = 0; i != input.size(); ++i)
    input[i] = uint8_t(in.dtype == VIT_U8 ? i * 37 : i % 4 == 3 ? 0x3f : i * 37);
  if (argc > 5) {
    void *driver = dlopen("libcuda.so.1", RTLD_NOW);
    auto lock = driver ? reinterpret_cast<int (*)(void *, size_t, unsigned)>(
                             dlsym(driver, "cuMemHostRegister_v2"))
                       : nullptr;
    auto retain =
        driver ? reinterpret_cast<int (*)(void **, int)>(dlsym(driver, "cuDevicePrimaryCtxRetain"))
               : nullptr;
    auto enter =
        driver ? reinterpret_cast<int (*)(void *)>(dlsym(driver, "cuCtxSetCurrent")) : nullptr;
    void *context = nullptr;
    if (!lock || !retain || !enter || retain(&context, 0) || enter(context) ||
        lock(input.data(), input.size(), 0) || lock(output.data(), output.size(), 0))
      return fprintf(stderr, "the driver does not lock pages\n"), 1;
  }
  const void *inputs[] = {input.data()};
  void *outputs[] = {output.data()};
  std::vector<double> times;
  for (int i = -3; i != count; ++i) {
    auto begin = std::chrono::steady_clock::now();
    if (vit_model_run_host(model->get(), workspace->get(), batch, inputs, 1, outputs, 1) != VIT_OK)
      return fprintf(stderr, "%s\n", vit_last_error()), 1;
    std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - begin;
    if (i >= 0)
      times.push_back(time.count());
  }
  std::sort(times.begin(), times.end());
  printf("%s batch %d%s: median %.1f us (%.1f to %.1f)\n", library->name, batch,
         argc > 5 ? " pinned" : "", times[times.size() / 2], times.front(), times.back());
  return 0;
}
