/*===- classify.c - A compiled ViT from C -----------------------------------===*/
/* Part of vitc, under the Apache License v2.0 with LLVM Exceptions.           */
/*                                                                             */
/* digits.h and the library behind it are what vitc made of model/. They run   */
/* on a GPU if there is one, else on the CPU; or on the emulator of a GPU:     */
/*   LD_LIBRARY_PATH=<prefix>/lib/emulator ./classify model.safetensors ...    */
/*===-----------------------------------------------------------------------===*/
#include "digits.h"
#include "scans.h"

#include <stdio.h>
#include <stdlib.h>

static int fail(void) {
  fprintf(stderr, "classify: %s\n", vit_last_error());
  return EXIT_FAILURE;
}

/* Classifies all scans, as many at a time as the library was built for. */
static int classify(vit_workspace *workspace, const vit_model *model, const scans *s,
                    int *predictions) {
  float logits[digits_max_batch][digits_logits_size];
  for (int first = 0; first < s->count; first += digits_max_batch) {
    int batch = s->count - first < digits_max_batch ? s->count - first : digits_max_batch;
    const void *inputs[] = {s->pixels + (size_t)first * digits_pixel_values_size};
    void *outputs[] = {logits};
    if (vit_model_run_host(model, workspace, batch, inputs, 1, outputs, 1) != VIT_OK)
      return fail();
    for (int i = 0; i < batch; ++i)
      predictions[first + i] = scans_best(logits[i], digits_logits_size);
  }
  return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: %s model.safetensors test.safetensors\n", argv[0]);
    return 2;
  }
  scans s;
  if (scans_open(argv[2], &s) != 0)
    return EXIT_FAILURE;
  vit_model *model = NULL;
  vit_workspace *workspace = NULL;
  int *predictions = calloc((size_t)s.count + 1, sizeof *predictions);
  int status = EXIT_FAILURE;
  if (!predictions || vit_model_load(digits_library(VIT_ABI), argv[1], NULL, &model) != VIT_OK ||
      vit_workspace_create(model, digits_max_batch, &workspace) != VIT_OK) {
    fail();
  } else {
    printf("running %s\n\n", vit_model_description(model));
    status = classify(workspace, model, &s, predictions);
    if (status == EXIT_SUCCESS)
      scans_report(&s, predictions);
  }
  free(predictions);
  vit_workspace_free(workspace);
  vit_model_free(model);
  scans_close(&s);
  return status;
}
