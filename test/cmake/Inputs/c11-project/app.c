/* The shortest program that runs a model, in C11. */
#include "digits.h"

#include <math.h>
#include <stdio.h>

int main(int argc, char **argv) {
  static float pixels[digits_pixel_values_size], logits[digits_logits_size];
  const void *inputs[] = {pixels};
  void *outputs[] = {logits};
  vit_model *model = NULL;
  vit_workspace *workspace = NULL;
  if (argc != 2 || vit_model_load(digits_library(VIT_ABI), argv[1], NULL, &model) != VIT_OK ||
      vit_workspace_create(model, 1, &workspace) != VIT_OK ||
      vit_model_run_host(model, workspace, 1, inputs, 1, outputs, 1) != VIT_OK) {
    fprintf(stderr, "%s\n", vit_last_error());
    return 1;
  }
  int finite = 0;
  for (int i = 0; i < digits_logits_size; ++i)
    finite += isfinite(logits[i]) != 0;
  printf("%d logits, %s finite\n", digits_logits_size,
         finite == digits_logits_size ? "all" : "not all");
  vit_workspace_free(workspace);
  vit_model_free(model);
  return 0;
}
