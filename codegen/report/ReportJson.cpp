//===- ReportJson.cpp - The report for programs ---------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/cpu/CpuCode.h"
#include "codegen/library/Emit.h"
#include "codegen/report/Report.h"
#include "passes/cost/Family.h"
#include "passes/cost/WorkFields.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <map>

using namespace llvm;
using namespace vitc;
using namespace vitc::codegen;

/// Three digits after the point: the same text wherever it is printed.
static json::Value rounded(double value) { return std::round(value * 1000) / 1000; }

template <class T> static json::Value orNull(const std::optional<T> &value) {
  if (!value)
    return nullptr;
  if constexpr (std::is_floating_point_v<T>)
    return rounded(*value);
  else
    return *value;
}

static json::Object candidateJson(const Candidate &candidate) {
  return json::Object{{"tile", candidate.tile},
                      {"predicted_registers", candidate.predictedRegisters},
                      {"predicted_us", rounded(candidate.predictedMicroseconds)},
                      {"registers", orNull(candidate.registers)},
                      {"spill_bytes", candidate.spillBytes},
                      {"verdict", candidate.verdict}};
}

/// What differs from a work that does nothing.
static json::Object workJson(const cost::Work &work) {
  json::Object fields{{"family", cost::traitsOf(work).name}};
  const cost::Work nothing;
  std::map<StringRef, int64_t> defaults;
  cost::eachField(nothing, [&](const char *name, auto field) { defaults[name] = int64_t(field); });
  cost::eachField(work, [&](const char *name, auto field) {
    if (defaults[name] != int64_t(field))
      fields[name] = int64_t(field);
  });
  return fields;
}

static json::Object useJson(const cost::Use &use) {
  return json::Object{{"count", use.count}, {"work", workJson(use.work)}};
}

/// The elements of `list`, each made an object.
template <class T>
static json::Array arrayOf(const std::vector<T> &list, json::Object (*make)(const T &)) {
  json::Array array;
  for (const T &element : list)
    array.push_back(make(element));
  return array;
}

static json::Object kernelJson(const KernelReport &kernel) {
  json::Array batches;
  for (auto [first, last] : kernel.batches)
    batches.push_back(json::Array{first, last});
  return json::Object{{"name", kernel.name},
                      {"kernel", kernel.kernel},
                      {"hash", kernel.hash},
                      {"batches", std::move(batches)},
                      {"root", kernel.root},
                      {"ops", kernel.ops},
                      {"m", kernel.m},
                      {"n", kernel.n},
                      {"k", kernel.k},
                      {"dtype", kernel.dtype},
                      {"schedule", kernel.schedule},
                      {"tile", kernel.tile},
                      {"stages", kernel.stages},
                      {"splits", kernel.splits},
                      {"launches", kernel.launches},
                      {"uses", arrayOf(kernel.uses, useJson)},
                      {"places", json::Array(kernel.places)},
                      {"candidates", arrayOf(kernel.candidates, candidateJson)},
                      {"predicted_registers", orNull(kernel.predictedRegisters)},
                      {"registers", orNull(kernel.registers)},
                      {"spill_bytes", kernel.spillBytes},
                      {"stack_bytes", kernel.stackBytes},
                      {"threads", kernel.threads},
                      {"smem_bytes", kernel.smemBytes},
                      {"occupancy", json::Object{{"blocks", kernel.occupancy.blocks},
                                                 {"warps", kernel.occupancy.warps},
                                                 {"most_warps", kernel.occupancy.mostWarps}}},
                      {"limit", kernel.occupancy.limit},
                      {"predicted_us", orNull(kernel.predictedMicroseconds)},
                      {"bound", kernel.bound},
                      {"decisions", json::Array(kernel.decisions)}};
}

static json::Object stepJson(const StepReport &step) {
  json::Array times;
  for (const std::optional<double> &time : step.microseconds)
    times.push_back(orNull(time));
  return json::Object{{"label", step.label},
                      {"kernel", step.kernel},
                      {"ops", step.ops},
                      {"predicted_us", std::move(times)}};
}

static json::Object predictionJson(const ModelPrediction &prediction) {
  std::optional<double> images;
  if (prediction.microseconds)
    images = 1e6 * double(prediction.batch) / *prediction.microseconds;
  json::Object others;
  for (const auto &[policy, microseconds] : prediction.others)
    others[policy] = rounded(microseconds);
  return json::Object{{"batch", prediction.batch},
                      {"served", prediction.served},
                      {"predicted_us", orNull(prediction.microseconds)},
                      {"images_per_second", orNull(images)},
                      {"roofline_us", rounded(prediction.rooflineMicroseconds)},
                      {"roofline_bound", prediction.rooflineBound},
                      {"others_us", std::move(others)}};
}

