//===- Inspect.cpp - What tools see of a model -----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The same launches as vit_model_run, with stops between them and clocks around
// them.
//===----------------------------------------------------------------------===//
#include "runtime/cuda/Inspect.h"
#include "runtime/cuda/Model.h"
#include "weights/HashWeights.h"

#include <algorithm>

namespace vitrt {
namespace {

Error errorOf(const Status &status) { return {status.message()}; }

/// Copies out what a step wrote and passes it on.
class Watcher : public LaunchObserver {
public:
  Watcher(const vit_workspace &workspace, const StepObserver &observer)
      : workspace(workspace), observer(observer) {}
  bool wants(const LaunchRecord &) override { return true; }
  Status launched(const LaunchRecord &record) override {
    const vit_library &library = workspace.model.library;
    const vit_step &step = library.steps[record.step];
    StepView view = {record.step, &step, &library.kernels[step.kernel], workspace.batch, {}};
    for (uint32_t i = 0; i != step.arg_count; ++i) {
      const vit_arg &arg = step.args[i];
      if (!arg.written || (arg.kind != VIT_ARG_BUFFER && arg.kind != VIT_ARG_OUTPUT))
        continue;
      bool buffer = arg.kind == VIT_ARG_BUFFER;
      uint64_t bytes =
          buffer ? library.buffers[arg.index].bytes : bytesPerImage(library.outputs[arg.index]);
      WrittenValue value = {vit_arg_kind(arg.kind), arg.index,
                            buffer ? library.buffers[arg.index].name
                                   : library.outputs[arg.index].name,
                            std::vector<uint8_t>(bytes * uint64_t(workspace.batch))};
      const Driver &driver = *workspace.model.driver;
      if (CUresult error = driver.cuMemcpyDtoH(
              value.bytes.data(), workspace.slots[record.firstSlot + i], value.bytes.size()))
        return driver.failure(error, "cuMemcpyDtoH", quoted(value.name));
      view.written.push_back(std::move(value));
    }
    if (auto seen = observer(view); !seen)
      return badFile(seen.error());
    return {};
  }

private:
  const vit_workspace &workspace;
  const StepObserver &observer;
};

/// Stops a run after one step.
class StopAfter : public LaunchObserver {
public:
  explicit StopAfter(uint32_t step) : step(step) {}
  bool wants(const LaunchRecord &record) override { return record.step == step; }
  Status launched(const LaunchRecord &) override {
    found = true;
    return badArgument("stopped");
  }
  bool found = false;

private:
  uint32_t step;
};

/// Two events and a stream; the context is current as long as it lives.
class Clock {
public:
  explicit Clock(const vit_model &model) : driver(*model.driver), scope(driver) {}
  ~Clock() {
    if (begin)
      driver.cuEventDestroy(begin);
    if (end)
      driver.cuEventDestroy(end);
    if (stream)
      driver.cuStreamDestroy(stream);
  }
  Status open(CUcontext context) {
    if (Status entered = scope.enter(context); !entered)
      return entered;
    if (CUresult error = driver.cuStreamCreate(&stream, cudaStreamNonBlocking))
      return driver.failure(error, "cuStreamCreate");
    for (CUevent *event : {&begin, &end})
      if (CUresult error = driver.cuEventCreate(event, cudaEventDefault))
        return driver.failure(error, "cuEventCreate");
    return {};
  }
  /// Times `work`, which enqueues on `stream`.
  template <class Work> Status time(Work work, double &microseconds) {
    if (CUresult error = driver.cuEventRecord(begin, stream))
      return driver.failure(error, "cuEventRecord");
    if (Status done = work(); !done)
      return done;
    if (CUresult error = driver.cuEventRecord(end, stream))
      return driver.failure(error, "cuEventRecord");
    if (CUresult error = driver.cuEventSynchronize(end))
      return driver.failure(error, "cuEventSynchronize");
    float milliseconds = 0;
    if (CUresult error = driver.cuEventElapsedTime(&milliseconds, begin, end))
      return driver.failure(error, "cuEventElapsedTime");
    microseconds = 1000.0 * milliseconds;
    return {};
  }

