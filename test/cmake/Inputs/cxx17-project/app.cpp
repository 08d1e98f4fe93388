// Runs one model in f16 with weights from a file, and one in bf16 with embedded weights, on one
// image.
#include "packed.h"
#include "plain.h"

#include <vit/vit.hpp>

#include <cmath>
#include <cstdio>

static_assert(int(plain_logits_size) == int(packed_logits_size), "two builds of one model");

static bool run(const vit_library *library, const char *weights, const float *pixels,
                float *logits) {
  vit::Model model;
  vit::Workspace workspace;
  const void *const inputs[] = {pixels};
  void *const outputs[] = {logits};
  if (model.load(library, weights) == VIT_OK && workspace.create(model, 1) == VIT_OK &&
      workspace.runHost(1, inputs, outputs) == VIT_OK)
    return true;
  std::fprintf(stderr, "%s\n", vit::lastError());
  return false;
}

int main(int, char **argv) {
  float pixels[plain_pixel_values_size], plain[plain_logits_size], packed[packed_logits_size];
  for (int i = 0; i < plain_pixel_values_size; ++i)
    pixels[i] = float(i % 7) - 3;
  if (plain_library(VIT_ABI + 1) || !run(plain_library(VIT_ABI), argv[1], pixels, plain) ||
      !run(packed_library(VIT_ABI), nullptr, pixels, packed))
    return 1;
  float difference = 0, size = 0;
  for (int i = 0; i < plain_logits_size; ++i) {
    difference += (plain[i] - packed[i]) * (plain[i] - packed[i]);
    size += plain[i] * plain[i];
  }
  bool agree = size > 0 && std::sqrt(difference / size) < 2e-2;
  std::printf("the models %s\n", agree ? "agree" : "differ");
  return agree ? 0 : 1;
}
