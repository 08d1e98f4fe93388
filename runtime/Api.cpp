//===- Api.cpp - The C API -------------------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Every function of runtime.h but those of errors: checks of what a caller may
// get wrong, then one call into the runtime. No target is known here.
//===----------------------------------------------------------------------===//
#include "runtime/Handles.h"
#include "runtime/Preprocess.h"
#include "runtime/SelfCheck.h"

#include <algorithm>
#include <cstring>
#include <cxxabi.h>

using namespace vitrt;

namespace {

/// A library that this runtime can read at all.
bool isReadable(const vit_library *library) {
  return library && library->abi == VIT_ABI && library->size == sizeof(vit_library);
}

vit_status describeTensor(const vit_library *library, const vit_tensor *vit_library::*list,
                          uint32_t vit_library::*count, const char *kind, uint32_t index,
                          vit_tensor_info *out) {
  return guarded([&]() -> Status {
    if (!out)
      return badArgument("out is NULL");
    *out = {};
    if (!isReadable(library))
      return badArgument("library is NULL or of another ABI than " + std::to_string(VIT_ABI));
    if (index >= library->*count)
      return badArgument(std::string(kind) + " is " + std::to_string(index) +
                         ", but the model has " + std::to_string(library->*count));
    const vit_tensor &tensor = (library->*list)[index];
    *out = {tensor.name, vit_dtype(tensor.dtype), tensor.rank, {}};
    for (uint32_t i = 0; i != tensor.rank && i != VIT_MAX_RANK; ++i)
      out->shape[i] = tensor.shape[i];
    return {};
  });
}

Status makeWorkspace(const vit_model *model, int maxBatch, ImageSize size, vit_workspace **out) {
  if (!out)
    return badArgument("out is NULL");
  *out = nullptr;
  if (!model)
    return badArgument("model is NULL");
  std::unique_ptr<vit_workspace> workspace;
  if (Status created = createWorkspace(*model, maxBatch, size, workspace); !created)
    return created;
  *out = workspace.release();
  return {};
}

/// What fits of a text, up to the end of a character of UTF-8, and a zero byte.
void copyText(std::string_view text, char *out, size_t bytes) {
  if (bytes == 0)
    return;
  size_t length = std::min(text.size(), bytes - 1);
  while (length && length != text.size() && (text[length] & 0xC0) == 0x80)
    --length;
  std::memcpy(out, text.data(), length);
  out[length] = 0;
}

/// The checks of a run, then `run`, with the batch selected.
template <class Run>
vit_status checkedRun(const vit_model *model, vit_workspace *workspace, int batch,
                      const void *const *inputs, int n, void *const *outputs, int m, bool aligned,
                      Run run) {
  return guarded([&]() -> Status {
    if (!model || !workspace)
      return badArgument(model ? "workspace is NULL" : "model is NULL");
    if (Status good = workspace->checkRun(model, inputs, n, outputs, m, aligned); !good)
      return good;
    RunGuard guard(*workspace);
    if (Status free = guard.check(); !free)
      return free;
    if (Status selected = workspace->select(batch); !selected)
      return selected;
    return run(workspace->request(inputs, outputs, nullptr));
  });
}

/// Calls a user's function, which may do anything but crash. Returns what went wrong, or nothing.
std::string callReader(vit_weight_reader reader, void *user, const char *name,
                       std::span<const int64_t> shape, std::span<float> values) {
  clearLastError();
  int status;
  try {
    CallersCancellation acts;
    status = reader(user, name, uint32_t(shape.size()), shape.data(), values.data());
  } catch (abi::__forced_unwind &) {
    throw; // the thread is cancelled
  } catch (const std::exception &exception) {
    return std::string("the reader threw an exception, expected a vit_status: ") + exception.what();
  } catch (...) {
    return "the reader threw something that is no std::exception, expected a vit_status";
  }
  if (status == VIT_OK)
    return {};
  if (status < VIT_OK || status > VIT_NOT_FINITE)
    return "the reader returned " + std::to_string(status) + ", which is no vit_status";
  std::string text = takeLastError();
  return text.empty() ? "the reader failed without vit_set_error" : text;
}

/// Of a model that reads such pixels, f32 or bytes.
template <class Pixel>
vit_status preprocess(const vit_library *library, const uint8_t *rgb, int width, int height,
                      size_t rowBytes, Pixel *pixels) {
  return guarded([&]() -> Status {
    if (!isReadable(library))
      return badArgument("library is NULL or of another ABI than " + std::to_string(VIT_ABI));
    if (!rgb || !pixels)
      return badArgument(rgb ? "pixel_values is NULL" : "rgb is NULL");
    if (!library->preprocessing)
      return badArgument("the library has no recipe for pictures: its checkpoint had none that "
                         "vitc could read, as the report of the build says");
    if (width >= 1 && rowBytes < size_t(width) * 3)
      return badArgument("row_bytes is " + std::to_string(rowBytes) + ", expected at least " +
                         std::to_string(size_t(width) * 3) + " for rows of " +
                         std::to_string(width) + " pixels");
    PixelShape shape;
    if (Status good = pixelShapeOf(*library, shape); !good)
      return good;
    if (shape.bytes != std::is_same_v<Pixel, uint8_t>)
      return badArgument(shape.bytes ? "the model reads bytes, which vit_preprocess_u8 makes; "
                                       "vit_preprocess makes normalised f32"
                                     : "the model reads normalised f32, which vit_preprocess "
                                       "makes; vit_preprocess_u8 is for --input-type u8");
    PicturePlan plan;
    if (Status good = PicturePlan::make(*library->preprocessing, shape, width, height, plan); !good)
      return good;
    PictureReduction reduction(plan);
    for (int64_t row = plan.rows().begin; row != plan.rows().end; ++row)
      reduction.add(row, rgb + size_t(row) * rowBytes);
    reduction.finish(pixels);
    return {};
  });
}

} // namespace

