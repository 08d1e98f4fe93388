//===- Model.h - A model on a device, with its workspaces -------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PYTHON_CORE_MODEL_H
#define PYTHON_CORE_MODEL_H

#include "python/core/Library.h"
#include "runtime/Inspect.h"

#include <map>
#include <mutex>
#include <tuple>

namespace vitc::python {

/// Where values lie: on the host, or on the CUDA device of that index.
struct Memory {
  void *data;
  size_t bytes;
  bool onHost;
  int device;
};

struct RunRequest {
  Memory input;
  std::vector<Memory> outputs;
  int64_t batch;
  vitrt::ImageSize size; ///< of the images
  uintptr_t stream;      ///< of the device; 0: its default
};

/// Weights and code on one device. Threads may run it side by side: each run borrows a workspace.
class Model {
public:
  /// `file` is a safetensors file; none: embedded weights. `device` as for vit_model_load.
  static std::unique_ptr<Model> load(std::shared_ptr<const Library> library,
                                     const std::optional<std::string> &file,
                                     const std::optional<std::string> &device, bool allowNonfinite,
                                     std::vector<std::string> &warnings);

  std::string description() const { return vit_model_description(model.get()); }
  bool isOnCpu() const { return onCpu; }
  /// Of the CUDA device.
  int deviceIndex() const { return index; }
  /// Of each output for one image of a size, with no batch.
  std::vector<std::vector<int64_t>> outputShapes(vitrt::ImageSize size) const;

  /// Runs a batch of any size: more images than the library takes at once go in parts. On a GPU
  /// with device memory it returns when the work is enqueued.
  void run(const RunRequest &request);
  /// Makes what runs of this batch need on the stream before the first of them.
  void prepare(int64_t batch, int height, int width, uintptr_t stream);
  /// What vit_model_check reports.
  std::string check() const;

private:
  Model() = default;

  /// Runs of one stream follow each other on the device, so a workspace may serve the next before
  /// the last is through; runs of another stream may not have it.
  using Place = std::tuple<uintptr_t, int, int>;
  struct Space {
    int capacity = 0;
    vitrt::WorkspacePtr workspace;
    uint64_t lastUse = 0;
  };
  /// A workspace for as long as a run is being enqueued, or computed.
  class Loan {
  public:
    Loan(Model &model, Place place, int batch);
    Loan(const Loan &) = delete;
    ~Loan();
    vit_workspace *get() const { return space.workspace.get(); }

  private:
    Model &model;
    Place place;
    Space space;
  };
  friend class Loan;

  vitrt::ImageSize sizeFor(vitrt::ImageSize size) const;
  int largestBatch() const;
  void checkMemory(const RunRequest &request) const;
  void runPart(const RunRequest &request, int64_t first, int count);

  std::shared_ptr<const Library> library;
  vitrt::ModelPtr model;
  bool onCpu = false;
  int index = 0;
  std::mutex mutex;
  std::multimap<Place, Space> idle;
  uint64_t clock = 0;
};

/// Has models of CUDA run on the emulator, a libcuda.so.1. Before the first is loaded.
void useEmulator(const std::string &path);

} // namespace vitc::python

#endif // PYTHON_CORE_MODEL_H
