//===- Handles.h - What the handles of the C API stand for -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Internal: the C API and the tools' view of it (Inspect.h) share these.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_HANDLES_H
#define VITC_RUNTIME_HANDLES_H

#include "runtime/Backend.h"
#include "runtime/Recipe.h"
#include "runtime/SharedObject.h"
#include "runtime/SizedWeights.h"
#include "runtime/WeightFiles.h"

#include <atomic>

struct vit_model {
  explicit vit_model(const vit_library &library) : library(library) {}

  /// Everything that uses the model holds it, so that no order of frees matters to memory: it goes
  /// away with its last user. `freed` says that its owner has gone, and what is left may only be
  /// freed.
  void retain() const { users.fetch_add(1, std::memory_order_relaxed); }
  void release() const {
    if (users.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete this;
  }
  mutable std::atomic<uint32_t> users{1}; // its owner is one
  std::atomic<bool> freed{false};

  vitrt::SharedObject object; // that the library is in; destroyed last
  const vit_library &library;
  uint32_t target = 0; // of the library
  std::unique_ptr<vitrt::Backend> backend;
  bool allowNonfinite = false;    // as it was loaded
  bool isEmbedded = false;        // its weights are the library's
  vitrt::WeightFiles files;       // that it was loaded from; none: from elsewhere
  mutable vitrt::SizeCache sizes; // frees its memory before the backend goes
  std::string description;
};

namespace vitrt {

/// Uses a model as long as it lives.
class ModelUse {
public:
  explicit ModelUse(const vit_model &model) : model(&model) { model.retain(); }
  ModelUse(ModelUse &&other) noexcept : model(std::exchange(other.model, nullptr)) {}
  ModelUse &operator=(ModelUse &&) = delete;
  ~ModelUse() {
    if (model)
      model->release();
  }

private:
  const vit_model *model;
};

} // namespace vitrt

struct vit_workspace {
  vit_workspace(const vit_model &model, const vitrt::SizedPlan &sized, int maxBatch)
      : use(model), model(model), sized(sized), maxBatch(maxBatch),
        unprepared(model.library, sized) {}
  ~vit_workspace();

  vitrt::Status allocate();
  /// Is `model` this workspace's, and is it there?
  vitrt::Status checkModel(const vit_model *model) const;
  /// Makes a batch the one that runs: works out its launches, if it is not prepared; allocates
  /// nothing.
  vitrt::Status select(int batch);
  /// Has the device hold the launches of a batch ready; after a failure it can run as before.
  vitrt::Status prepare(int batch);
  /// The checks of vit_model_run but that of the batch, which select() has; `aligned`: pointers
  /// must be multiples of 16.
  vitrt::Status checkRun(const vit_model *model, const void *const *inputs, int n,
                         void *const *outputs, int m, bool aligned) const;
  /// After a run that is complete: what checks are asked for. `onDevice`: where the tensors are.
  vitrt::Status checkOutputs(const void *const *inputs, void *const *outputs, bool onDevice) const;
  vitrt::RunRequest request(const void *const *inputs, void *const *outputs,
                            vitrt::LaunchObserver *observer) {
    return {model.library, sized, memory, launches(), selected ? selected->recorded.get() : nullptr,
            maxBatch,      state, inputs, outputs,    observer};
  }
  /// Of the batch that was selected.
  vitrt::Launches &launches() { return selected ? selected->launches : unprepared; }
  const vitrt::Launches &launches() const { return selected ? selected->launches : unprepared; }

  const vitrt::ModelUse use; // destroyed last
  const vit_model &model;
  const vitrt::SizedPlan sized;
  const int maxBatch;
  std::shared_ptr<const vitrt::SizedWeights> sizedWeights; // NULL: no weight depends on the size
  vitrt::PlanMemory memory;                                // buffers and scratch are one allocation
  std::unique_ptr<vitrt::BackendState> state;
  unsigned checks = 0; // VIT_CHECK_...
  std::atomic<bool> busy{false};

private:
  /// What vit_workspace_prepare was told of.
  struct Prepared {
    explicit Prepared(const vit_workspace &workspace)
        : launches(workspace.model.library, workspace.sized) {}
    vitrt::Launches launches;
    std::unique_ptr<vitrt::RecordedRun> recorded;
  };
  vitrt::Status checkBatch(int batch) const;
  Prepared *find(int batch);

  vitrt::Launches unprepared;
  std::vector<std::unique_ptr<Prepared>> prepared;
  Prepared *selected = nullptr; // NULL: a batch that is not prepared
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
