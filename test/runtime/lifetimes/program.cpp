//===- program.cpp - Ends in every order, and callbacks that misbehave -----===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//   program CASE WEIGHTS
//
// prints a line for each call; lifetimes.py knows which. No case may touch memory
// that is gone.
//===----------------------------------------------------------------------===//
#include "Case.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vit/vit.hpp>

namespace {

const char *weights;
const char *const missing =
    "/a/path/that/does/not/fit/into/the/object/of/a/string/in/any/library/model.safetensors";

vit_status load(vit_model **model) {
  return vit_model_load(tiny_library(VIT_ABI), weights, nullptr, model);
}

struct Pair {
  vit_model *model = nullptr;
  vit_workspace *workspace = nullptr;
  void make() {
    say("load", load(&model));
    say("create", vit_workspace_create(model, 2, &workspace));
    if (vit_status status = vit_workspace_prepare(model, workspace, 1)) // a graph, to be freed, too
      say("prepare", status);
    say("run", runOnce(model, workspace));
  }
};

vit_status loadMissing() {
  vit_model *model = nullptr;
  return vit_model_load(tiny_library(VIT_ABI), missing, nullptr, &model);
}

//===----------------------------------------------------------------------===//
// The end of a process
//===----------------------------------------------------------------------===//

// Static objects are destroyed in the opposite order of their construction.
vit::Workspace workspaceFirstMade;
vit::Model model;
vit::Workspace workspaceLastMade;

struct FailsLate {
  ~FailsLate() {
    if (armed)
      say("in a destructor of the thread", loadMissing());
  }
  bool armed = false;
};
thread_local FailsLate failsLate;

void errorAtExit() {
  atexit([] { say("at exit", loadMissing()); });
  say("in main", loadMissing());
}

/// The handler was there before the driver's own, so it runs after that.
void useAtExit() {
  static Pair pair;
  atexit([] {
    say("run at exit", runOnce(pair.model, pair.workspace));
    vit_model *late = nullptr;
    say("load at exit", load(&late));
    vit_workspace_free(pair.workspace);
    vit_model_free(pair.model);
    puts("freed");
  });
  pair.make();
}

/// Behind the driver's own handler: everything works.
void useEarlyAtExit() {
  static Pair pair;
  pair.make();
  atexit([] {
    say("run at exit", runOnce(pair.model, pair.workspace));
    vit_model_free(pair.model);
    vit_workspace_free(pair.workspace);
  });
}

void staticObjects() {
  say("load", model.load(tiny_library(VIT_ABI), weights));
  say("create", workspaceFirstMade.create(model, 1));
  say("create", workspaceLastMade.create(model, 1));
  say("run", workspaceLastMade.runHost(1, inputs, outputs));
}

void threadAtEnd() {
  failsLate.armed = true;
  say("in main", loadMissing());
  std::thread([] {
    failsLate.armed = true;
    say("in a thread", loadMissing());
  }).join();
}

void exitInThread() {
  static Pair pair;
  pair.make();
  std::thread([] { exit(0); }).join();
}

//===----------------------------------------------------------------------===//
// Owners that go first
//===----------------------------------------------------------------------===//

void modelFirst() {
  Pair pair;
  pair.make();
  vit_model_free(pair.model);
  vit_model_free(pair.model); // harmless as long as there is a workspace
  say("run", runOnce(pair.model, pair.workspace));
  say("prepare", vit_workspace_prepare(pair.model, pair.workspace, 1));
  vit_workspace_free(pair.workspace);
}

void reload() {
  vit::Model swapped;
  vit::Workspace workspace, moved;
  say("load", swapped.load(tiny_library(VIT_ABI), weights));
  say("create", workspace.create(swapped, 1));
  say("load again", swapped.load(tiny_library(VIT_ABI), weights));
  say("run", workspace.runHost(1, inputs, outputs));
  moved = std::move(workspace);
  say("run moved", moved.runHost(1, inputs, outputs));
  say("load a missing file", swapped.load(tiny_library(VIT_ABI), missing));
  say("create without a model", moved.create(swapped, 1));
  say("run without a workspace", moved.runHost(1, inputs, outputs));
  say("load", swapped.load(tiny_library(VIT_ABI), weights));
  say("create", moved.create(swapped, 1));
  say("run", moved.runHost(1, inputs, outputs));
}

//===----------------------------------------------------------------------===//
// fork
//===----------------------------------------------------------------------===//

template <class Child> void inChild(Child child) {
  if (pid_t pid = fork()) {
    int status = 0;
    waitpid(pid, &status, 0);
    printf("child ended with %d\n", status);
    fflush(stdout);
  } else {
    child();
    exit(0); // with exit handlers and static objects
  }
}

void forkLoaded() {
  static Pair pair;
  pair.make();
  say("load", model.load(tiny_library(VIT_ABI), weights)); // freed in both processes
  inChild([] {
    say("child runs", runOnce(pair.model, pair.workspace));
    say("child prepares", vit_workspace_prepare(pair.model, pair.workspace, 2));
    vit_model *again = nullptr;
    say("child loads", load(&again));
    vit_workspace *more = nullptr;
    say("child creates", vit_workspace_create(pair.model, 1, &more));
    vit_model_free(pair.model);
    vit_workspace_free(pair.workspace);
  });
  say("parent runs", runOnce(pair.model, pair.workspace));
  vit_workspace_free(pair.workspace);
  vit_model_free(pair.model);
}

void forkFirst() {
  say("parent fails", loadMissing());
  inChild([] {
    Pair pair;
    pair.make();
    vit_workspace_free(pair.workspace);
    vit_model_free(pair.model);
  });
}

//===----------------------------------------------------------------------===//
// Callbacks
//===----------------------------------------------------------------------===//

vit_status fillTensor(uint32_t rank, const int64_t *shape, float *values) {
  int64_t count = 1;
  for (uint32_t i = 0; i != rank; ++i)
    count *= shape[i];
  for (int64_t i = 0; i != count; ++i)
    values[i] = 1;
  return VIT_OK;
}

vit_status misbehave(void *user, const char *, uint32_t rank, const int64_t *shape, float *values) {
  std::string how = static_cast<const char *>(user);
  if (how == "throws")
    throw std::runtime_error("no such table");
  if (how == "throws a number")
    throw 42;
  if (how == "throws bad_alloc")
    throw std::bad_alloc();
  if (how == "returns 77")
    return vit_status(77);
  if (how == "returns -1")
    return vit_status(-1);
  if (how == "fails silently")
    return VIT_BAD_FILE;
  if (how == "fails")
    vit_set_error("the network is down");
  if (how == "fails")
    return VIT_BAD_FILE;
  if (how == "passes on its own error") {
    loadMissing();
    vit_set_error(vit_last_error());
    return VIT_BAD_FILE;
  }
  if (how == "sets nothing")
    return VIT_OK;
  if (how == "loads another model") {
    Pair inner;
    inner.make();
    vit_workspace_free(inner.workspace);
    vit_model_free(inner.model);
  }
  if (how == "succeeds with an error set")
    vit_set_error("of no interest");
  return fillTensor(rank, shape, values);
}

void readers() {
  for (const char *how : {"throws", "throws a number", "throws bad_alloc", "returns 77",
                          "returns -1", "fails silently", "fails", "passes on its own error",
                          "sets nothing", "loads another model", "succeeds with an error set"}) {
    vit_model *made = nullptr;
    say(how, vit_model_load_from(tiny_library(VIT_ABI), misbehave, const_cast<char *>(how), nullptr,
                                 &made));
    vit_model_free(made);
  }
  std::string longText(100000, 'x');
  vit_set_error(longText.c_str());
  printf("a long text has %zu bytes\n", strlen(vit_last_error()));
}

//===----------------------------------------------------------------------===//
// Cancellation
//===----------------------------------------------------------------------===//

/// Runs `work` in a thread that is cancelled before it begins, and says how that ended.
void cancelled(const char *what, void *(*work)(void *)) {
  pthread_t thread;
  void *result = nullptr;
  pthread_create(&thread, nullptr, work, nullptr);
  pthread_join(thread, &result);
  printf("%s: %s\n", what, result == PTHREAD_CANCELED ? "cancelled" : "went on");
  fflush(stdout);
}

void cancelSelf() { pthread_cancel(pthread_self()); }

Pair sharedPair;
vit_model *leftByReader;

vit_status cancelledReader(void *, const char *, uint32_t rank, const int64_t *shape,
                           float *values) {
  cancelSelf();
  pthread_testcancel();
  return fillTensor(rank, shape, values); // not reached
}

void cancelThreads() {
  sharedPair.make();
  cancelled("run", [](void *) -> void * {
    cancelSelf();
    vit_status status = runOnce(sharedPair.model, sharedPair.workspace); // whole
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
    say("run of a cancelled thread", status);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, nullptr);
    pthread_testcancel();
    return nullptr;
  });
  cancelled("load and free", [](void *) -> void * {
    cancelSelf();
    Pair pair;
    bool good = load(&pair.model) == VIT_OK &&
                vit_workspace_create(pair.model, 1, &pair.workspace) == VIT_OK;
    vit_workspace_free(pair.workspace);
    vit_model_free(pair.model);
    if (good)
      pthread_testcancel();
    return nullptr;
  });
  cancelled("reader", [](void *) -> void * {
    vit_model_load_from(tiny_library(VIT_ABI), cancelledReader, nullptr, nullptr, &leftByReader);
    return nullptr;
  });
  cancelled("reader that may not be", [](void *) -> void * {
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
    vit_model_load_from(tiny_library(VIT_ABI), cancelledReader, nullptr, nullptr, &leftByReader);
    vit_model_free(leftByReader);
    return nullptr;
  });
  say("run", runOnce(sharedPair.model, sharedPair.workspace));
  vit_workspace_free(sharedPair.workspace);
  vit_model_free(sharedPair.model);
}

