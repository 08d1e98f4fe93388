//===- classify.cpp - A compiled ViT from C++ -----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The same as classify.c, with vit.hpp: models and workspaces free themselves.
//===----------------------------------------------------------------------===//
#include "digits.h"
#include "scans.h"

#include <vit/vit.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

static int fail() {
  std::fprintf(stderr, "classify-cpp: %s\n", vit::lastError());
  return EXIT_FAILURE;
}

static int classify(const char *weights, const scans &s) {
  vit::Model model;
  vit::Workspace workspace;
  if (model.load(digits_library(VIT_ABI), weights) != VIT_OK ||
      workspace.create(model, digits_max_batch) != VIT_OK)
    return fail();
  std::printf("running %s\n\n", model.description());

  std::vector<float> logits(digits_max_batch * digits_logits_size);
  std::vector<int> predictions(s.count);
  for (int first = 0; first < s.count; first += digits_max_batch) {
    int batch = std::min<int>(s.count - first, digits_max_batch);
    const void *const inputs[] = {s.pixels + std::size_t(first) * digits_pixel_values_size};
    void *const outputs[] = {logits.data()};
    if (workspace.runHost(batch, inputs, outputs) != VIT_OK)
      return fail();
    for (int i = 0; i < batch; ++i)
      predictions[first + i] = scans_best(&logits[i * digits_logits_size], digits_logits_size);
  }
  scans_report(&s, predictions.data());
  return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s model.safetensors test.safetensors\n", argv[0]);
    return 2;
  }
  scans s;
  if (scans_open(argv[2], &s) != 0)
    return EXIT_FAILURE;
  int status = classify(argv[1], s);
  scans_close(&s);
  return status;
}
