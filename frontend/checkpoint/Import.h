//===- Import.h - From a checkpoint directory to a graph -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// config.json decides the graph; model.safetensors, if it is there, must hold
// exactly the tensors that the graph names. Depends on LLVM's Support, not on
// MLIR: the result is text for whoever parses it.
//===----------------------------------------------------------------------===//
#ifndef VITC_FRONTEND_CHECKPOINT_IMPORT_H
#define VITC_FRONTEND_CHECKPOINT_IMPORT_H

#include "frontend/checkpoint/Config.h"
#include "frontend/checkpoint/Pictures.h"
#include "vitc/graph/Print.h"
#include "weights/Result.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vitc::checkpoint {

struct ImportOptions {
  /// Names of the results, in this order; empty for all of the checkpoint's class.
  std::vector<std::string> outputs;
  /// Whether model.safetensors is compared with the graph.
  bool checkWeights = true;
  /// The class, whatever the config says of it; empty: what it says, or what can be inferred.
  std::string architecture = {};
  /// The size of images, if it is not the checkpoint's own; positions are resampled for it.
  std::optional<Size> imageSize = {};
  /// How pictures become inputs: the processor, and whether imageSize is somebody's wish that the
  /// recipe has to follow.
  PictureOptions pictures = {};
  /// The graph will be read for images of any size: it is written for one of so many patches.
  std::optional<Size> anySizeGrid = {};
};

/// A checkpoint that was understood.
struct Import {
  graph::Graph graph;
  graph::PrintOptions printing;
  /// "ViTForImageClassification", "kernelbench_vit".
  std::string architecture;
  /// Every name that ImportOptions::outputs may have.
  std::vector<std::string> availableOutputs;
  /// Path of the weights; empty if the directory has none.
  std::string weights;
  /// What a user should know, one line each: tensors that are not used, settings that
  /// were inferred.
  std::vector<std::string> notes;
  /// How pictures become inputs; or why that is not known.
  std::optional<PictureRecipe> pictures;
  std::string noPictures;
  /// Names of classes in the order of the logits; empty if they are not known.
  std::vector<std::string> labels;

  std::string mlir() const { return graph::printMlir(graph, printing); }
};

/// Names of outputs for a message; neighbours that are numbered are "hidden_states.0 to
/// hidden_states.12".
std::string listOutputs(const std::vector<std::string> &names);

/// Reads `path`, a directory with a config.json or that file itself. An error is one line that
/// names file and key or tensor.
vitrt::Result<Import> importCheckpoint(const std::string &path, const ImportOptions &options = {});

/// The files that importCheckpoint(path) reads: the config, and the weights with all their shards.
/// Of a path that is no checkpoint, itself.
std::vector<std::string> inputFiles(const std::string &path);

/// A model whose architecture is known and has no ops here: its parameters, to look at.
struct Unsupported {
  std::string architecture, why;
  std::vector<std::pair<std::string, int64_t>> parameters; ///< name, elements
};
/// Nothing where `path` is of another kind, or changes settings of the architecture.
std::optional<Unsupported> findUnsupported(const std::string &path);

} // namespace vitc::checkpoint
#endif // VITC_FRONTEND_CHECKPOINT_IMPORT_H
