//===- CudaBackend.cpp - A model on a CUDA device --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Everything goes through the driver API in the device's primary context, which
// is made current for each call and taken back behind it. On the emulator each
// planned buffer's range is registered, so that reaching into a neighbour inside
// the workspace is out of bounds.
//===----------------------------------------------------------------------===//
#include "runtime/Recipe.h"
#include "runtime/cuda/Clock.h"
#include "runtime/cuda/Functions.h"
#include "runtime/cuda/Graph.h"

namespace vitrt {
namespace {

/// The step's other arguments read this buffer too: its old values are still wanted.
bool alsoRead(const vit_step &step, const vit_arg &written) {
  for (const vit_arg &arg : std::span(step.args, step.arg_count))
    if (arg.kind == written.kind && arg.index == written.index && !arg.written)
      return true;
  return false;
}

class CudaBackend : public Backend {
public:
  ~CudaBackend() override;
  Status open(int number);

  Status load(const vit_library &library, const vit_plan &native, const uint8_t *arena,
              const LoadOptions &options) override;
  Status loadFunctions(const SizedPlan &sized, int maxBatch) override;
  Status allocate(uint64_t bytes, const std::string &about, uint64_t &address) override;
  void free(uint64_t address) override;
  Status write(uint64_t to, const void *from, uint64_t bytes) override;
  Status read(void *to, uint64_t from, uint64_t bytes) override;
  Status record(const RunRequest &request, std::span<const uint32_t> which,
                std::unique_ptr<RecordedRun> &out) override;
  Status run(const RunRequest &request, vit_stream stream) override;
  Status wait(vit_stream stream) override;
  Status runHost(const RunRequest &request) override;
  Status time(int count, const std::function<Status(vit_stream)> &work,
              std::vector<double> &microseconds) override;
  Status timeEach(const RunRequest &request, int count,
                  std::vector<std::vector<double>> &microseconds) override;

private:
  struct HostRun;

  Status uploadWeights(const vit_library &library, ArenaPart part, const uint8_t *arena);
  CUkernelNodeParams kernelOf(const RunRequest &request, const LaunchRecord &record) const;
  Status launchOne(const RunRequest &request, const LaunchRecord &record, CUstream stream);
  Status enqueue(const RunRequest &request, std::span<const LaunchRecord> records, CUstream stream);
  Status enqueueRun(const RunRequest &request, CUstream stream);
  void registerInputs(const RunRequest &request) const;
  void registerRanges(const RunRequest &request, const LaunchRecord &record) const;
  Status openHostRun(const RunRequest &request);

  Device device;
  const Driver *driver = nullptr; // the device's
  CUcontext context = nullptr;    // retained
  Functions functions{device};
};

/// The stream of run_host, and inputs and outputs on the device.
struct CudaBackend::HostRun : BackendState {
  explicit HostRun(CudaBackend &backend) : backend(backend) {}
  ~HostRun() override {
    if (isForked())
      return;
    ContextScope scope(backend.device);
    (void)scope.enter(backend.context);
    if (stream)
      backend.driver->cuStreamDestroy(stream);
    if (staging)
      backend.driver->cuMemFree(staging);
  }

