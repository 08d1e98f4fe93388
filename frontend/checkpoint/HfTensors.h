//===- HfTensors.h - What the tensors say of a config ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Configs written by hand leave things out that the tensors tell. They are asked
// for by the names of the graph, which are the same in all families.
//===----------------------------------------------------------------------===//
#ifndef VITC_FRONTEND_CHECKPOINT_HFTENSORS_H
#define VITC_FRONTEND_CHECKPOINT_HFTENSORS_H

#include "frontend/checkpoint/Config.h"
#include "vitc/graph/Keys.h"

namespace vitrt {
class TensorNames;
struct FileTensor;
} // namespace vitrt

namespace vitc::checkpoint {

/// The tensors of a file by the names of the weights in the graph.
class NamedTensors {
public:
  /// Without `tensors` there is no file. `scheme` should know the names of all classes.
  NamedTensors(const vitrt::TensorNames *tensors, graph::KeyScheme scheme)
      : tensors(tensors), scheme(std::move(scheme)) {}

  bool haveFile() const { return tensors; }
  bool has(std::string_view weight) const { return find(weight); }
  /// Extent `i` of a weight of rank `rank`, or 0.
  int64_t extent(std::string_view weight, size_t rank, size_t i) const;
  /// Its first name, for messages.
  std::string keyOf(std::string_view weight) const { return graph::keysOf(scheme, weight).key; }

private:
  /// NULL where there is none, and for two of it, which are refused later.
  const vitrt::FileTensor *find(std::string_view weight) const;

  const vitrt::TensorNames *tensors;
  graph::KeyScheme scheme;
};

/// Tells the config what tensors say of the sizes that it leaves out. `lead`: rows of the position
/// table before those of the patches.
void hintSizes(Config &config, const NamedTensors &tensors, int64_t lead);

/// A class of a family, and a weight that it has and the ones behind it have not; NULL for the
/// last.
struct ClassHint {
  const char *architecture, *weight;
};
/// The class that the config names, one of `classes`, or the first whose weight is in the file. A
/// class with "head.weight" is the one of a config with labels, where there is no file.
std::string readClass(Config &config, const NamedTensors &tensors,
                      llvm::ArrayRef<ClassHint> classes);

} // namespace vitc::checkpoint
#endif // VITC_FRONTEND_CHECKPOINT_HFTENSORS_H
