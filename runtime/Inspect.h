//===- Inspect.h - What tools see of a model -------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Beyond the C API, for vitc and vit-run: looking at every step of a run,
// exchanging kernels, timing. Not installed; it may change with the tools.
// One thread per workspace, as in the C API. Errors have no "vit: " in front.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_INSPECT_H
#define VITC_RUNTIME_INSPECT_H

#include "runtime/Plan.h"
#include "runtime/Recipe.h"
#include "vit/library.h"
#include "vit/runtime.h"
#include "weights/Result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vitrt {

/// The CUDA driver to open instead of libcuda.so.1, such as the emulator's file. Call it before the
/// first model is loaded.
void setDriverPath(const std::string &path);

/// Whether a driver and a CUDA device are there.
bool hasCudaDevice();

/// Deleters, so that models and workspaces may be held in std::unique_ptr.
struct FreeModel {
  void operator()(vit_model *model) const { vit_model_free(model); }
};
struct FreeWorkspace {
  void operator()(vit_workspace *workspace) const { vit_workspace_free(workspace); }
};
using ModelPtr = std::unique_ptr<vit_model, FreeModel>;
using WorkspacePtr = std::unique_ptr<vit_workspace, FreeWorkspace>;

/// As vit_model_load, from any source (NULL: embedded weights). PTX in the options, if there is
/// some, must have at least one entry that replaces a kernel of the library.
Result<ModelPtr> loadModelFrom(const vit_library *library, WeightSource *source, const char *device,
                               const LoadOptions &options = {});
/// For images of a size; without one, of the library's own.
Result<WorkspacePtr> createWorkspace(const vit_model *model, int maxBatch, ImageSize size = {});

/// vit_model_check, with weights that `again` gives (NULL: from where the model has them). `report`
/// gets its lines also where it fails.
Result<void> checkModel(const vit_model *model, WeightSource *again, std::string &report);

/// The plan for the library's own image size on the model's device.
const vit_plan &nativePlan(const vit_model *model);
/// The kernel that a step of a plan launches.
const vit_kernel &kernelOf(const vit_library &library, const vit_plan &plan, const vit_step &step);

/// For lines of timings: "machine code sm_89, driver 13.0, NVIDIA ..." if that is what every kernel
/// runs, else "sm_89 PTX, JIT, driver ..." with the target of the text that the driver compiled.
std::string imageText(const vit_model *model);

/// "NVIDIA GeForce RTX 4090", "13.0".
struct DeviceNames {
  std::string device, driver;
};
DeviceNames deviceNames(const vit_model *model);
/// Whether its code is that for CPUs, which computes in f32.
bool runsOnCpu(const vit_model *model);

/// What a step wrote: one buffer or output, copied to the host.
struct WrittenValue {
  vit_arg_kind kind; // VIT_ARG_BUFFER or VIT_ARG_OUTPUT
  uint32_t index;    // in the plan's buffers or the library's outputs
  const char *name;
  std::vector<uint8_t> bytes; // of the whole batch
};

/// A step that has just run, alone on the device.
struct StepView {
  uint32_t index; // in the plan's steps
  const vit_step *step;
  const vit_kernel *kernel;
  int batch;
  std::vector<WrittenValue> written;
};

/// Called after each step, in order; an error ends the run and becomes its error.
using StepObserver = std::function<Result<void>(const StepView &)>;

/// vit_model_run_host, with a look at every step: for finding the first wrong kernel.
Result<void> runHostObserved(vit_workspace *workspace, int batch, const void *const *inputs, int n,
                             void *const *outputs, int m, const StepObserver &observer);

/// vit_workspace_prepare.
Result<void> prepareRuns(vit_workspace *workspace, int batch);

/// Launches of one run with this batch.
Result<uint32_t> countLaunches(vit_workspace *workspace, int batch);

/// Device memory of the model's device.
class DeviceMemory {
public:
  static Result<DeviceMemory> allocate(const vit_model *model, uint64_t bytes);
  DeviceMemory(DeviceMemory &&other) noexcept;
  DeviceMemory &operator=(DeviceMemory &&) = delete;
  ~DeviceMemory();
  void *data() const { return reinterpret_cast<void *>(pointer); }
  uint64_t size() const { return bytes; }
  /// Synchronous; `count` at most size().
  Result<void> upload(const void *from, uint64_t count);
  Result<void> download(void *to, uint64_t count) const;

private:
  DeviceMemory(const vit_model *model, uint64_t pointer, uint64_t bytes);
  const vit_model *model; // held
  uint64_t pointer, bytes;
};

/// Inputs and outputs of one batch of a workspace's images on the device, the inputs filled by the
/// hash rule under their names: real values, because zeros draw less power and run faster.
struct DeviceTensors {
  std::vector<DeviceMemory> memory;
  std::vector<const void *> inputs;
  std::vector<void *> outputs;
};
Result<DeviceTensors> makeTensors(const vit_workspace *workspace, int batch);

/// Device times of whole runs, one per repetition, in microseconds, after `warmup` runs.
Result<std::vector<double>> timeRuns(vit_workspace *workspace, int batch,
                                     const DeviceTensors &tensors, int warmup, int repetitions);

/// One launch of a run, and its device time in each repetition, in microseconds.
struct LaunchTimes {
  uint32_t step; // of the plan
  std::vector<double> microseconds;
};
/// The times of every launch within whole runs, after `warmup` of these. Clock and launch cost the
/// device something: the sum is above what timeRuns() has.
Result<std::vector<LaunchTimes>> timeEachLaunch(vit_workspace *workspace, int batch,
                                                const DeviceTensors &tensors, int warmup,
                                                int repetitions);

/// Device times of `steps`, ascending, launched one after the other, in microseconds: each is the
/// mean of `group` rounds between two events, so that the events' own cost does not count. The
/// steps before run first; these work on the values they meet in the model.
Result<std::vector<double>> timeSteps(vit_workspace *workspace, int batch,
                                      std::span<const uint32_t> steps, const DeviceTensors &tensors,
                                      int group, int repetitions);

} // namespace vitrt
#endif // VITC_RUNTIME_INSPECT_H