struct Case {
  const char *name;
  void (*run)();
};
/// A hundred lives, one after another: for tools that look for what is left.
void manyLoads() {
  int good = 0;
  for (int i = 0; i != 100; ++i) {
    vit_model *model = nullptr;
    vit_workspace *workspace = nullptr;
    good += load(&model) == VIT_OK && vit_workspace_create(model, 2, &workspace) == VIT_OK &&
            runOnce(model, workspace) == VIT_OK;
    vit_workspace_free(workspace);
    vit_model_free(model);
  }
  std::printf("good loads: %d\n", good);
}

const Case cases[] = {{"many-loads", manyLoads},
                      {"error-at-exit", errorAtExit},
                      {"use-at-exit", useAtExit},
                      {"use-early-at-exit", useEarlyAtExit},
                      {"static-objects", staticObjects},
                      {"thread-at-end", threadAtEnd},
                      {"exit-in-thread", exitInThread},
                      {"model-first", modelFirst},
                      {"reload", reload},
                      {"fork-loaded", forkLoaded},
                      {"fork-first", forkFirst},
                      {"readers", readers},
                      {"cancelled", cancelThreads}};

} // namespace

int main(int count, char **arguments) {
  weights = count > 2 ? arguments[2] : "";
  for (const Case &one : cases)
    if (count > 1 && strcmp(one.name, arguments[1]) == 0) {
      one.run();
      return 0;
    }
  fprintf(stderr, "program CASE WEIGHTS\n");
  return 2;
}
