//===- Model.cpp - A model on a device, with its workspaces ---------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "python/core/Model.h"

#include "driver/run/Library.h"
#include "python/core/Bindings.h"
#include "runtime/Handles.h"
#include "weights/Safetensors.h"

#include <algorithm>
#include <bit>
#include <charconv>

using namespace vitc::python;

namespace {

/// Of different sizes of images or streams that no run uses; beyond, the oldest is freed.
constexpr size_t mostIdle = 16;

[[noreturn]] void fail(vit_status status) { throw Failure(status, vit_last_error()); }
[[noreturn]] void fail(const vitrt::Status &status) {
  throw Failure(status.status(), "vit: " + status.message());
}

/// "cuda:1" is 1. Of a device that the runtime took, so that what follows is a number.
int indexOf(const std::optional<std::string> &device) {
  int index = 0;
  if (size_t colon = device ? device->find(':') : std::string::npos; colon != std::string::npos)
    std::from_chars(device->data() + colon + 1, device->data() + device->size(), index);
  return index;
}

std::string placeText(const Memory &memory) {
  return memory.onHost ? "in memory of the host"
                       : "on the CUDA device " + std::to_string(memory.device);
}

} // namespace

void vitc::python::useEmulator(const std::string &path) { vitrt::setDriverPath(path); }

std::unique_ptr<Model> Model::load(std::shared_ptr<const Library> library,
                                   const std::optional<std::string> &file,
                                   const std::optional<std::string> &device, bool allowNonfinite,
                                   std::vector<std::string> &warnings) {
  std::optional<vitrt::Safetensors> opened;
  std::optional<vitrt::FileSource> source;
  if (file) {
    auto found = vitrt::Safetensors::open(*file);
    if (!found)
      throw Failure(VIT_BAD_FILE, "vit: weights " + found.error());
    source.emplace(opened.emplace(std::move(*found)));
  } else if (!library->isEmbedded() && library->view()->weight_bytes)
    throw Failure(VIT_BAD_ARGUMENT, "the library has no embedded weights; expected weights=, a "
                                    "safetensors file, a folder with one, or tensors, found none");
  vitrt::LoadOptions options;
  options.allowNonfinite = allowNonfinite;
  options.warn = [&](const std::string &text) { warnings.push_back(text); };
  std::unique_ptr<vit_model> loaded;
  if (vitrt::Status done = vitrt::loadModel(library->view(), source ? &*source : nullptr,
                                            device ? device->c_str() : nullptr, options, loaded);
      !done)
    fail(done);
  std::unique_ptr<Model> model(new Model);
  model->library = std::move(library);
  model->model.reset(loaded.release());
  model->onCpu = vitrt::runsOnCpu(model->model.get());
  model->index = indexOf(device);
  return model;
}

vitrt::ImageSize Model::sizeFor(vitrt::ImageSize size) const {
  auto native = library->nativeSize();
  bool isNative = native && size.height == native->first && size.width == native->second;
  return isNative ? vitrt::ImageSize() : size;
}

int Model::largestBatch() const { return int(std::max<int64_t>(1, library->maxBatch())); }

std::vector<std::vector<int64_t>> Model::outputShapes(vitrt::ImageSize size) const {
  auto runnable = vitc::driver::runnableModel(*library->view(), 0, sizeFor(size));
  if (!runnable)
    throw Failure(VIT_BAD_ARGUMENT, "vit: " + runnable.error());
  std::vector<std::vector<int64_t>> shapes;
  for (const auto &output : runnable->outputs)
    shapes.push_back(output.perImage);
  return shapes;
}

//===----------------------------------------------------------------------===//
// Workspaces
//===----------------------------------------------------------------------===//

Model::Loan::Loan(Model &model, Place place, int batch) : model(model), place(place) {
  {
    std::lock_guard lock(model.mutex);
    auto [begin, end] = model.idle.equal_range(place);
    auto best = end;
    for (auto found = begin; found != end; ++found)
      if (found->second.capacity >= batch &&
          (best == end || found->second.capacity < best->second.capacity))
        best = found;
    if (best != end) {
      space = std::move(best->second);
      model.idle.erase(best);
      return;
    }
  }
  // Of the next power of two, so that growing batches make few of them.
  space.capacity = std::min(int(std::bit_ceil(unsigned(batch))), model.largestBatch());
  auto [stream, height, width] = place;
  vit_workspace *made = nullptr;
  vit_status status =
      height ? vit_workspace_create_sized(model.model.get(), space.capacity, height, width, &made)
             : vit_workspace_create(model.model.get(), space.capacity, &made);
  if (status != VIT_OK)
    fail(status);
  space.workspace.reset(made);
}

Model::Loan::~Loan() {
  vitrt::WorkspacePtr oldest; // freed without the lock
  std::lock_guard lock(model.mutex);
  space.lastUse = ++model.clock;
  model.idle.emplace(place, std::move(space));
  if (model.idle.size() <= mostIdle)
    return;
  auto old = std::min_element(model.idle.begin(), model.idle.end(),
                              [](auto &a, auto &b) { return a.second.lastUse < b.second.lastUse; });
  oldest = std::move(old->second.workspace);
  model.idle.erase(old);
}