/// How a picture becomes an input, in the words of preprocessor_config.json where it has them. Null
/// where that is not known.
static json::Value picturesJson(const vit_preprocessing *p) {
  if (!p)
    return nullptr;
  constexpr const char *processors[] = {"pil", "torchvision", "timm"};
  constexpr const char *resizes[] = {"none", "exact", "shortest", "cover", "inside"};
  constexpr const char *filters[] = {"", "lanczos", "bilinear", "bicubic", "box", "hamming"};
  auto size = [](uint32_t height, uint32_t width) -> json::Value {
    return height ? json::Value(json::Array{height, width}) : json::Value(nullptr);
  };
  bool resized = p->resize != VIT_RESIZE_NONE;
  json::Value mean = nullptr, deviation = nullptr;
  if (p->normalize) {
    mean = json::Array(ArrayRef(p->mean));
    deviation = json::Array(ArrayRef(p->deviation));
  }
  return json::Object{
      {"processor", processors[p->processor]},
      {"resize", resizes[p->resize]},
      {"size", resized ? size(p->resize_height, p->resize_width) : json::Value(nullptr)},
      {"resample", resized ? json::Value(filters[p->filter]) : json::Value(nullptr)},
      {"crop_size", size(p->crop_height, p->crop_width)},
      {"fill", formatv("#{0}", utohexstr(p->fill, /*LowerCase=*/true, /*Width=*/6)).str()},
      {"rescale_factor", p->rescale ? json::Value(p->scale) : json::Value(nullptr)},
      {"rescale_first", p->rescale_first != 0},
      {"image_mean", std::move(mean)},
      {"image_std", std::move(deviation)},
      {"exif_orientation", p->exif_orientation != 0}};
}

static json::Array tensorsJson(const vit_tensor *tensors, uint32_t count) {
  json::Array list;
  for (const vit_tensor &tensor : ArrayRef(tensors, count)) {
    json::Array shape;
    for (int64_t size : ArrayRef(tensor.shape, tensor.rank))
      shape.push_back(size);
    list.push_back(json::Object{
        {"name", tensor.name}, {"dtype", dtypeText(tensor.dtype)}, {"shape", std::move(shape)}});
  }
  return list;
}

static json::Object libraryJson(const vit_library &library) {
  uint64_t ptx = 0, code = 0;
  const vit_plan &native = library.plans[0];
  json::Array forms; // of code for CPUs
  for (const vit_target &target : ArrayRef(library.targets, library.target_count))
    if (target.kind == VIT_TARGET_CPU && target.kernel_count) {
      const auto &cpu = *static_cast<const vit_cpu_code *>(target.kernels[0].code);
      for (const vit_cpu_form &form : ArrayRef(cpu.forms, cpu.form_count))
        forms.push_back(isaName(vit_isa(form.isa)));
    }
  const vit_target &target = library.targets[native.target];
  for (const vit_kernel &kernel : ArrayRef(target.kernels, target.kernel_count)) {
    if (target.kind != VIT_TARGET_CUDA)
      break;
    const auto &cuda = *static_cast<const vit_cuda_code *>(kernel.code);
    ptx += cuda.ptx_size;
    for (const vit_machine_code &image : ArrayRef(cuda.codes, cuda.code_count))
      code += image.size;
  }
  json::Object described{{"name", library.name},
                         {"abi", library.abi},
                         {"compiler", library.compiler},
                         {"assembler", library.assembler},
                         {"max_batch", library.max_batch},
                         {"inputs", tensorsJson(library.inputs, library.input_count)},
                         {"outputs", tensorsJson(library.outputs, library.output_count)},
                         {"pictures", picturesJson(library.preprocessing)},
                         {"labels", library.label_count},
                         {"launches", native.step_count},
                         {"workspace_bytes_per_image", native.workspace_bytes.per_image},
                         {"weight_bytes", library.weight_bytes},
                         {"weights_embedded", library.embedded != nullptr},
                         {"ptx_bytes", ptx},
                         {"machine_code_bytes", code}};
  if (!forms.empty())
    described["cpu_forms"] = std::move(forms);
  return described;
}

static json::Object cpuKernelJson(const CpuKernelReport &kernel) {
  return json::Object{{"name", kernel.name},
                      {"ops", kernel.ops},
                      {"launches", kernel.launches},
                      {"m", kernel.m},
                      {"n", kernel.n},
                      {"k", kernel.k},
                      {"tile", kernel.tile},
                      {"predicted_us", rounded(kernel.predictedMicroseconds)},
                      {"bound", kernel.bound}};
}

static json::Object cpuJson(const CpuReport &cpu) {
  return json::Object{{"core", cpu.core},
                      {"gflops", cpu.gflops},
                      {"l2_gb_per_second", cpu.l2GBs},
                      {"dram_gb_per_second", cpu.dramGBs},
                      {"forms", json::Array(cpu.forms)},
                      {"kernels", arrayOf(cpu.kernels, cpuKernelJson)}};
}

static json::Object fusionJson(const FusionNote &note) {
  return json::Object{
      {"ops", note.ops}, {"loc", note.location}, {"made", note.made}, {"reason", note.reason}};
}

static json::Object profileJson(const ProfileNote &note) {
  return json::Object{{"kernel", note.kernel}, {"finding", note.finding}, {"action", note.action}};
}

std::string vitc::codegen::reportJson(const Report &report, const vit_library *library) {
  json::Object root{{"model", report.model},
                    {"gpu", report.gpu},
                    {"policy", report.policy},
                    {"launch_gap_us", rounded(report.launchGapMicroseconds)},
                    {"max_batch", report.maxBatch},
                    {"kernels", arrayOf(report.kernels, kernelJson)},
                    {"fusions", arrayOf(report.fusions, fusionJson)},
                    {"steps", arrayOf(report.steps, stepJson)},
                    {"predictions", arrayOf(report.predictions, predictionJson)}};
  if (report.cpu)
    root["cpu"] = cpuJson(*report.cpu);
  if (!report.profile.empty())
    root["profile"] = arrayOf(report.profile, profileJson);
  if (!report.noPictures.empty())
    root["no_pictures"] = report.noPictures;
  if (library)
    root["library"] = libraryJson(*library);
  std::string text;
  raw_string_ostream(text) << formatv("{0:2}", json::Value(std::move(root))) << "\n";
  return text;
}
