/*===- classes.c - Classes of images, and nothing else -----------------------===*/
/* Part of vitc, under the Apache License v2.0 with LLVM Exceptions.           */
/*                                                                             */
/* classes WEIGHTS PIXELS: the class of each image of a file of f32, by a      */
/* library for CPUs. What it needs of a system is a kernel.                    */
/*===-----------------------------------------------------------------------===*/
#include "digits.h"

#include <stdio.h>

static int best(const float *values) {
  int found = 0;
  for (int i = 1; i < digits_logits_size; ++i)
    if (values[i] > values[found])
      found = i;
  return found;
}

int main(int argc, char **argv) {
  static float pixels[digits_pixel_values_size];
  float logits[digits_logits_size];
  const void *inputs[] = {pixels};
  void *outputs[] = {logits};
  vit_model *model = NULL;
  vit_workspace *workspace = NULL;
  FILE *file = argc == 3 ? fopen(argv[2], "rb") : NULL;
  if (!file || vit_model_load(digits_library(VIT_ABI), argv[1], NULL, &model) != VIT_OK ||
      vit_workspace_create(model, 1, &workspace) != VIT_OK) {
    fprintf(stderr, "classes: %s\n", file ? vit_last_error() : "expected WEIGHTS PIXELS");
    return 1;
  }
  int status = 0;
  while (status == 0 && fread(pixels, sizeof pixels, 1, file) == 1) {
    status = vit_model_run_host(model, workspace, 1, inputs, 1, outputs, 1) != VIT_OK;
    printf("%d\n", best(logits));
  }
  fclose(file);
  vit_workspace_free(workspace);
  vit_model_free(model);
  return status;
}