//===----------------------------------------------------------------------===//
// Runs
//===----------------------------------------------------------------------===//

void Model::checkMemory(const RunRequest &request) const {
  auto check = [&](const Memory &memory, const char *what) {
    if (onCpu && !memory.onHost)
      throw Failure(VIT_BAD_ARGUMENT,
                    std::string(what) + " is " + placeText(memory) +
                        ", the model runs on the CPU; move it there, or load the model with "
                        "device=\"cuda\"");
    if (!memory.onHost && memory.device != index)
      throw Failure(VIT_BAD_ARGUMENT, std::string(what) + " is " + placeText(memory) +
                                          ", the model on " + std::to_string(index));
    if (memory.onHost != request.input.onHost)
      throw Failure(VIT_BAD_ARGUMENT, std::string(what) + " is " + placeText(memory) +
                                          ", the input " + placeText(request.input));
    if (memory.bytes % size_t(request.batch))
      throw Failure(VIT_BAD_ARGUMENT, std::string(what) + " has " + std::to_string(memory.bytes) +
                                          " bytes, which are not " + std::to_string(request.batch) +
                                          " images");
  };
  if (request.batch < 1)
    throw Failure(VIT_BAD_ARGUMENT, "expected at least one image, found none");
  check(request.input, "the input");
  for (const Memory &output : request.outputs)
    check(output, "an output");
  vitrt::SizedPlan sized;
  const vit_library &view = *library->view();
  if (vitrt::Status chosen =
          vitrt::choosePlan(view, view.plans[0].target, sizeFor(request.size), sized);
      !chosen)
    fail(chosen);
  auto expect = [&](const Memory &memory, uint64_t bytes, const std::string &what) {
    if (memory.bytes != bytes * uint64_t(request.batch))
      throw Failure(VIT_BAD_ARGUMENT, what + " has " + std::to_string(memory.bytes) +
                                          " bytes, the model expects " +
                                          std::to_string(bytes * uint64_t(request.batch)));
  };
  expect(request.input, sized.inputBytes(view, 0, 1), vitrt::inputText(view, 0));
  if (request.outputs.size() != view.output_count)
    throw Failure(VIT_BAD_ARGUMENT, "expected " + std::to_string(view.output_count) +
                                        " outputs, found " +
                                        std::to_string(request.outputs.size()));
  for (uint32_t i = 0; i != view.output_count; ++i)
    expect(request.outputs[i], sized.outputBytes(view, i, 1), vitrt::outputText(view, i));
}

void Model::runPart(const RunRequest &request, int64_t first, int count) {
  auto part = [&](const Memory &memory) {
    size_t perImage = memory.bytes / size_t(request.batch);
    return static_cast<uint8_t *>(memory.data) + perImage * size_t(first);
  };
  const void *inputs[] = {part(request.input)};
  std::vector<void *> outputs;
  for (const Memory &output : request.outputs)
    outputs.push_back(part(output));
  auto isAligned = [](const void *pointer) { return uintptr_t(pointer) % 16 == 0; };
  bool aligned = isAligned(inputs[0]) && std::all_of(outputs.begin(), outputs.end(), isAligned);
  // Memory that a run cannot take goes through that of the workspace.
  bool copies = request.input.onHost && (!onCpu || !aligned);
  vitrt::ImageSize size = sizeFor(request.size);
  Loan loan(*this, {copies || onCpu ? 0 : request.stream, size.height, size.width}, count);
  vit_status status =
      copies ? vit_model_run_host(model.get(), loan.get(), count, inputs, 1, outputs.data(),
                                  int(outputs.size()))
             : vit_model_run(model.get(), loan.get(), count, inputs, 1, outputs.data(),
                             int(outputs.size()),
                             onCpu ? nullptr : reinterpret_cast<vit_stream>(request.stream));
  if (status != VIT_OK)
    fail(status);
}

void Model::run(const RunRequest &request) {
  checkMemory(request);
  int most = largestBatch();
  if (library->mixesImages() && request.batch > most)
    throw Failure(VIT_BAD_ARGUMENT, "batch is " + std::to_string(request.batch) +
                                        ", but the library takes at most " + std::to_string(most) +
                                        ", and images of a batch attend to each other");
  for (int64_t first = 0; first < request.batch; first += most)
    runPart(request, first, int(std::min<int64_t>(most, request.batch - first)));
}

void Model::prepare(int64_t batch, int height, int width, uintptr_t stream) {
  if (batch < 1 || batch > largestBatch())
    throw Failure(VIT_BAD_ARGUMENT, "batch is " + std::to_string(batch) +
                                        ", but the library takes 1 to " +
                                        std::to_string(largestBatch()));
  vitrt::ImageSize size = sizeFor({height, width});
  Loan loan(*this, {onCpu ? 0 : stream, size.height, size.width}, int(batch));
  if (vit_status status = vit_workspace_prepare(model.get(), loan.get(), int(batch));
      status != VIT_OK)
    fail(status);
}

std::string Model::check() const {
  std::string report(1 << 14, 0);
  vit_status status = vit_model_check(model.get(), report.data(), report.size());
  if (status != VIT_OK)
    fail(status);
  report.resize(std::char_traits<char>::length(report.data()));
  return report;
}