extern "C" const char *vit_version(void) { return VIT_RUNTIME_VERSION; }

extern "C" uint32_t vit_library_input_count(const vit_library *library) {
  return isReadable(library) ? library->input_count : 0;
}

extern "C" uint32_t vit_library_output_count(const vit_library *library) {
  return isReadable(library) ? library->output_count : 0;
}

extern "C" vit_status vit_library_input(const vit_library *library, uint32_t index,
                                        vit_tensor_info *out) {
  return describeTensor(library, &vit_library::inputs, &vit_library::input_count, "input", index,
                        out);
}

extern "C" vit_status vit_library_output(const vit_library *library, uint32_t index,
                                         vit_tensor_info *out) {
  return describeTensor(library, &vit_library::outputs, &vit_library::output_count, "output", index,
                        out);
}

extern "C" uint32_t vit_library_max_batch(const vit_library *library) {
  return isReadable(library) ? library->max_batch : 0;
}

extern "C" const char *vit_library_label(const vit_library *library, uint32_t index) {
  return isReadable(library) && index < library->label_count ? library->labels[index] : nullptr;
}

extern "C" vit_status vit_preprocess(const vit_library *library, const uint8_t *rgb, int width,
                                     int height, size_t row_bytes, float *pixel_values) {
  return preprocess(library, rgb, width, height, row_bytes, pixel_values);
}

extern "C" vit_status vit_preprocess_u8(const vit_library *library, const uint8_t *rgb, int width,
                                        int height, size_t row_bytes, uint8_t *pixel_values) {
  return preprocess(library, rgb, width, height, row_bytes, pixel_values);
}

extern "C" vit_status vit_model_load(const vit_library *library, const char *weights,
                                     const char *device, vit_model **out) {
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
                                          void *user, const char *device, vit_model **out) {
  return guarded([&]() -> Status {
    if (!out || !reader)
      return badArgument(out ? "reader is NULL" : "out is NULL");
    *out = nullptr;
    FunctionSource source([&](const char *name, std::span<const int64_t> shape,
                              std::span<float> values) -> Result<void> {
      std::string problem = callReader(reader, user, name, shape, values);
      if (problem.empty())
        return {};
      return Error{"weights: " + quoted(name) + ": " + problem};
    });
    std::unique_ptr<vit_model> model;
    if (Status loaded = loadModel(library, &source, device, {}, model); !loaded)
      return loaded;
    *out = model.release();
    return {};
  });
}

