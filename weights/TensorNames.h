//===- TensorNames.h - Tensors of a file by the names of a model -----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Training wraps modules, and a state that was saved from outside has the names
// of the wrappers: module. (DataParallel), _orig_mod. (torch.compile), model.
// (a Lightning module). A model is asked for its own names; where a file has one
// inside wrappers and not by itself, that is the tensor.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_WEIGHTS_TENSORNAMES_H
#define VITC_RUNTIME_WEIGHTS_TENSORNAMES_H

#include "weights/Safetensors.h"

#include <map>

namespace vitrt {

/// An index of an open file, which must outlive it.
class TensorNames {
public:
  explicit TensorNames(const Safetensors &file);

  /// The tensor of `name`, as it stands in the file or inside wrappers; NULL where there is none. A
  /// file that has both is an error which names them.
  Result<const FileTensor *> find(std::string_view name) const;
  /// Whether find gives a tensor, or an error.
  bool has(std::string_view name) const;
  /// The name of a tensor without all wrappers.
  static std::string inner(const FileTensor &tensor);
  /// "names of tensors begin with 'module.', which is left out", of `tensor` as that of `name`;
  /// empty where it has that name in the file.
  static std::string note(const FileTensor &tensor, std::string_view name);

private:
  const Safetensors &file;
  std::multimap<std::string, const FileTensor *, std::less<>> wrapped;
};

} // namespace vitrt
#endif // VITC_RUNTIME_WEIGHTS_TENSORNAMES_H
