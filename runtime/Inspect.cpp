//===- Inspect.cpp - What tools see of a model -----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The same launches as vit_model_run, with stops between them and clocks around
// them.
//===----------------------------------------------------------------------===//
#include "runtime/Inspect.h"
#include "runtime/Handles.h"
#include "runtime/SelfCheck.h"
#include "runtime/TestInput.h"

#include <algorithm>
#include <iterator>

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
    const SizedPlan &sized = workspace.sized;
    const vit_step &step = workspace.launches().stepOf(record);
    int batch = workspace.launches().batch();
    StepView view = {record.step, &step, &kernelOf(library, *sized.plan, step), batch, {}};
    for (uint32_t i = 0; i != step.arg_count; ++i) {
      const vit_arg &arg = step.args[i];
      if (!arg.written || (arg.kind != VIT_ARG_BUFFER && arg.kind != VIT_ARG_OUTPUT))
        continue;
      const vit_buffer *buffer =
          arg.kind == VIT_ARG_BUFFER ? &sized.plan->buffers[arg.index] : nullptr;
      uint64_t bytes = buffer ? valueOf(buffer->bytes, uint64_t(batch), sized.tokens)
                              : sized.outputBytes(library, arg.index, batch);
      WrittenValue value = {vit_arg_kind(arg.kind), arg.index,
                            buffer ? buffer->name : library.outputs[arg.index].name,
                            std::vector<uint8_t>(bytes)};
      if (Status read = workspace.model.backend->read(value.bytes.data(),
                                                      workspace.launches().slot(record, i), bytes);
          !read)
        return {read.status(), quoted(value.name) + ": " + read.message()};
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

/// Times `work` after it has been done `warmup` times.
Result<std::vector<double>> timed(const vit_workspace *workspace, int warmup, int repetitions,
                                  const std::function<Status(vit_stream)> &work) {
  std::vector<double> times;
  Status done = workspace->model.backend->time(warmup + repetitions, work, times);
  if (!done)
    return errorOf(done);
  times.erase(times.begin(), times.begin() + warmup);
  return times;
}

} // namespace

bool hasCudaDevice() {
  std::unique_ptr<Backend> backend;
  return bool(openCuda(0, backend));
}

Result<ModelPtr> loadModelFrom(const vit_library *library, WeightSource *source, const char *device,
                               const LoadOptions &options) {
  std::unique_ptr<vit_model> model;
  if (Status loaded = loadModel(library, source, device, options, model); !loaded)
    return errorOf(loaded);
  return ModelPtr(model.release());
}

Result<WorkspacePtr> createWorkspace(const vit_model *model, int maxBatch, ImageSize size) {
  std::unique_ptr<vit_workspace> workspace;
  if (Status created = createWorkspace(*model, maxBatch, size, workspace); !created)
    return errorOf(created);
  return WorkspacePtr(workspace.release());
}

Result<void> checkModel(const vit_model *model, WeightSource *again, std::string &report) {
  if (Status checked = checkModel(*model, again, report); !checked)
    return errorOf(checked);
  return {};
}

const vit_plan &nativePlan(const vit_model *model) {
  SizedPlan sized;
  (void)choosePlan(model->library, model->target, {},
                   sized); // checkLibrary has seen that it is there
  return *sized.plan;
}

const vit_kernel &kernelOf(const vit_library &library, const vit_plan &plan, const vit_step &step) {
  return library.targets[plan.target].kernels[step.kernel];
}

std::string imageText(const vit_model *model) {
  const BackendText &text = model->backend->text();
  return text.image + (text.driver.empty() ? "" : ", driver " + text.driver) + ", " + text.device;
}

bool runsOnCpu(const vit_model *model) {
  return model->library.targets[model->target].kind == VIT_TARGET_CPU;
}

DeviceNames deviceNames(const vit_model *model) {
  return {model->backend->text().device, model->backend->text().driver};
}

Result<void> runHostObserved(vit_workspace *workspace, int batch, const void *const *inputs, int n,
                             void *const *outputs, int m, const StepObserver &observer) {
  if (Status good = workspace->checkRun(&workspace->model, inputs, n, outputs, m, false); !good)
    return errorOf(good);
  RunGuard guard(*workspace);
  if (Status free = guard.check(); !free)
    return errorOf(free);
  if (Status selected = workspace->select(batch); !selected)
    return errorOf(selected);
  Watcher watcher(*workspace, observer);
  RunRequest request = workspace->request(inputs, outputs, observer ? &watcher : nullptr);
  if (Status done = workspace->model.backend->runHost(request); !done)
    return errorOf(done);
  if (Status good = workspace->checkOutputs(inputs, outputs, /*onDevice=*/false); !good)
    return errorOf(good);
  return {};
}

Result<void> prepareRuns(vit_workspace *workspace, int batch) {
  if (Status prepared = workspace->prepare(batch); !prepared)
    return errorOf(prepared);
  return {};
}

Result<uint32_t> countLaunches(vit_workspace *workspace, int batch) {
  if (Status selected = workspace->select(batch); !selected)
    return errorOf(selected);
  return uint32_t(workspace->launches().records().size());
}

