//===- ClassTexts.cpp - Classes that are texts -----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "driver/pictures/ClassTexts.h"

#include "weights/Json.h"
#include "weights/Safetensors.h"

#include <algorithm>
#include <cmath>

namespace vitc::driver {

namespace {

/// Of a JSON array of strings; empty where it is none.
std::vector<std::string> namesIn(const std::string &json) {
  vitrt::JsonCursor cursor(json);
  std::vector<std::string> names;
  std::string name;
  cursor.beginArray();
  for (bool first = true; cursor.nextElement(first) && cursor.string(name);)
    names.push_back(name);
  return !cursor.failed() && cursor.end() ? names : std::vector<std::string>();
}

double lengthOf(std::span<const float> values) {
  double sum = 0;
  for (float value : values)
    sum += double(value) * double(value);
  return std::sqrt(sum);
}

/// A tensor of one value, in the first file that has it.
Result<std::optional<double>> scalarNamed(const char *name,
                                          std::initializer_list<const vitrt::Safetensors *> files) {
  for (const vitrt::Safetensors *file : files) {
    const vitrt::FileTensor *tensor = file ? file->find(name) : nullptr;
    if (!tensor)
      continue;
    auto values = vitrt::readF64(*tensor);
    if (!values || values->size() != 1 || !std::isfinite((*values)[0]))
      return Error{vitrt::quoted(file->path()) + ": " + vitrt::quoted(name) +
                   ": expected one finite number"};
    return std::optional((*values)[0]);
  }
  return std::optional<double>();
}

} // namespace

Result<ClassTexts> ClassTexts::open(const std::string &path, const std::string &weights) {
  auto file = vitrt::Safetensors::open(path);
  if (!file)
    return Error{"classes " + file.error()};
  auto error = [&](const std::string &text) {
    return Error{"classes " + vitrt::quoted(path) + ": " + text};
  };
  const vitrt::FileTensor *embeddings = file->find("text_embeds");
  if (!embeddings || !vitrt::isFloat(embeddings->type) || embeddings->shape.size() != 2 ||
      embeddings->count == 0)
    return error("expected 'text_embeds' [classes, width] of floats");
  ClassTexts classes;
  auto names = file->metadata().find("classes");
  if (names != file->metadata().end())
    classes.labels = namesIn(names->second);
  if (int64_t(classes.labels.size()) != embeddings->shape[0])
    return error(
        "expected the names of " + std::to_string(embeddings->shape[0]) +
        " classes as a JSON array in the metadata 'classes', found " +
        (names == file->metadata().end() ? "none" : std::to_string(classes.labels.size())));
  auto values = vitrt::readF32(*embeddings);
  if (!values)
    return error(values.error());
  classes.texts = std::move(*values);
  classes.embeddingWidth = embeddings->shape[1];
  size_t width = size_t(classes.embeddingWidth);
  for (size_t i = 0; i != classes.labels.size(); ++i) {
    std::span<float> text(&classes.texts[i * width], width);
    double length = lengthOf(text);
    if (!(length > 0) || !std::isfinite(length))
      return error("the embedding of " + vitrt::quoted(classes.labels[i]) +
                   " is zero or not finite");
    for (float &value : text)
      value = float(value / length);
  }
  std::optional<vitrt::Safetensors> checkpoint;
  if (!weights.empty())
    if (auto opened = vitrt::Safetensors::open(weights))
      checkpoint.emplace(std::move(*opened));
  const vitrt::Safetensors *own = &*file, *other = checkpoint ? &*checkpoint : nullptr;
  auto scale = scalarNamed("logit_scale", {own, other}),
       bias = scalarNamed("logit_bias", {own, other});
  if (!scale || !bias)
    return !scale ? scale.takeError() : bias.takeError();
  if (!*scale)
    return error("expected 'logit_scale', which the checkpoint does not have either");
  classes.scale = std::exp(**scale);
  classes.biased = bias->has_value();
  classes.bias = bias->value_or(0);
  return classes;
}

std::vector<RankedClass> ClassTexts::rank(std::span<const float> image, size_t count) const {
  size_t width = size_t(embeddingWidth);
  double length = std::max(lengthOf(image), 1e-30);
  std::vector<float> logits;
  for (size_t i = 0; i != labels.size(); ++i) {
    double sum = 0;
    for (size_t k = 0; k != width; ++k)
      sum += double(texts[i * width + k]) * double(image[k]);
    logits.push_back(float(scale * sum / length + bias));
  }
  std::vector<RankedClass> best = topClasses(logits, count);
  if (biased)
    for (RankedClass &ranked : best)
      ranked.probability = 1 / (1 + std::exp(-double(logits[size_t(ranked.index)])));
  return best;
}

} // namespace vitc::driver
