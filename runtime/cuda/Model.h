//===- Model.h - What a loaded model and a workspace are -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Internal: the C API and the tools' view of it (Inspect.h) share these.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_CUDA_MODEL_H
#define VITC_RUNTIME_CUDA_MODEL_H

#include "runtime/Recipe.h"
#include "runtime/cuda/Driver.h"
#include "vit/library.h"
#include "vit/runtime.h"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace vitrt {

/// One kernel on the device.
struct LoadedKernel {
  CUmodule module = nullptr;
  CUfunction function = nullptr;
  bool machineCode = false; // else the driver compiled the PTX
  std::string refusal;      // why not machine code, or empty
};

/// What tools may ask of loading beyond the C API.
struct LoadOptions {
  std::string ptx; // text whose entries replace the library's kernels of the same names
};

/// Loads one kernel into the current context: machine code for `arch` ("sm_89") if the library has
/// some that the driver takes, else PTX.
Status loadKernel(const Driver &driver, const vit_kernel &kernel, int major, int minor,
                  const LoadOptions &options, LoadedKernel &out);
/// True if PTX text has an entry of this name.
bool hasEntry(std::string_view ptx, std::string_view name);

/// "input 0 'pixel_values'", for messages.
std::string inputText(const vit_library &library, uint32_t index);
std::string outputText(const vit_library &library, uint32_t index);
/// Bytes of one image of an input or output.
uint64_t bytesPerImage(const vit_tensor &tensor);

/// Is everything in the library that indexes something in range? Archives are files.
Status checkLibrary(const vit_library *library);

/// `source` is NULL for embedded weights. On failure nothing stays behind.
Status loadModel(const vit_library *library, WeightSource *source, int device,
                 const LoadOptions &options, std::unique_ptr<vit_model> &out);

/// One launch of a prepared batch.
struct LaunchRecord {
  uint32_t step;
  uint32_t grid[3];
  uint32_t firstSlot; // of its parameters
};

/// A parameter that changes from run to run.
struct Patch {
  uint32_t slot;
  uint32_t kind; // VIT_ARG_INPUT or VIT_ARG_OUTPUT
  uint32_t index;
};

/// Is called after each launch, which is complete then. A failure ends the run.
class LaunchObserver {
public:
  virtual ~LaunchObserver() = default;
  /// True for launches after which the stream is synchronized and launched() called.
  virtual bool wants(const LaunchRecord &record) = 0;
  virtual Status launched(const LaunchRecord &record) = 0;
};

} // namespace vitrt

struct vit_model {
  explicit vit_model(const vit_library &library) : library(library) {}
  ~vit_model();

  const vit_library &library;
  const vitrt::Driver *driver = nullptr;
  vitrt::CUdevice device = 0;
  vitrt::CUcontext context = nullptr; // retained
  std::vector<vitrt::LoadedKernel> kernels;
  vitrt::CUdeviceptr weights = 0;
  std::string deviceName, driverVersion;
  std::string arch; // of the device, "sm_89"
  std::string description;
};

struct vit_workspace {
  explicit vit_workspace(const vit_model &model) : model(model) {}
  ~vit_workspace();

  /// Allocates for batches up to `batch`.
  vitrt::Status create(int batch);
  /// Fills the launch records; allocates nothing.
  vitrt::Status prepare(int batch);
  /// Launches the prepared batch; the context is current. `observer` may be NULL.
  vitrt::Status launch(const void *const *inputs, void *const *outputs, vitrt::CUstream stream,
                       vitrt::LaunchObserver *observer);
  /// Launches one record again.
  vitrt::Status launchOne(const vitrt::LaunchRecord &record, vitrt::CUstream stream);
  /// The buffers of run_host, at its first call; the context is current.
  vitrt::Status createStaging();
  /// The checks of vit_model_run; `aligned`: pointers must be multiples of 16.
  vitrt::Status checkRun(const vit_model *model, int batch, const void *const *inputs, int n,
                         void *const *outputs, int m, bool aligned) const;
  vitrt::Status runHost(int batch, const void *const *inputs, void *const *outputs,
                        vitrt::LaunchObserver *observer);

  uint64_t bufferAddress(uint32_t index) const {
    return memory + model.library.buffers[index].offset * uint64_t(batch);
  }

  const vit_model &model;
  int maxBatch = 0;
  int batch = 0;                             // the prepared one; 0: none
  vitrt::CUdeviceptr memory = 0;             // of the buffers, and behind them
  vitrt::CUdeviceptr scratch = 0;            // what the parts of a launch hand on
  std::vector<vitrt::LaunchRecord> launches; // all four have their largest size from the start
  std::vector<uint64_t> slots;
  std::vector<void *> parameters; // parameters[i] points to slots[i]
  std::vector<vitrt::Patch> patches;

  vitrt::CUstream stream = nullptr; // of run_host, as the rest
  vitrt::CUdeviceptr staging = 0;
  std::vector<uint64_t> inputOffsets, outputOffsets;
  std::vector<void *> stagedInputs, stagedOutputs;

  std::atomic<bool> busy{false};

private:
  void registerRanges(const vitrt::LaunchRecord &record, void *const *outputs) const;
};

namespace vitrt {
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

#endif // VITC_RUNTIME_CUDA_MODEL_H
