/*===- Case.h - What the programs of lifetimes.py share ---------------------===*/
/* Part of vitc, under the Apache License v2.0 with LLVM Exceptions.           */
/*===-----------------------------------------------------------------------===*/
#ifndef VITC_TEST_LIFETIMES_CASE_H
#define VITC_TEST_LIFETIMES_CASE_H

#include <stdint.h>
#include <stdio.h>
#include <vit/runtime.h>

#ifdef __cplusplus
extern "C"
#endif
    const vit_library *tiny_library(uint32_t abi);

static float pixels[32];
static float logits[32];
static const void *const inputs[] = {pixels};
static void *const outputs[] = {logits};

/* One line: what was done, the status, and its text. */
static inline vit_status say(const char *what, vit_status status) {
  printf("%s: %d %s\n", what, (int)status, vit_last_error());
  fflush(stdout);
  return status;
}

static inline vit_status runOnce(const vit_model *model, vit_workspace *workspace) {
  return vit_model_run_host(model, workspace, 1, inputs, 1, outputs, 1);
}

#endif