  CudaBackend &backend;
  CUstream stream = nullptr;
  CUdeviceptr staging = 0;
  std::vector<void *> inputs, outputs;
};

CudaBackend::~CudaBackend() {
  if (!context || isForked())
    return;
  {
    ContextScope scope(device);
    (void)scope.enter(context);
    if (weightArena)
      driver->cuMemFree(weightArena);
    functions.unload();
  }
  driver->cuDevicePrimaryCtxRelease(device.handle);
}

/// Finds the device and retains its primary context.
Status CudaBackend::open(int number) {
  if (Status opened = openDriver(driver); !opened)
    return opened;
  device.driver = driver;
  int count = 0;
  if (CUresult error = driver->cuDeviceGetCount(&count))
    return device.failure(error, "cuDeviceGetCount");
  if (number >= count)
    return badArgument(
        "device is 'cuda:" + std::to_string(number) + "', but there " +
        (count == 1 ? "is 1 CUDA device" : "are " + std::to_string(count) + " CUDA devices") +
        (count ? "" : "; " + adviceFor(cudaNoDevice)));
  char name[256] = "";
  if (CUresult error = driver->cuDeviceGet(&device.handle, number))
    return device.failure(error, "cuDeviceGet");
  if (CUresult error = driver->cuDeviceGetName(name, sizeof name, device.handle))
    return device.failure(error, "cuDeviceGetName");
  if (CUresult error = driver->cuDeviceGetAttribute(&device.major, cudaComputeMajor, device.handle))
    return device.failure(error, "cuDeviceGetAttribute");
  if (CUresult error = driver->cuDeviceGetAttribute(&device.minor, cudaComputeMinor, device.handle))
    return device.failure(error, "cuDeviceGetAttribute");
  if (CUresult error = driver->cuDriverGetVersion(&device.version))
    return device.failure(error, "cuDriverGetVersion");
  device.name = name;
  texts.device = name;
  texts.driver = device.versionText();
  CUcontext retained = nullptr;
  if (CUresult error = driver->cuDevicePrimaryCtxRetain(&retained, device.handle))
    return device.failure(error, "cuDevicePrimaryCtxRetain");
  context = retained;
  return {};
}

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

Status CudaBackend::load(const vit_library &library, const vit_plan &native, const uint8_t *arena,
                         const LoadOptions &options) {
  const vit_target &target = library.targets[native.target];
  device.built = builtFor(target);
  if (Status good = functions.open(context, target, options.ptx); !good)
    return good;
  // Every workspace needs these, and whether the device takes the code is known from here on.
  if (Status done = functions.load({&native}, 1); !done)
    return done;
  functions.describe(texts);
  ContextScope scope(device);
  if (Status entered = scope.enter(context); !entered)
    return entered;
  if (Status uploaded = uploadWeights(library, arenaPart(library, target), arena); !uploaded)
    return uploaded;
  return scope.leave();
}

Status CudaBackend::loadFunctions(const SizedPlan &sized, int maxBatch) {
  return functions.load(sized, maxBatch);
}

/// Uploads the arena; the context is current.
Status CudaBackend::uploadWeights(const vit_library &library, ArenaPart part,
                                  const uint8_t *arena) {
  if (part.bytes() == 0)
    return {};
  if (Status done = allocate(part.bytes(), " for weights", weightArena); !done)
    return done;
  if (CUresult error = driver->cuMemcpyHtoD(weightArena, arena, part.bytes()))
    return device.failure(error, "cuMemcpyHtoD", "weights");
  // The copy may still be on its way, and streams that do not block would not wait for it.
  if (CUresult error = driver->cuStreamSynchronize(nullptr))
    return device.failure(error, "cuStreamSynchronize", "weights");
  if (driver->registerRange)
    for (uint32_t i = 0; i != library.weight_count; ++i)
      if (part.has(library.weights[i]))
        driver->registerRange(weightArena + (library.weights[i].offset - part.begin),
                              library.weights[i].bytes, ("weight " + std::to_string(i)).c_str(), 0);
  return {};
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Status CudaBackend::allocate(uint64_t bytes, const std::string &about, uint64_t &address) {
  ContextScope scope(device);
  if (Status entered = scope.enter(context); !entered)
    return entered;
  CUdeviceptr pointer = 0;
  if (CUresult error = driver->cuMemAlloc(&pointer, bytes))
    return device.failure(error, "cuMemAlloc", std::to_string(bytes) + " bytes" + about);
  address = pointer;
  return scope.leave();
}

void CudaBackend::free(uint64_t address) {
  if (isForked())
    return;
  ContextScope scope(device);
  (void)scope.enter(context);
  driver->cuMemFree(address);
}

Status CudaBackend::write(uint64_t to, const void *from, uint64_t bytes) {
  ContextScope scope(device);
  if (Status entered = scope.enter(context); !entered)
    return entered;
  CUresult error = driver->cuMemcpyHtoD(to, from, bytes);
  if (!error)
    error = driver->cuStreamSynchronize(nullptr); // other streams do not wait for the copy
  if (error)
    return device.failure(error, "cuMemcpyHtoD");
  return scope.leave();
}

Status CudaBackend::read(void *to, uint64_t from, uint64_t bytes) {
  ContextScope scope(device);
  if (Status entered = scope.enter(context); !entered)
    return entered;
  if (CUresult error = driver->cuMemcpyDtoH(to, from, bytes))
    return device.failure(error, "cuMemcpyDtoH");
  return scope.leave();
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

void CudaBackend::registerInputs(const RunRequest &request) const {
  for (uint32_t i = 0; i != request.library.input_count; ++i)
    driver->registerRange(reinterpret_cast<uintptr_t>(request.inputs[i]),
                          request.sized.inputBytes(request.library, i, request.launches.batch()),
                          request.library.inputs[i].name, 0);
}

/// Tells the emulator what each argument may touch, and that written buffers hold nothing yet.
void CudaBackend::registerRanges(const RunRequest &request, const LaunchRecord &record) const {
  const vit_step &step = request.launches.stepOf(record);
  int batch = request.launches.batch();
  auto valueAt = [&](const vit_count &count) {
    return valueOf(count, uint64_t(batch), request.sized.tokens);
  };
  for (uint32_t i = 0; i != step.arg_count; ++i) {
    const vit_arg &arg = step.args[i];
    bool fresh = arg.written && !alsoRead(step, arg);
    uint64_t address = request.launches.slot(record, i);
    if (arg.kind == VIT_ARG_BUFFER) {
      const vit_buffer &buffer = request.sized.plan->buffers[arg.index];
      driver->registerRange(address, valueAt(buffer.bytes), buffer.name, fresh);
    } else if (arg.kind == VIT_ARG_OUTPUT) {
      driver->registerRange(address, request.sized.outputBytes(request.library, arg.index, batch),
                            request.library.outputs[arg.index].name, fresh);
    } else if (arg.kind == VIT_ARG_SCRATCH) {
      driver->registerRange(address, valueAt(arg.count), "scratch", fresh);
    } else if (arg.kind == VIT_ARG_COUNTERS) {
      driver->registerRange(address, valueAt(arg.count), "counters", 0);
    }
  }
}

CUkernelNodeParams CudaBackend::kernelOf(const RunRequest &request,
                                         const LaunchRecord &record) const {
  const vit_step &step = request.launches.stepOf(record);
  const vit_cuda_code &code = codeOf(functions.kernel(step.kernel));
  return {functions.function(step.kernel),
          record.grid[0],
          record.grid[1],
          record.grid[2],
          code.threads,
          1,
          1,
          code.dynamic_smem,
          step.arg_count ? request.launches.parametersOf(record) : nullptr,
          nullptr};
}

Status CudaBackend::launchOne(const RunRequest &request, const LaunchRecord &record,
                              CUstream stream) {
  CUkernelNodeParams kernel = kernelOf(request, record);
  if (CUresult error = driver->cuLaunchKernel(
          kernel.function, kernel.gridX, kernel.gridY, kernel.gridZ, kernel.blockX, kernel.blockY,
          kernel.blockZ, kernel.sharedBytes, stream, kernel.parameters, kernel.extra)) {
    const vit_step &step = request.launches.stepOf(record);
    return device.failure(error, "cuLaunchKernel",
                          "kernel " + quoted(functions.kernel(step.kernel).name) + " of step " +
                              quoted(step.label));
  }
  return {};
}

/// The context is current.
Status CudaBackend::enqueue(const RunRequest &request, std::span<const LaunchRecord> records,
                            CUstream stream) {
  request.launches.bind(request.inputs, request.outputs);
  if (driver->registerRange)
    registerInputs(request);
  for (const LaunchRecord &record : records) {
    if (driver->registerRange)
      registerRanges(request, record);
    if (Status launched = launchOne(request, record, stream); !launched)
      return launched;
    if (!request.observer || !request.observer->wants(record))
      continue;
    if (CUresult error = driver->cuStreamSynchronize(stream))
      return device.failure(error, "cuStreamSynchronize",
                            "step " + quoted(request.launches.stepOf(record).label));
    if (Status seen = request.observer->launched(record); !seen)
      return seen;
  }
  return {};
}

Status CudaBackend::record(const RunRequest &request, std::span<const uint32_t> which,
                           std::unique_ptr<RecordedRun> &out) {
  ContextScope scope(device);
  if (Status entered = scope.enter(context); !entered)
    return entered;
  auto graph = std::make_unique<Graph>(device, context);
  if (Status created = graph->create(request.library); !created)
    return created;
  const std::vector<LaunchRecord> &records = request.launches.records();
  for (uint32_t i : which) {
    const vit_step &step = request.launches.stepOf(records[i]);
    if (driver->registerRange && !takesCallersPointer(step)) // else they are known in a run
      registerRanges(request, records[i]);
    if (Status added = graph->append(kernelOf(request, records[i]), i, step); !added)
      return added;
  }
  if (Status ready = graph->instantiate(); !ready)
    return ready;
  out = std::move(graph);
  return scope.leave();
}

/// A capture gets plain launches: what it holds stays as it is when later runs point the graph of
/// the workspace elsewhere. The context is current.
Status CudaBackend::enqueueRun(const RunRequest &request, CUstream stream) {
  int captures = 0;
  if (request.recorded && !request.observer)
    if (CUresult error = driver->cuStreamIsCapturing(stream, &captures))
      return device.failure(error, "cuStreamIsCapturing");
  if (!request.recorded || request.observer || captures)
    return enqueue(request, request.launches.records(), stream);
  auto &graph = static_cast<Graph &>(*request.recorded);
  request.launches.bind(request.inputs, request.outputs);
  auto kernel = [&](const LaunchRecord &record) {
    if (driver->registerRange)
      registerRanges(request, record);
    return kernelOf(request, record);
  };
  if (Status pointed = graph.pointTo(request, kernel); !pointed)
    return pointed;
  if (driver->registerRange)
    registerInputs(request);
  return graph.launch(stream);
}

Status CudaBackend::run(const RunRequest &request, vit_stream stream) {
  ContextScope scope(device);
  if (Status entered = scope.enter(context); !entered)
    return entered;
  if (Status enqueued = enqueueRun(request, stream); !enqueued)
    return enqueued;
  return scope.leave();
}

Status CudaBackend::wait(vit_stream stream) {
  ContextScope scope(device);
  if (Status entered = scope.enter(context); !entered)
    return entered;
  if (CUresult error = driver->cuStreamSynchronize(stream))
    return device.failure(error, "cuStreamSynchronize");
  return scope.leave();
}

/// What runHost needs, at the first call with a workspace; the context is current.
Status CudaBackend::openHostRun(const RunRequest &request) {
  if (!request.state)
    request.state = std::make_unique<HostRun>(*this);
  auto &host = static_cast<HostRun &>(*request.state);
  if (host.stream)
    return {};
  const vit_library &library = request.library;
  std::vector<uint64_t> offsets;
  uint64_t bytes = 0;
  auto place = [&](uint64_t size) {
    offsets.push_back(bytes);
    bytes += alignUp(size);
  };
  for (uint32_t i = 0; i != library.input_count; ++i)
    place(request.sized.inputBytes(library, i, request.maxBatch));
  for (uint32_t i = 0; i != library.output_count; ++i)
    place(request.sized.outputBytes(library, i, request.maxBatch));
  if (!host.staging && bytes)
    if (CUresult error = driver->cuMemAlloc(&host.staging, bytes)) {
      host.staging = 0;
      return device.failure(error, "cuMemAlloc",
                            std::to_string(bytes) + " bytes for inputs and outputs");
    }
  host.inputs.clear();
  host.outputs.clear();
  for (size_t i = 0; i != offsets.size(); ++i)
    (i < library.input_count ? host.inputs : host.outputs)
        .push_back(reinterpret_cast<void *>(host.staging + offsets[i]));
  if (CUresult error = driver->cuStreamCreate(&host.stream, cudaStreamNonBlocking)) {
    host.stream = nullptr;
    return device.failure(error, "cuStreamCreate");
  }
  return {};
}

Status CudaBackend::runHost(const RunRequest &request) {
  const vit_library &library = request.library;
  int batch = request.launches.batch();
  ContextScope scope(device);
  if (Status entered = scope.enter(context); !entered)
    return entered;
  if (Status opened = openHostRun(request); !opened)
    return opened;
  auto &host = static_cast<HostRun &>(*request.state);
  RunRequest onDevice = request;
  onDevice.inputs = host.inputs.data();
  onDevice.outputs = host.outputs.data();
  auto enqueue = [&]() -> Status {
    for (uint32_t i = 0; i != library.input_count; ++i)
      if (CUresult error = driver->cuMemcpyHtoDAsync(
              reinterpret_cast<uintptr_t>(host.inputs[i]), request.inputs[i],
              request.sized.inputBytes(library, i, batch), host.stream))
        return device.failure(error, "cuMemcpyHtoDAsync", inputText(library, i));
    if (Status enqueued = enqueueRun(onDevice, host.stream); !enqueued)
      return enqueued;
    for (uint32_t i = 0; i != library.output_count; ++i)
      if (CUresult error = driver->cuMemcpyDtoHAsync(
              request.outputs[i], reinterpret_cast<uintptr_t>(host.outputs[i]),
              request.sized.outputBytes(library, i, batch), host.stream))
        return device.failure(error, "cuMemcpyDtoHAsync", outputText(library, i));
    return {};
  };
  Status done = enqueue();
  // Also after a failure: copies on their way must not touch the caller's memory later.
  if (CUresult error = driver->cuStreamSynchronize(host.stream); error && done)
    done = device.failure(error, "cuStreamSynchronize");
  if (!done)
    return done;
  return scope.leave();
}

//===----------------------------------------------------------------------===//
// Timing
//===----------------------------------------------------------------------===//

Status CudaBackend::time(int count, const std::function<Status(vit_stream)> &work,
                         std::vector<double> &microseconds) {
  Clock clock(device);
  if (Status opened = clock.open(context, 2); !opened)
    return opened;
  microseconds.resize(size_t(count));
  for (double &time : microseconds) {
    if (Status marked = clock.mark(0); !marked)
      return marked;
    if (Status done = work(clock.stream()); !done)
      return done;
    if (Status marked = clock.mark(1); !marked)
      return marked;
    if (Status come = clock.wait(1); !come)
      return come;
    if (Status read = clock.read(0, time); !read)
      return read;
  }
  return {};
}

Status CudaBackend::timeEach(const RunRequest &request, int count,
                             std::vector<std::vector<double>> &microseconds) {
  std::span<const LaunchRecord> records = request.launches.records();
  Clock clock(device);
  if (Status opened = clock.open(context, records.size() + 1); !opened)
    return opened;
  microseconds.assign(records.size(), std::vector<double>(size_t(count)));
  for (int run = 0; run != count; ++run) {
    // A run in front keeps the device behind the host: a kernel that came late would count that.
    if (Status done = enqueue(request, records, clock.stream()); !done)
      return done;
    if (Status marked = clock.mark(0); !marked)
      return marked;
    for (size_t i = 0; i != records.size(); ++i) {
      if (Status done = enqueue(request, records.subspan(i, 1), clock.stream()); !done)
        return done;
      if (Status marked = clock.mark(i + 1); !marked)
        return marked;
    }
    if (Status come = clock.wait(records.size()); !come)
      return come;
    for (size_t i = 0; i != records.size(); ++i)
      if (Status read = clock.read(i, microseconds[i][size_t(run)]); !read)
        return read;
  }
  return {};
}

} // namespace

Status openCuda(int number, std::unique_ptr<Backend> &out) {
  auto backend = std::make_unique<CudaBackend>();
  if (Status opened = backend->open(number); !opened)
    return opened;
  out = std::move(backend);
  return {};
}

extern "C" OpenBackend *const vit_cuda_backend = openCuda;
/// Of no use but to have the linker take this file.
extern "C" const char vit_needs_cuda;
const char vit_needs_cuda = 0;

} // namespace vitrt
