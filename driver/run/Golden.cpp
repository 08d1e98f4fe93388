//===- Golden.cpp - Compare with references --------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Sums run over all chunks, so an output is judged as a whole and no output is
// ever held twice.
//===----------------------------------------------------------------------===//
#include "driver/run/Golden.h"
#include "driver/run/ReadFile.h"
#include "runtime/Tolerance.h"
#include "runtime/WeightValues.h"
#include "weights/FileKind.h"
#include "weights/HashWeights.h"
#include "weights/Json.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <sys/stat.h>

namespace vitc::driver {
using namespace vitrt;

namespace {

constexpr std::string_view inputName = "pixel_values", labelsName = "labels";

bool endsWith(std::string_view text, std::string_view tail) {
  return text.size() >= tail.size() && text.substr(text.size() - tail.size()) == tail;
}

bool isDirectory(const std::string &path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::vector<int64_t> withBatch(int64_t batch, const ValueShape &value) {
  std::vector<int64_t> shape = {batch};
  shape.insert(shape.end(), value.perImage.begin(), value.perImage.end());
  return shape;
}

/// Refuses a tensor that is not [batch, perImage...]; any batch from 1 on if `batch` is 0.
Result<void> checkShape(const std::string &path, const FileTensor &tensor, const ValueShape &value,
                        int64_t batch) {
  std::vector<int64_t> shape = withBatch(batch, value);
  if (batch == 0 && !tensor.shape.empty() && tensor.shape[0] > 0)
    shape[0] = tensor.shape[0];
  if (tensor.shape == shape && shape[0] > 0)
    return {};
  std::string expected = batch ? std::to_string(batch) : "batch";
  for (int64_t extent : value.perImage)
    expected += "x" + std::to_string(extent);
  return Error{quoted(path) + ": " + quoted(tensor.name) + " is " + shapeText(tensor.shape) +
               ", the model expects " + expected};
}

/// Pixels of another kind than the model reads would have values, and none that mean anything.
Result<void> checkPixels(const std::string &path, const FileTensor &tensor,
                         const ValueShape &input) {
  if (!input.bytes || tensor.type == FileType::U8)
    return {};
  return Error{quoted(path) + ": " + quoted(tensor.name) + " is " +
               std::string(nameOf(tensor.type)) +
               ", the model reads bytes, U8 [batch, height, width, channels]; give pictures as "
               "vitc preprocess --input-type u8 writes them, or build for --input-type f32"};
}

Result<std::vector<float>> readValues(const std::string &path, const FileTensor &tensor) {
  auto values = readF32(tensor);
  if (!values)
    return Error{quoted(path) + ": " + values.error()};
  return values;
}

/// The comparison of one output.
struct Comparison {
  const GoldenTask::Reference &reference;
  OutputError error = {};
  void add(std::span<const double> values, size_t first) {
    for (size_t i = 0; i != values.size(); ++i)
      error.add(values[i], reference.values[first + i]);
  }
};

/// Index of the output that labels speak about, or -1.
int findLogits(const RunnableModel &model) {
  for (size_t i = 0; i != model.outputs.size(); ++i)
    if (model.outputs[i].name == "logits" && model.outputs[i].perImage.size() == 1)
      return int(i);
  return -1;
}

Result<std::vector<GoldenTask::Reference>> readReferences(const Golden &golden,
                                                          const RunnableModel &model) {
  std::vector<GoldenTask::Reference> references;
  for (size_t i = 0; i != model.outputs.size(); ++i) {
    const FileTensor *tensor = golden.reference(model.outputs[i].name);
    if (!tensor)
      continue;
    if (auto good = checkShape(golden.path(), *tensor, model.outputs[i], golden.batch()); !good)
      return good.takeError();
    auto values = readF64(*tensor);
    if (!values)
      return Error{quoted(golden.path()) + ": " + values.error()};
    references.push_back({i, std::move(*values)});
  }
  return references;
}

Result<std::vector<double>> readLabels(const Golden &golden, const RunnableModel &model) {
  const FileTensor *labels = golden.labels();
  if (!labels || findLogits(model) < 0)
    return std::vector<double>();
  if (labels->shape != std::vector<int64_t>{golden.batch()})
    return Error{quoted(golden.path()) + ": 'labels' is " + shapeText(labels->shape) +
                 ", expected " + std::to_string(golden.batch())};
  auto values = readF64(*labels);
  if (!values)
    return Error{quoted(golden.path()) + ": " + values.error()};
  int64_t classes = model.outputs[findLogits(model)].count();
  for (size_t i = 0; i != values->size(); ++i)
    if (double label = (*values)[i];
        !(label >= 0 && label < double(classes)) || label != std::floor(label))
      return Error{quoted(golden.path()) + ": 'labels' has " + numberText(label) + " for image " +
                   std::to_string(i) + ", expected a class from 0 to " +
                   std::to_string(classes - 1)};
  return values;
}

} // namespace

Result<Golden> Golden::open(const std::string &path) {
  auto file = Safetensors::open(isDirectory(path) ? path + "/io.safetensors" : path);
  if (!file)
    return Error{"golden " + file.error()};
  Golden golden(std::move(*file));
  const FileTensor *input = golden.file.find(inputName);
  if (input && !input->shape.empty())
    golden.images = input->shape[0];
  for (const FileTensor &tensor : golden.file.tensors()) {
    std::string name = tensor.name;
    if (!isFloat(tensor.type) || name == inputName || name == labelsName ||
        endsWith(name, ".f32") || tensor.shape.empty())
      continue;
    if (endsWith(name, ".f64"))
      name.resize(name.size() - 4);
    golden.names.push_back(name);
    if (golden.images == 0)
      golden.images = tensor.shape[0];
  }
  std::sort(golden.names.begin(), golden.names.end());
  golden.names.erase(std::unique(golden.names.begin(), golden.names.end()), golden.names.end());
  if (golden.images <= 0)
    return Error{"golden " + quoted(golden.path()) +
                 " has no images: neither 'pixel_values' nor "
                 "references of outputs"};
  return golden;
}

const FileTensor *Golden::reference(std::string_view output) const {
  const FileTensor *exact = file.find(std::string(output) + ".f64");
  return exact ? exact : file.find(output);
}

const FileTensor *Golden::labels() const { return file.find(labelsName); }

Result<std::vector<float>> Golden::input(const ValueShape &input) const {
  const FileTensor *own = file.find(input.name); // a model written by hand may call it otherwise
  if (const FileTensor *tensor = own ? own : file.find(inputName)) {
    if (auto good = checkPixels(path(), *tensor, input); !good)
      return good.takeError();
    if (auto good = checkShape(path(), *tensor, input, images); !good)
      return good.takeError();
    return readValues(path(), *tensor);
  }
  return hashInput(input, images);
}

std::vector<float> hashInput(const ValueShape &input, int64_t batch) {
  std::vector<float> values(size_t(batch * input.count()));
  hashTensor(inputName, withBatch(batch, input), 0, values);
  if (input.bytes)
    for (float &value : values)
      value = float(levelOf(value));
  return values;
}

bool CheckReport::ok() const {
  bool labelsAlone = outputs.empty() && labelled != 0;
  return noClass == 0 && !(labelsAlone && right == 0) &&
         std::all_of(outputs.begin(), outputs.end(), [](const OutputCheck &o) { return o.ok; });
}

Result<GoldenTask> readTask(const Golden &golden, const RunnableModel &model) {
  auto references = readReferences(golden, model);
  if (!references)
    return references.takeError();
  auto labels = readLabels(golden, model);
  if (!labels)
    return labels.takeError();
  if (references->empty() && labels->empty())
    return Error{"golden " + quoted(golden.path()) + " has no reference of an output of the model"};
  auto input = golden.input(model.input);
  if (!input)
    return input.takeError();
  std::vector<std::string> notes;
  for (const std::string &name : golden.outputNames())
    if (name != model.input.name &&
        std::none_of(model.outputs.begin(), model.outputs.end(),
                     [&](const ValueShape &output) { return output.name == name; }))
      notes.push_back(quoted(name) + " is not an output of the model, not compared");
  return GoldenTask{golden.batch(), std::move(*references), std::move(*labels), std::move(*input),
                    std::move(notes)};
}

Result<CheckReport> checkGolden(const GoldenTask &task, const RunnableModel &model,
                                const RunFunction &run, double tolerance,
                                const ProgressFunction &progress) {
  CheckReport report;
  report.notes = task.notes;
  std::vector<Comparison> comparisons;
  for (const GoldenTask::Reference &reference : task.references)
    comparisons.push_back({reference});
  int logits = findLogits(model);
  auto take = [&](int64_t first, int64_t count, std::span<const std::vector<double>> outputs) {
    for (Comparison &comparison : comparisons) {
      size_t output = comparison.reference.output;
      comparison.add(outputs[output], size_t(first * model.outputs[output].count()));
    }
    if (task.labels.empty())
      return;
    size_t classes = size_t(model.outputs[logits].count());
    for (int64_t i = 0; i != count; ++i) {
      int64_t best = argmax(std::span(outputs[logits]).subspan(i * classes, classes));
      report.right += double(best) == task.labels[first + i];
      report.noClass += best < 0;
    }
  };
  if (auto done = runChunks(model, task.input, task.batch, run, take, progress); !done)
    return done.takeError();
  report.labelled = int64_t(task.labels.size());
  for (const Comparison &comparison : comparisons) {
    double error = comparison.error.value();
    report.outputs.push_back( // a NaN is never within the tolerance
        {model.outputs[comparison.reference.output].name, error, tolerance, error <= tolerance,
         int64_t(comparison.reference.values.size())});
  }
  return report;
}

Result<CheckReport> checkGolden(const Golden &golden, const RunnableModel &model,
                                const RunFunction &run, double tolerance,
                                const ProgressFunction &progress) {
  auto task = readTask(golden, model);
  if (!task)
    return task.takeError();
  return checkGolden(*task, model, run, tolerance, progress);
}

std::string reportText(const CheckReport &report) {
  std::string text;
  for (const OutputCheck &output : report.outputs)
    text += errorLine(output.name, output.error, output.tolerance, output.ok);
  if (report.labelled) {
    text += std::to_string(report.right) + " of " + std::to_string(report.labelled) + " right";
    if (report.noClass)
      text += ", " + std::to_string(report.noClass) + " with nan FAIL";
    else if (report.outputs.empty() && !report.ok())
      text += " FAIL";
    text += "\n";
  }
  for (const std::string &note : report.notes)
    text += "note: " + note + "\n";
  return text;
}

std::optional<vit_dtype> dtypeNamed(std::string_view dtype) {
  constexpr std::pair<std::string_view, vit_dtype> types[] = {
      {"reference", VIT_F64}, {"f32", VIT_F32},   {"f16", VIT_F16},
      {"tf32", VIT_TF32},     {"bf16", VIT_BF16}, {"i8", VIT_I8}};
  for (auto [name, type] : types)
    if (dtype == name)
      return type;
  return std::nullopt;
}

std::optional<double> defaultTolerance(std::string_view dtype) {
  auto type = dtypeNamed(dtype);
  return type ? std::optional(toleranceOf(*type)) : std::nullopt;
}

Result<std::optional<HashCase>> readHashCase(const std::string &directory) {
  std::string path = directory + "/meta.json";
  struct stat status;
  if (stat(path.c_str(), &status) != 0 && (errno == ENOENT || errno == ENOTDIR))
    return std::optional<HashCase>();
  auto text = readRegularFile(path);
  if (!text)
    return Error{quoted(path) + " " + text.error()};
  if (std::string wrong = unexpectedKind(*text, FileWanted::Json, path); !wrong.empty())
    return Error{quoted(path) + ": " + wrong};
  JsonCursor json(withoutMark(*text));
  std::string key, weights, tensor;
  HashCase result;
  json.beginObject();
  for (bool first = true; json.nextKey(key, first);) {
    if (key == "weights" && json.peek('"')) {
      json.string(weights);
    } else if (key == "add" && json.peek('{')) {
      json.beginObject();
      for (bool firstAdd = true; json.nextKey(tensor, firstAdd);)
        if (double value; json.number(value))
          result.add.emplace_back(tensor, value);
    } else {
      json.skip();
    }
  }
  if (!json.end())
    return Error{quoted(path) + ": " + json.error()};
  if (!endsWith(weights, "hash_weights.py"))
    return std::optional<HashCase>();
  return std::optional(std::move(result));
}

Result<InputBatch> readInput(const std::string &path, const ValueShape &input) {
  auto file = Safetensors::open(path);
  if (!file)
    return Error{"input " + file.error()};
  const FileTensor *tensor = file->find(input.name);
  if (!tensor)
    return Error{"input " + quoted(path) + " has no tensor " + quoted(input.name)};
  if (auto good = checkPixels(path, *tensor, input); !good)
    return Error{"input " + good.error()};
  if (auto good = checkShape(path, *tensor, input, 0); !good)
    return Error{"input " + good.error()};
  auto values = readValues(path, *tensor);
  if (!values)
    return Error{"input " + values.error()};
  return InputBatch{tensor->shape[0], std::move(*values)};
}

const void *asStored(const ValueShape &input, std::span<const float> values,
                     std::vector<uint8_t> &memory) {
  if (!input.bytes)
    return values.data();
  memory.resize(values.size());
  std::transform(values.begin(), values.end(), memory.begin(),
                 [](float value) { return uint8_t(value); });
  return memory.data();
}

std::optional<std::pair<int64_t, int64_t>> imageSizeIn(const std::string &path, bool bytes) {
  auto file = Safetensors::open(path);
  const FileTensor *pixels = file ? file->find("pixel_values") : nullptr;
  if (!pixels || pixels->shape.size() != 4)
    return std::nullopt;
  if (bytes) // pixels of another type are not these
    return pixels->type == FileType::U8
               ? std::optional(std::pair(pixels->shape[1], pixels->shape[2]))
               : std::nullopt;
  constexpr int64_t mostChannels = 4;
  if (pixels->shape[1] > mostChannels && pixels->shape[3] <= mostChannels)
    return std::nullopt; // channels last, which the check of the shape names
  return std::pair(pixels->shape[2], pixels->shape[3]);
}

} // namespace vitc::driver