  const Driver &driver;
  ContextScope scope; // destroyed last
  CUstream stream = nullptr;
  CUevent begin = nullptr, end = nullptr;
};

} // namespace

Result<ModelPtr> loadModelFrom(const vit_library *library, WeightSource *source, int device,
                               const std::string &ptx) {
  std::unique_ptr<vit_model> model;
  if (Status loaded = loadModel(library, source, device, {ptx}, model); !loaded)
    return errorOf(loaded);
  return ModelPtr(model.release());
}

Result<WorkspacePtr> createWorkspace(const vit_model *model, int maxBatch) {
  WorkspacePtr workspace(new vit_workspace(*model));
  if (Status created = workspace->create(maxBatch); !created)
    return errorOf(created);
  return workspace;
}

std::string imageText(const vit_model *model) {
  std::string image;
  for (size_t i = 0; i != model->kernels.size() && image.empty(); ++i) {
    if (model->kernels[i].machineCode)
      continue;
    std::string_view ptx = model->library.kernels[i].ptx;
    constexpr std::string_view keyword = ".target ";
    size_t at = ptx.find(keyword);
    std::string_view target = at == ptx.npos ? "" : ptx.substr(at + keyword.size());
    image = std::string(target.substr(0, target.find_first_of(", \r\n"))) + " PTX, JIT";
  }
  if (image.empty())
    image = "machine code " + model->arch;
  return image + ", driver " + model->driverVersion + ", " + model->deviceName;
}

DeviceNames deviceNames(const vit_model *model) {
  return {model->deviceName, model->driverVersion};
}

Result<void> runHostObserved(vit_workspace *workspace, int batch, const void *const *inputs, int n,
                             void *const *outputs, int m, const StepObserver &observer) {
  if (Status good = workspace->checkRun(&workspace->model, batch, inputs, n, outputs, m, false);
      !good)
    return errorOf(good);
  RunGuard guard(*workspace);
  if (Status free = guard.check(); !free)
    return errorOf(free);
  Watcher watcher(*workspace, observer);
  if (Status done = workspace->runHost(batch, inputs, outputs, observer ? &watcher : nullptr);
      !done)
    return errorOf(done);
  return {};
}

Result<uint32_t> countLaunches(vit_workspace *workspace, int batch) {
  if (Status prepared = workspace->prepare(batch); !prepared)
    return errorOf(prepared);
  return uint32_t(workspace->launches.size());
}

Result<DeviceMemory> DeviceMemory::allocate(const vit_model *model, uint64_t bytes) {
  const Driver &driver = *model->driver;
  ContextScope scope(driver);
  if (Status entered = scope.enter(model->context); !entered)
    return errorOf(entered);
  CUdeviceptr pointer = 0;
  if (CUresult error = driver.cuMemAlloc(&pointer, bytes))
    return errorOf(driver.failure(error, "cuMemAlloc", std::to_string(bytes) + " bytes"));
  return DeviceMemory(model, pointer, bytes);
}

DeviceMemory::DeviceMemory(DeviceMemory &&other) noexcept
    : model(other.model), pointer(std::exchange(other.pointer, 0)), bytes(other.bytes) {}

DeviceMemory::~DeviceMemory() {
  if (!pointer)
    return;
  ContextScope scope(*model->driver);
  (void)scope.enter(model->context);
  model->driver->cuMemFree(pointer);
}

Result<void> DeviceMemory::upload(const void *from, uint64_t count) {
  const Driver &driver = *model->driver;
  ContextScope scope(driver);
  if (Status entered = scope.enter(model->context); !entered)
    return errorOf(entered);
  CUresult error = driver.cuMemcpyHtoD(pointer, from, count);
  if (!error)
    error = driver.cuStreamSynchronize(nullptr); // other streams do not wait for the copy
  if (error)
    return errorOf(driver.failure(error, "cuMemcpyHtoD"));
  return {};
}

Result<void> DeviceMemory::download(void *to, uint64_t count) const {
  const Driver &driver = *model->driver;
  ContextScope scope(driver);
  if (Status entered = scope.enter(model->context); !entered)
    return errorOf(entered);
  if (CUresult error = driver.cuMemcpyDtoH(to, pointer, count))
    return errorOf(driver.failure(error, "cuMemcpyDtoH"));
  return {};
}

Result<DeviceTensors> makeTensors(const vit_model *model, int batch) {
  const vit_library &library = model->library;
  DeviceTensors tensors;
  for (uint32_t i = 0; i != library.input_count; ++i) {
    const vit_tensor &tensor = library.inputs[i];
    if (tensor.dtype != VIT_F32)
      return Error{inputText(library, i) + " is not f32, which is all that is made here"};
    std::vector<float> values(bytesPerImage(tensor) / 4 * uint64_t(batch));
    hashUniform(tensor.name, 0, values);
    auto memory = DeviceMemory::allocate(model, values.size() * 4);
    if (!memory)
      return memory.takeError();
    if (auto uploaded = memory->upload(values.data(), values.size() * 4); !uploaded)
      return uploaded.takeError();
    tensors.inputs.push_back(memory->data());
    tensors.memory.push_back(std::move(*memory));
  }
  for (uint32_t i = 0; i != library.output_count; ++i) {
    auto memory =
        DeviceMemory::allocate(model, bytesPerImage(library.outputs[i]) * uint64_t(batch));
    if (!memory)
      return memory.takeError();
    tensors.outputs.push_back(memory->data());
    tensors.memory.push_back(std::move(*memory));
  }
  return tensors;
}

Result<std::vector<double>> timeRuns(vit_workspace *workspace, int batch,
                                     const DeviceTensors &tensors, int warmup, int repetitions) {
  if (Status prepared = workspace->prepare(batch); !prepared)
    return errorOf(prepared);
  Clock clock(workspace->model);
  if (Status opened = clock.open(workspace->model.context); !opened)
    return errorOf(opened);
  std::vector<double> times;
  for (int i = 0; i < warmup + repetitions; ++i) {
    double time = 0;
    Status done = clock.time(
        [&] {
          return workspace->launch(tensors.inputs.data(), tensors.outputs.data(), clock.stream,
                                   nullptr);
        },
        time);
    if (!done)
      return errorOf(done);
    if (i >= warmup)
      times.push_back(time);
  }
  return times;
}

Result<std::vector<double>> timeSteps(vit_workspace *workspace, int batch,
                                      std::span<const uint32_t> steps, const DeviceTensors &tensors,
                                      int group, int repetitions) {
  if (Status prepared = workspace->prepare(batch); !prepared)
    return errorOf(prepared);
  Clock clock(workspace->model);
  if (Status opened = clock.open(workspace->model.context); !opened)
    return errorOf(opened);
  StopAfter stop(steps.back());
  Status stopped =
      workspace->launch(tensors.inputs.data(), tensors.outputs.data(), clock.stream, &stop);
  if (!stop.found)
    return stopped ? Error{"step " + std::to_string(steps.back()) + " does not run with batch " +
                           std::to_string(batch)}
                   : errorOf(stopped);
  std::vector<const LaunchRecord *> records;
  for (const LaunchRecord &record : workspace->launches)
    if (std::find(steps.begin(), steps.end(), record.step) != steps.end())
      records.push_back(&record);
  std::vector<double> times;
  constexpr int warmup = 3;
  for (int i = 0; i != warmup + repetitions; ++i) {
    double time = 0;
    Status done = clock.time(
        [&] {
          for (int j = 0; j != group; ++j)
            for (const LaunchRecord *record : records)
              if (Status launched = workspace->launchOne(*record, clock.stream); !launched)
                return launched;
          return Status();
        },
        time);
    if (!done)
      return errorOf(done);
    if (i >= warmup)
      times.push_back(time / group);
  }
  return times;
}

} // namespace vitrt
