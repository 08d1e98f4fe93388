/*===- host.c - Opens plugins and libraries, and closes them ----------------===*/
/* Part of vitc, under the Apache License v2.0 with LLVM Exceptions.           */
/*                                                                             */
/*   host plugin FILE WEIGHTS     runs a plugin, closes it, twice              */
/*   host library FILE WEIGHTS    closes a model's library while it is loaded  */
/*   host namespace FILE WEIGHTS  runs a plugin in a namespace of its own      */
/*===-----------------------------------------------------------------------===*/
#define _GNU_SOURCE /* dlmopen */
#include "Case.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

typedef int (*run_function)(const char *weights, int fail);
typedef const vit_library *(*library_function)(uint32_t abi);

static void countMappings(const char *file) {
  char line[1024];
  int count = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (maps && fgets(line, sizeof line, maps))
    count += strstr(line, file) != NULL;
  if (maps)
    fclose(maps);
  printf("mappings: %s\n", count ? "some" : "none");
}

static void *symbol(void *handle, const char *name) {
  void *found = handle ? dlsym(handle, name) : NULL;
  if (!found)
    printf("%s\n", dlerror());
  return found;
}

static const char *weights;
static void *inThread(void *run) {
  ((run_function)run)(weights, 1);
  return NULL;
}

static int plugin(const char *file) {
  for (int i = 0; i < 2; ++i) {
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    run_function run = (run_function)symbol(handle, "plugin_run");
    if (!run || run(weights, i))
      return 1;
    pthread_t thread; /* which ends with an error of its own left */
    if (pthread_create(&thread, NULL, inThread, (void *)run) || pthread_join(thread, NULL))
      return 1;
    countMappings(file);
    dlclose(handle);
    countMappings(file);
  }
  return 0;
}

static int library(const char *file) {
  void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  library_function get = (library_function)symbol(handle, "tiny_library");
  vit_model *model = NULL;
  vit_workspace *workspace = NULL;
  if (!get || say("load", vit_model_load(get(VIT_ABI), weights, NULL, &model)))
    return 1;
  dlclose(handle);
  say("create", vit_workspace_create(model, 1, &workspace));
  say("run", runOnce(model, workspace));
  countMappings(file);
  vit_model_free(model);
  vit_workspace_free(workspace);
  countMappings(file);
  return 0;
}

static int namespace(const char *file) {
  void *handle = dlmopen(LM_ID_NEWLM, file, RTLD_NOW | RTLD_LOCAL);
  run_function run = (run_function)symbol(handle, "plugin_run");
  return !run || run(weights, 0);
}

int main(int count, char **arguments) {
  if (count != 4)
    return 2;
  weights = arguments[3];
  if (!strcmp(arguments[1], "namespace"))
    return namespace(arguments[2]);
  return strcmp(arguments[1], "plugin") ? library(arguments[2]) : plugin(arguments[2]);
}
