/*===- plugin.c - A model in a plugin ---------------------------------------===*/
/* Part of vitc, under the Apache License v2.0 with LLVM Exceptions.           */
/*===-----------------------------------------------------------------------===*/
#include "Case.h"

/* `fail`: also leaves an error behind, in this thread. */
int plugin_run(const char *weights, int fail) {
  vit_model *model = NULL;
  vit_workspace *workspace = NULL;
  int status = say("load", vit_model_load(tiny_library(VIT_ABI), weights, NULL, &model)) ||
               say("create", vit_workspace_create(model, 1, &workspace)) ||
               say("run", runOnce(model, workspace));
  vit_model_free(model);
  vit_workspace_free(workspace);
  if (fail)
    say("missing", vit_model_load(tiny_library(VIT_ABI), "/missing", NULL, &model));
  return status;
}