extern "C" void vit_model_free(vit_model *model) {
  CancellationDelay delay;
  // With workspaces left, a second free of the same model is harmless.
  if (model && !model->freed.exchange(true, std::memory_order_acq_rel))
    model->release();
}

extern "C" const char *vit_model_description(const vit_model *model) {
  return model ? model->description.c_str() : "";
}

extern "C" vit_status vit_model_check(const vit_model *model, char *report, size_t reportBytes) {
  return guarded([&]() -> Status {
    if (!report && reportBytes)
      return badArgument("report is NULL, but report_bytes is " + std::to_string(reportBytes));
    copyText("", report, reportBytes);
    if (!model)
      return badArgument("model is NULL");
    std::string text;
    Status checked = checkModel(*model, nullptr, text);
    copyText(text, report, reportBytes);
    return checked;
  });
}

extern "C" vit_status vit_workspace_create(const vit_model *model, int maxBatch,
                                           vit_workspace **out) {
  return guarded([&] { return makeWorkspace(model, maxBatch, {}, out); });
}

extern "C" vit_status vit_workspace_create_sized(const vit_model *model, int maxBatch, int height,
                                                 int width, vit_workspace **out) {
  return guarded([&]() -> Status {
    if (height >= 1 && width >= 1)
      return makeWorkspace(model, maxBatch, {height, width}, out);
    if (out)
      *out = nullptr;
    return badArgument("images are " + std::to_string(height) + "x" + std::to_string(width) +
                       ", expected a height and a width of at least 1");
  });
}

extern "C" void vit_workspace_free(vit_workspace *workspace) {
  CancellationDelay delay;
  delete workspace;
}

extern "C" vit_status vit_workspace_prepare(const vit_model *model, vit_workspace *workspace,
                                            int batch) {
  return guarded([&]() -> Status {
    if (!model || !workspace)
      return badArgument(model ? "workspace is NULL" : "model is NULL");
    if (Status good = workspace->checkModel(model); !good)
      return good;
    RunGuard guard(*workspace);
    if (Status free = guard.check(); !free)
      return free;
    return workspace->prepare(batch);
  });
}

extern "C" vit_status vit_workspace_set_checks(vit_workspace *workspace, unsigned checks) {
  return guarded([&]() -> Status {
    if (!workspace)
      return badArgument("workspace is NULL");
    if (checks & ~unsigned(VIT_CHECK_FINITE))
      return badArgument("checks is " + std::to_string(checks) +
                         ", expected 0 or VIT_CHECK_FINITE, which is 1");
    RunGuard guard(*workspace);
    if (Status free = guard.check(); !free)
      return free;
    workspace->checks = checks;
    return {};
  });
}

extern "C" void
vit_set_parallel_for(void (*parallelFor)(void *, int, void (*)(void *, int), void *), void *user) {
  setParallelFor(parallelFor, user);
}

extern "C" vit_status vit_model_run(const vit_model *model, vit_workspace *workspace, int batch,
                                    const void *const *inputs, int n, void *const *outputs, int m,
                                    vit_stream stream) {
  auto run = [&](RunRequest request) {
    Status done = model->backend->run(request, stream);
    if (!done || !workspace->checks)
      return done;
    done = model->backend->wait(stream);
    return done ? workspace->checkOutputs(inputs, outputs, /*onDevice=*/true) : done;
  };
  return checkedRun(model, workspace, batch, inputs, n, outputs, m, /*aligned=*/true, run);
}

extern "C" vit_status vit_model_run_host(const vit_model *model, vit_workspace *workspace,
                                         int batch, const void *const *inputs, int n,
                                         void *const *outputs, int m) {
  auto run = [&](RunRequest request) {
    Status done = model->backend->runHost(request);
    return done ? workspace->checkOutputs(inputs, outputs, /*onDevice=*/false) : done;
  };
  return checkedRun(model, workspace, batch, inputs, n, outputs, m, /*aligned=*/false, run);
}
