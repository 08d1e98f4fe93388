//===- Registry.h - The families of checkpoints that are read --------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A family is one file in families/ and one line in Registry.cpp. It reads its
// keys of the config and builds all outputs of the model; Import.cpp keeps those
// that are wanted. Problems go to the config.
//===----------------------------------------------------------------------===//
#ifndef VITC_FRONTEND_CHECKPOINT_REGISTRY_H
#define VITC_FRONTEND_CHECKPOINT_REGISTRY_H

#include "frontend/checkpoint/Config.h"
#include "vitc/graph/Keys.h"

#include <string>
#include <vector>

namespace vitrt {
class TensorNames;
}

namespace vitc::checkpoint {

/// The name of a result: "logits", or of many that are numbered, {"hidden_states", 3}, which is
/// "hidden_states.3".
struct OutputName {
  graph::Literal text;
  int64_t index = -1; ///< negative for none

  consteval OutputName(const char *text) : text(text) {}
  OutputName(graph::Literal text, int64_t index) : text(text), index(index) {}
  std::string str() const;
  /// Where the output is in a graph.
  graph::Scope in(graph::Graph &graph) const;
};

/// A result that the graph can give.
struct NamedOutput {
  OutputName name;
  graph::Value value;
  bool isDefault = true; // one of the class's results
};

/// What a family makes of a config.
struct ImportedGraph {
  graph::Graph graph;
  std::vector<NamedOutput> outputs;
  /// Tensors that published checkpoints have and this class does not use; '*' at the end allowed.
  std::vector<std::string> unused;
  /// The class or model, as its publisher calls it.
  std::string architecture;
};

struct Family {
  const char *name; // "hf-vit"
  /// The key of the config that says what it is of, and the values that are of this family; for
  /// messages.
  const char *key, *values;
  bool (*matches)(const Config &config);
  /// What --architecture may name.
  std::vector<const char *> architectures;
  /// `tensors` is the weights if there are any, for what only they tell.
  ImportedGraph (*import)(Config &config, const vitrt::TensorNames *tensors);
  /// Names of the weights in checkpoints of that architecture.
  graph::KeyScheme (*keys)(llvm::StringRef architecture);
  /// Whether weights without a config are of this family; NULL where they do not tell.
  bool (*matchesTensors)(const vitrt::TensorNames &tensors) = nullptr;
  /// For the table in the README: whose models they are, what they are called, and, where the
  /// architectures would be too many, what to say of them instead.
  const char *source = "Hugging Face transformers";
  const char *title = "";
  const char *summary = "";
};

/// All of them; no config matches two.
llvm::ArrayRef<Family> families();

/// What is wrong with the name of a class, and which may have been meant; empty for a name that a
/// family has, and for none.
std::string objectionToArchitecture(llvm::StringRef name);

/// The family of a config: that of the wanted architecture, else what the config says. Null if
/// there is none: then the config has failed, with what is known of it.
const Family *findFamily(Config &config);

/// The family of weights that come without a config; null if they do not tell.
const Family *findFamily(const vitrt::TensorNames &tensors);

/// The README's table of what is read.
std::string familyTable();

} // namespace vitc::checkpoint
#endif // VITC_FRONTEND_CHECKPOINT_REGISTRY_H
