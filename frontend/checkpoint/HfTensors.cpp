//===- HfTensors.cpp - What the tensors say of a config --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/HfTensors.h"

#include "frontend/checkpoint/HfConfig.h"
#include "weights/TensorNames.h"

#include "llvm/ADT/STLExtras.h"

#include <fmt/format.h>

using namespace llvm;

namespace vitc::checkpoint {

const vitrt::FileTensor *NamedTensors::find(std::string_view weight) const {
  if (!tensors)
    return nullptr;
  graph::Keys all = graph::keysOf(scheme, weight);
  all.aliases.push_back(all.key);
  for (const std::string &key : all.aliases)
    if (auto found = tensors->find(key); found && *found)
      return *found;
  return nullptr;
}

int64_t NamedTensors::extent(std::string_view weight, size_t rank, size_t i) const {
  const vitrt::FileTensor *tensor = find(weight);
  return tensor && tensor->shape.size() == rank ? tensor->shape[i] : 0;
}

void hintSizes(Config &config, const NamedTensors &tensors, int64_t lead) {
  auto hint = [&](StringRef key, std::string_view weight, size_t rank, size_t i) {
    if (int64_t size = tensors.extent(weight, rank, i))
      config.hint(key, size);
  };
  hint("hidden_size", "patch_embed.weight", 4, 0);
  hint("num_channels", "patch_embed.weight", 4, 1);
  hint("intermediate_size", "blocks.0.mlp.fc1.weight", 2, 0);
  if (!config.has("id2label"))
    for (const char *head : {"head.weight", "head_cls.weight"})
      hint("num_labels", head, 2, 0);
  int64_t layers = 0;
  while (layers < 1000 && tensors.has("blocks." + std::to_string(layers) + ".norm1.weight"))
    ++layers;
  if (layers) {
    config.hint("num_hidden_layers", layers);
    config.hint("qkv_bias", tensors.has("blocks.0.attn.q.bias"));
  }
  Size patch = {tensors.extent("patch_embed.weight", 4, 2),
                tensors.extent("patch_embed.weight", 4, 3)};
  if (!patch.height || !patch.width)
    return;
  config.hint("patch_size", patch);
  int64_t rows = std::max(tensors.extent("pos_embed", 3, 1), tensors.extent("pos_embed", 2, 0));
  int64_t patches = rows - lead, side = 1;
  while (side * side < patches)
    ++side;
  if (patches > 0 && side * side == patches)
    config.hint("image_size", Size{side * patch.height, side * patch.width});
}

std::string readClass(Config &config, const NamedTensors &tensors, ArrayRef<ClassHint> classes) {
  SmallVector<StringRef> known;
  for (const ClassHint &one : classes)
    known.push_back(one.architecture);
  auto read = [&](const ClassHint &guess, const std::string &why) {
    return readArchitecture(config, known, guess.architecture, why);
  };
  const ClassHint &last = classes.back();
  if (tensors.haveFile()) {
    for (const ClassHint &one : classes)
      if (one.weight && tensors.has(one.weight))
        return read(one, fmt::format("the file has '{}'", tensors.keyOf(one.weight)));
    if (!classes[0].weight)
      return read(last, "what is built is the same for all classes of this family");
    return read(last, fmt::format("the file has no '{}'", tensors.keyOf(classes[0].weight)));
  }
  const ClassHint *classifier = find_if(classes, [](const ClassHint &one) {
    return one.weight && StringRef(one.weight) == "head.weight";
  });
  if (classifier != classes.end())
    for (const char *key : {"id2label", "num_labels"})
      if (config.has(key))
        return read(*classifier, fmt::format("there is '{}'", key));
  return read(last, "there are neither weights nor 'id2label' nor 'num_labels'");
}

} // namespace vitc::checkpoint
