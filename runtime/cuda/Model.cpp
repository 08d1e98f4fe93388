//===- Model.cpp - Load and free models ------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Everything that can be slow or fail happens here, once: context, kernels,
// weights. A failing load takes back what it did, in the destructor.
//===----------------------------------------------------------------------===//
#include "runtime/cuda/Model.h"

#include <span>

namespace vitrt {
namespace {

Status damaged(const std::string &what) { return {VIT_BAD_ABI, "the library is damaged: " + what}; }

/// The grid grows with the batch, so the largest one decides.
Status checkStep(const vit_library &library, const vit_step &step) {
  auto fail = [&](const char *what) {
    return damaged(std::string("step ") + quoted(step.label) + " " + what);
  };
  if (step.kernel >= library.kernel_count)
    return fail("names no kernel");
  uint64_t batch = std::min(step.max_batch, library.max_batch);
  for (int i = 0; i != 3; ++i) {
    const vit_extent &extent = step.grid[i];
    if (extent.divisor == 0)
      return fail("divides by zero");
    uint64_t limit = i == 0 ? 0x7FFFFFFF : 65535, size = extent.times;
    if (extent.per_image) // below 2^64: three 32-bit factors, the first two with a small batch
      size = (batch * extent.per_image + extent.divisor - 1) / extent.divisor;
    if (size == 0 || size > limit || (extent.per_image && size * extent.times > limit))
      return fail("has a grid beyond the device's limits");
  }
  const uint32_t counts[] = {library.input_count, library.output_count, library.buffer_count,
                             library.weight_count};
  for (const vit_arg &arg : std::span(step.args, step.arg_count)) {
    if (arg.kind > VIT_ARG_SCRATCH || (arg.kind < VIT_ARG_COUNT && arg.index >= counts[arg.kind]))
      return fail("has an unknown argument");
    if (arg.kind == VIT_ARG_SCRATCH && batch * arg.index > library.scratch_bytes)
      return fail("uses more scratch memory than there is");
    if (arg.kind == VIT_ARG_COUNT && batch * arg.index > 0x7FFFFFFF)
      return fail("counts beyond 31 bits");
  }
  return {};
}

std::string tensorText(const char *kind, uint32_t index, const vit_tensor &tensor) {
  return std::string(kind) + " " + std::to_string(index) + " " + quoted(tensor.name);
}

/// "13.0" of 13000.
std::string versionText(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

/// Which code runs: all kernels alike, or how many of which.
std::string codeText(const vit_model &model, const std::string &arch) {
  size_t machine = 0;
  std::string refusal;
  for (const LoadedKernel &kernel : model.kernels) {
    machine += kernel.machineCode;
    if (refusal.empty())
      refusal = kernel.refusal;
  }
  std::string code = "machine code " + arch;
  if (machine == model.kernels.size() && machine != 0)
    return code;
  std::string ptx = "PTX JIT for " + arch;
  if (!refusal.empty())
    ptx += " (machine code refused: " + refusal + ")";
  if (machine == 0)
    return ptx;
  return code + " for " + std::to_string(machine) + " of " + std::to_string(model.kernels.size()) +
         " kernels, the others " + ptx;
}

/// Finds the device and retains its primary context.
Status openDevice(vit_model &model, int device, int &major, int &minor) {
  if (Status opened = openDriver(model.driver); !opened)
    return opened;
  const Driver &driver = *model.driver;
  int count = 0, version = 0;
  if (CUresult error = driver.cuDeviceGetCount(&count))
    return driver.failure(error, "cuDeviceGetCount");
  if (device < 0 || device >= count)
    return badArgument(
        "device is " + std::to_string(device) + ", but there " +
        (count == 1 ? "is 1 CUDA device" : "are " + std::to_string(count) + " CUDA devices"));
  CUdevice handle;
  if (CUresult error = driver.cuDeviceGet(&handle, device))
    return driver.failure(error, "cuDeviceGet");
  char name[256] = "";
  if (CUresult error = driver.cuDeviceGetName(name, sizeof name, handle))
    return driver.failure(error, "cuDeviceGetName");
  if (CUresult error = driver.cuDeviceGetAttribute(&major, cudaComputeMajor, handle))
    return driver.failure(error, "cuDeviceGetAttribute");
  if (CUresult error = driver.cuDeviceGetAttribute(&minor, cudaComputeMinor, handle))
    return driver.failure(error, "cuDeviceGetAttribute");
  if (CUresult error = driver.cuDriverGetVersion(&version))
    return driver.failure(error, "cuDriverGetVersion");
  model.deviceName = name;
  model.driverVersion = versionText(version);
  model.arch = "sm_" + std::to_string(major) + std::to_string(minor);
  CUcontext context = nullptr;
  if (CUresult error = driver.cuDevicePrimaryCtxRetain(&context, handle))
    return driver.failure(error, "cuDevicePrimaryCtxRetain");
  model.device = handle;
  model.context = context;
  return {};
}

/// Uploads the arena; the context is current.
Status uploadWeights(vit_model &model, const uint8_t *arena) {
  const Driver &driver = *model.driver;
  const vit_library &library = model.library;
  if (library.weight_bytes == 0)
    return {};
  if (CUresult error = driver.cuMemAlloc(&model.weights, library.weight_bytes)) {
    model.weights = 0;
    return driver.failure(error, "cuMemAlloc",
                          std::to_string(library.weight_bytes) + " bytes for weights");
  }
  if (CUresult error = driver.cuMemcpyHtoD(model.weights, arena, library.weight_bytes))
    return driver.failure(error, "cuMemcpyHtoD", "weights");
  // The copy may still be on its way, and streams that do not block would not wait for it.
  if (CUresult error = driver.cuStreamSynchronize(nullptr))
    return driver.failure(error, "cuStreamSynchronize", "weights");
  if (driver.registerRange)
    for (uint32_t i = 0; i != library.weight_count; ++i)
      driver.registerRange(model.weights + library.weights[i].offset, library.weights[i].bytes,
                           ("weight " + std::to_string(i)).c_str(), 0);
  return {};
}

/// The arena's bytes: embedded, or made in `storage`.
Status makeArena(const vit_library &library, WeightSource *source, std::vector<uint8_t> &storage,
                 const uint8_t *&arena) {
  arena = static_cast<const uint8_t *>(library.embedded);
  if (!source)
    return {};
  storage.resize(library.weight_bytes);
  arena = storage.data();
  if (auto made = prepareWeights(library, *source, storage); !made)
    return badFile(made.error());
  return {};
}

} // namespace

std::string inputText(const vit_library &library, uint32_t index) {
  return tensorText("input", index, library.inputs[index]);
}

std::string outputText(const vit_library &library, uint32_t index) {
  return tensorText("output", index, library.outputs[index]);
}

uint64_t bytesPerImage(const vit_tensor &tensor) {
  uint64_t bytes = tensor.dtype == VIT_F64 ? 8 : tensor.dtype == VIT_F32 ? 4 : 2;
  for (uint32_t i = 1; i < tensor.rank; ++i)
    bytes *= uint64_t(tensor.shape[i]);
  return bytes;
}

Status checkLibrary(const vit_library *library) {
  if (!library)
    return {VIT_BAD_ABI, "library is NULL: it does not speak ABI " + std::to_string(VIT_ABI) +
                             " of this runtime; rebuild the model or update the runtime"};
  if (library->abi != VIT_ABI)
    return {VIT_BAD_ABI, "library has ABI " + std::to_string(library->abi) +
                             ", this runtime has ABI " + std::to_string(VIT_ABI) +
                             "; rebuild the model or update the runtime"};
  if (library->size != sizeof(vit_library))
    return damaged("its root has " + std::to_string(library->size) + " bytes, expected " +
                   std::to_string(sizeof(vit_library)));
  if (library->max_batch == 0 || library->max_batch > 0x7FFFFFFF)
    return damaged("its largest batch is " + std::to_string(library->max_batch));
  for (uint32_t i = 0; i != library->step_count; ++i)
    if (Status good = checkStep(*library, library->steps[i]); !good)
      return good;
  for (uint32_t i = 0; i != library->buffer_count; ++i) {
    const vit_buffer &buffer = library->buffers[i];
    if (buffer.offset > library->workspace_bytes ||
        buffer.bytes > library->workspace_bytes - buffer.offset)
      return damaged("buffer " + quoted(buffer.name) + " is outside the workspace");
  }
  for (uint32_t i = 0; i != library->weight_count; ++i) {
    const vit_prepared &weight = library->weights[i];
    if (weight.offset > library->weight_bytes ||
        weight.bytes > library->weight_bytes - weight.offset)
      return damaged("weight " + std::to_string(i) + " is outside the weight arena");
  }
  return {};
}

Status loadModel(const vit_library *library, WeightSource *source, int device,
                 const LoadOptions &options, std::unique_ptr<vit_model> &out) {
  if (Status good = checkLibrary(library); !good)
    return good;
  if (!source && !library->embedded && library->weight_bytes != 0)
    return badArgument("weights is NULL, but the library has no embedded weights; name a "
                       "safetensors file");
  if (source)
    if (auto good = source->check(*library); !good) // before anything slow
      return badFile(good.error());
  auto model = std::make_unique<vit_model>(*library);
  int major = 0, minor = 0;
  if (Status opened = openDevice(*model, device, major, minor); !opened)
    return opened;
  std::vector<uint8_t> storage;
  const uint8_t *arena = nullptr;
  if (Status made = makeArena(*library, source, storage, arena); !made)
    return made;
  ContextScope scope(*model->driver);
  if (Status entered = scope.enter(model->context); !entered)
    return entered;
  model->kernels.resize(library->kernel_count);
  bool replaced = options.ptx.empty();
  for (uint32_t i = 0; i != library->kernel_count; ++i) {
    const vit_kernel &kernel = library->kernels[i];
    replaced |= hasEntry(options.ptx, kernel.name);
    if (Status loaded =
            loadKernel(*model->driver, kernel, major, minor, options, model->kernels[i]);
        !loaded)
      return loaded;
  }
  if (!replaced)
    return badFile("the PTX text has no entry with the name of a kernel of the library, such as " +
                   quoted(library->kernel_count ? library->kernels[0].name : ""));
  if (Status uploaded = uploadWeights(*model, arena); !uploaded)
    return uploaded;
  if (Status left = scope.leave(); !left)
    return left;
  model->description =
      codeText(*model, model->arch) + ", " + model->deviceName + ", driver " + model->driverVersion;
  out = std::move(model);
  return {};
}

} // namespace vitrt

using namespace vitrt;

vit_model::~vit_model() {
  if (!context)
    return;
  {
    ContextScope scope(*driver);
    (void)scope.enter(context);
    if (weights)
      driver->cuMemFree(weights);
    for (const LoadedKernel &kernel : kernels)
      if (kernel.module)
        driver->cuModuleUnload(kernel.module);
  }
  driver->cuDevicePrimaryCtxRelease(device);
}

extern "C" vit_status vit_model_load(const vit_library *library, const char *weights, int device,
                                     vit_model **out) {
  return guarded([&]() -> Status {
    if (!out)
      return badArgument("out is NULL");
    *out = nullptr;
    std::unique_ptr<vit_model> model;
    if (!weights) {
      if (Status loaded = loadModel(library, nullptr, device, {}, model); !loaded)
        return loaded;
    } else {
      if (Status good = checkLibrary(library); !good)
        return good;
      auto file = Safetensors::open(weights);
      if (!file)
        return badFile("weights " + file.error());
      FileSource source(*file);
      if (Status loaded = loadModel(library, &source, device, {}, model); !loaded)
        return loaded;
    }
    *out = model.release();
    return {};
  });
}

extern "C" vit_status vit_model_load_from(const vit_library *library, vit_weight_reader reader,
                                          void *user, int device, vit_model **out) {
  return guarded([&]() -> Status {
    if (!out || !reader)
      return badArgument(out ? "reader is NULL" : "out is NULL");
    *out = nullptr;
    FunctionSource source([&](const char *name, std::span<const int64_t> shape,
                              std::span<float> values) -> Result<void> {
      clearLastError();
      if (reader(user, name, uint32_t(shape.size()), shape.data(), values.data()) == VIT_OK)
        return {};
      std::string text = takeLastError();
      return Error{"weights: " + quoted(name) + ": " +
                   (text.empty() ? "the reader failed without vit_set_error" : text)};
    });
    std::unique_ptr<vit_model> model;
    if (Status loaded = loadModel(library, &source, device, {}, model); !loaded)
      return loaded;
    *out = model.release();
    return {};
  });
}

extern "C" void vit_model_free(vit_model *model) { delete model; }

extern "C" const char *vit_model_description(const vit_model *model) {
  return model ? model->description.c_str() : "";
}
