//===- Models.h - One importer per family of checkpoints -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Each reads its keys of the config and builds all of the model's outputs;
// Import.cpp keeps those that are wanted. Problems go to the config.
//===----------------------------------------------------------------------===//
#ifndef VITC_FRONTEND_CHECKPOINT_MODELS_H
#define VITC_FRONTEND_CHECKPOINT_MODELS_H

#include "frontend/checkpoint/Config.h"
#include "frontend/checkpoint/Import.h"

namespace vitrt {
class Safetensors;
}

namespace vitc {

/// A result that the graph can give.
struct NamedOutput {
  graph::Literal name;
  graph::Value value;
  bool isDefault = true; // one of the class's results
};

/// What an importer makes.
struct Model {
  graph::Graph graph;
  graph::KeyScheme keys;
  std::vector<NamedOutput> outputs;
  /// Tensors that published checkpoints have and this class does not use; '*' at the end allowed.
  std::vector<std::string> unused;
  std::string architecture;
};

/// ViTForImageClassification and ViTModel. `file` is the weights if there are any: whether ViTModel
/// has a pooler is not in its config.
Model importHfVit(Config &config, const vitrt::Safetensors *file);

/// The KernelBench module (level 3, problem 28), bug for bug.
Model importKernelBench(Config &config);

/// The patches must fill the image, for PyTorch would silently drop what is left over.
void expectPatchesFill(Config &config, Size image, Size patch);

} // namespace vitc
#endif // VITC_FRONTEND_CHECKPOINT_MODELS_H
