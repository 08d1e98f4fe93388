//===- TensorNames.cpp - Tensors of a file by the names of a model ---------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "weights/TensorNames.h"

namespace vitrt {
namespace {

/// Words of wrappers that no model uses itself, wherever they stand, and those that only say so in
/// front.
constexpr std::string_view anywhere[] = {"_orig_mod.", "_fsdp_wrapped_module.",
                                         "_checkpoint_wrapped_module."};
constexpr std::string_view inFront[] = {"module.", "model."};

/// Takes `name` apart, from outside; calls `visit` with what is left after each step.
template <class Visit> void unwrap(std::string name, Visit visit) {
  bool some = false;
  for (std::string_view word : anywhere)
    for (size_t at = 0; (at = name.find(word, at)) != name.npos;)
      if (at == 0 || name[at - 1] == '.') {
        name.erase(at, word.size());
        some = true;
      } else
        ++at;
  if (some)
    visit(name);
  for (bool more = true; more;) {
    more = false;
    for (std::string_view word : inFront)
      if (name.compare(0, word.size(), word) == 0) {
        name.erase(0, word.size());
        visit(name);
        more = true;
      }
  }
}

} // namespace

TensorNames::TensorNames(const Safetensors &file) : file(file) {
  for (const FileTensor &tensor : file.tensors())
    unwrap(tensor.name, [&](const std::string &name) { wrapped.emplace(name, &tensor); });
}

std::string TensorNames::inner(const FileTensor &tensor) {
  std::string inside = tensor.name;
  unwrap(tensor.name, [&](const std::string &name) { inside = name; });
  return inside;
}

Result<const FileTensor *> TensorNames::find(std::string_view name) const {
  const FileTensor *found = file.find(name);
  for (auto [at, end] = wrapped.equal_range(name); at != end; ++at) {
    if (found)
      return Error{quoted(found->name) + " and " + quoted(at->second->name) +
                   " are names of the same tensor, expected one of them"};
    found = at->second;
  }
  return found;
}

bool TensorNames::has(std::string_view name) const {
  auto found = find(name);
  return !found || *found;
}

std::string TensorNames::note(const FileTensor &tensor, std::string_view name) {
  if (tensor.name == name)
    return "";
  std::string_view inFile = tensor.name;
  if (inFile.size() > name.size() && inFile.substr(inFile.size() - name.size()) == name)
    return "names of tensors begin with " + quoted(inFile.substr(0, inFile.size() - name.size())) +
           ", which is left out";
  return "names of tensors have words of wrappers, as in " + quoted(inFile) +
         ", which are left out";
}

} // namespace vitrt