Result<DeviceMemory> DeviceMemory::allocate(const vit_model *model, uint64_t bytes) {
  uint64_t address = 0;
  if (Status allocated = model->backend->allocate(bytes, "", address); !allocated)
    return errorOf(allocated);
  return DeviceMemory(model, address, bytes);
}

DeviceMemory::DeviceMemory(const vit_model *model, uint64_t pointer, uint64_t bytes)
    : model(model), pointer(pointer), bytes(bytes) {
  model->retain();
}

DeviceMemory::DeviceMemory(DeviceMemory &&other) noexcept
    : model(std::exchange(other.model, nullptr)), pointer(std::exchange(other.pointer, 0)),
      bytes(other.bytes) {}

DeviceMemory::~DeviceMemory() {
  if (pointer)
    model->backend->free(pointer);
  if (model)
    model->release();
}

Result<void> DeviceMemory::upload(const void *from, uint64_t count) {
  if (Status done = model->backend->write(pointer, from, count); !done)
    return errorOf(done);
  return {};
}

Result<void> DeviceMemory::download(void *to, uint64_t count) const {
  if (Status done = model->backend->read(to, pointer, count); !done)
    return errorOf(done);
  return {};
}

Result<DeviceTensors> makeTensors(const vit_workspace *workspace, int batch) {
  const vit_model *model = &workspace->model;
  const vit_library &library = model->library;
  const SizedPlan &sized = workspace->sized;
  DeviceTensors tensors;
  for (uint32_t i = 0; i != library.input_count; ++i) {
    std::vector<uint8_t> values;
    if (Status made = makeTestInput(library, sized, i, batch, values); !made)
      return errorOf(made);
    auto memory = DeviceMemory::allocate(model, values.size());
    if (!memory)
      return memory.takeError();
    if (auto uploaded = memory->upload(values.data(), values.size()); !uploaded)
      return uploaded.takeError();
    tensors.inputs.push_back(memory->data());
    tensors.memory.push_back(std::move(*memory));
  }
  for (uint32_t i = 0; i != library.output_count; ++i) {
    auto memory = DeviceMemory::allocate(model, sized.outputBytes(library, i, batch));
    if (!memory)
      return memory.takeError();
    tensors.outputs.push_back(memory->data());
    tensors.memory.push_back(std::move(*memory));
  }
  return tensors;
}

Result<std::vector<double>> timeRuns(vit_workspace *workspace, int batch,
                                     const DeviceTensors &tensors, int warmup, int repetitions) {
  if (Status selected = workspace->select(batch); !selected)
    return errorOf(selected);
  RunRequest request = workspace->request(tensors.inputs.data(), tensors.outputs.data(), nullptr);
  return timed(workspace, warmup, repetitions,
               [&](vit_stream stream) { return workspace->model.backend->run(request, stream); });
}

Result<std::vector<LaunchTimes>> timeEachLaunch(vit_workspace *workspace, int batch,
                                                const DeviceTensors &tensors, int warmup,
                                                int repetitions) {
  if (Status selected = workspace->select(batch); !selected)
    return errorOf(selected);
  RunRequest request = workspace->request(tensors.inputs.data(), tensors.outputs.data(), nullptr);
  std::vector<std::vector<double>> times;
  if (Status done = workspace->model.backend->timeEach(request, warmup + repetitions, times); !done)
    return errorOf(done);
  std::vector<LaunchTimes> launches;
  for (size_t i = 0; i != times.size(); ++i)
    launches.push_back(
        {request.launches.records()[i].step, {times[i].begin() + warmup, times[i].end()}});
  return launches;
}

Result<std::vector<double>> timeSteps(vit_workspace *workspace, int batch,
                                      std::span<const uint32_t> steps, const DeviceTensors &tensors,
                                      int group, int repetitions) {
  if (Status selected = workspace->select(batch); !selected)
    return errorOf(selected);
  const std::vector<LaunchRecord> &all = workspace->launches().records();
  StopAfter stop(steps.back());
  Backend &backend = *workspace->model.backend;
  RunRequest request = workspace->request(tensors.inputs.data(), tensors.outputs.data(), &stop);
  Status stopped = backend.run(request, nullptr);
  if (!stop.found)
    return stopped ? Error{"step " + std::to_string(steps.back()) + " does not run with batch " +
                           std::to_string(batch)}
                   : errorOf(stopped);
  // One graph: launch by launch the host would be what is timed of short kernels.
  std::vector<uint32_t> which;
  for (int turn = 0; turn != group; ++turn)
    for (uint32_t i = 0; i != all.size(); ++i)
      if (std::find(steps.begin(), steps.end(), all[i].step) != steps.end())
        which.push_back(i);
  std::unique_ptr<RecordedRun> recorded;
  if (Status made = backend.record(request, which, recorded); !made)
    return errorOf(made);
  constexpr int warmup = 3;
  request.observer = nullptr;
  request.recorded = recorded.get();
  auto times = timed(workspace, warmup, repetitions,
                     [&](vit_stream stream) { return backend.run(request, stream); });
  if (times)
    for (double &time : *times)
      time /= group;
  return times;
}

} // namespace vitrt
