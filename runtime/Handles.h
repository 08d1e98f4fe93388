//===- Handles.h - What the handles of the C API stand for -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Internal: the C API and the tools' view of it (Inspect.h) share these.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_HANDLES_H
#define VITC_RUNTIME_HANDLES_H

#include "runtime/Backend.h"
#include "runtime/Recipe.h"

#include <atomic>

struct vit_model {
  explicit vit_model(const vit_library &library) : library(library) {}

  const vit_library &library;
  uint32_t target = 0; // of the library
  std::unique_ptr<vitrt::Backend> backend;
  std::string description;
};

struct vit_workspace {
  vit_workspace(const vit_model &model, const vitrt::SizedPlan &sized, int maxBatch)
      : model(model), sized(sized), maxBatch(maxBatch), launches(model.library, sized) {}
  ~vit_workspace();

  vitrt::Status allocate();
  /// Works out the launches of a batch; allocates nothing.
  vitrt::Status prepare(int batch);
  /// The checks of vit_model_run but that of the batch, which prepare() has; `aligned`: pointers
  /// must be multiples of 16.
  vitrt::Status checkRun(const vit_model *model, const void *const *inputs, int n,
                         void *const *outputs, int m, bool aligned) const;
  vitrt::RunRequest request(const void *const *inputs, void *const *outputs,
                            vitrt::LaunchObserver *observer) {
    return {model.library, sized, memory, launches, maxBatch, state, inputs, outputs, observer};
  }

  const vit_model &model;
  const vitrt::SizedPlan sized;
  const int maxBatch;
  vitrt::PlanMemory memory; // buffers and scratch are one allocation
  vitrt::Launches launches;
  std::unique_ptr<vitrt::BackendState> state;
  std::atomic<bool> busy{false};
};

namespace vitrt {

/// `source` is NULL for embedded weights. On failure nothing stays behind.
Status loadModel(const vit_library *library, WeightSource *source, const char *device,
                 const LoadOptions &options, std::unique_ptr<vit_model> &out);

Status createWorkspace(const vit_model &model, int maxBatch, ImageSize size,
                       std::unique_ptr<vit_workspace> &out);

/// Marks a workspace as running; two runs at once would mix their activations.
class RunGuard {
public:
  explicit RunGuard(vit_workspace &workspace) : workspace(workspace) {
    held = !workspace.busy.exchange(true, std::memory_order_acquire);
  }
  ~RunGuard() {
    if (held)
      workspace.busy.store(false, std::memory_order_release);
  }
  Status check() const {
    if (held)
      return {};
    return badArgument("the workspace is running in another thread; use one per thread");
  }

private:
  vit_workspace &workspace;
  bool held;
};

} // namespace vitrt
#endif // VITC_RUNTIME_HANDLES_H
