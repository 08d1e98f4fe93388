//===- Import.h - From a checkpoint directory to a graph -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// config.json decides the graph; model.safetensors, if it is there, must hold
// exactly the tensors that the graph names. Depends on LLVM's Support, not on
// MLIR: the result is text for whoever parses it.
//===----------------------------------------------------------------------===//
#ifndef VITC_FRONTEND_CHECKPOINT_IMPORT_H
#define VITC_FRONTEND_CHECKPOINT_IMPORT_H

#include "frontend/graph/Print.h"
#include "weights/Result.h"

#include <map>
#include <string>
#include <vector>

namespace vitc {

struct ImportOptions {
  /// Names of the results, in this order; empty for all of the checkpoint's class.
  std::vector<std::string> outputs;
  /// Whether model.safetensors is compared with the graph.
  bool checkWeights = true;
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
  /// What a user should know, one line each: tensors that are not used.
  std::vector<std::string> notes;

  std::string mlir() const { return graph::printMlir(graph, printing); }
};

/// Reads `path`, a directory with a config.json or that file itself. An error is one line that
/// names file and key or tensor.
vitrt::Result<Import> importCheckpoint(const std::string &path, const ImportOptions &options = {});

/// What meta.json says of a golden directory without weights.
struct GoldenMeta {
  bool hashWeights = false;          // weights (and missing pixels) are made from their names
  std::map<std::string, double> add; // added to a tensor of that name after it is made
  int64_t batch = 1;                 // images of pixel_values
};

/// Reads `directory`/meta.json. No file is no error: then weights are not hashed.
vitrt::Result<GoldenMeta> readGoldenMeta(const std::string &directory);

} // namespace vitc
#endif // VITC_FRONTEND_CHECKPOINT_IMPORT_H
