//===- Architectures.h - What timm knows of its architectures --------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A config.json of timm names an architecture and says only what differs from
// it. The rest is in architectures.json, which list_architectures.py writes
// from timm; the program carries it.
//===----------------------------------------------------------------------===//
#ifndef VITC_FRONTEND_CHECKPOINT_TIMM_ARCHITECTURES_H
#define VITC_FRONTEND_CHECKPOINT_TIMM_ARCHITECTURES_H

#include "llvm/Support/JSON.h"

#include <string>
#include <vector>

namespace vitc::checkpoint::timm {

struct Architecture {
  llvm::StringRef className;          ///< "VisionTransformer"
  const llvm::json::Object *defaults; ///< arguments of the class
  const llvm::json::Object *args;     ///< those that the architecture sets
  const llvm::json::Object *cfg;      ///< "input_size", "num_classes" of its default weights
  llvm::StringRef unsupported;        ///< what there are no ops for; empty for what can be built
  const llvm::json::Object *entry;    ///< all of it; "tensors" of what is unsupported
};

/// Null for a name that is not in the table.
const Architecture *findArchitecture(llvm::StringRef name);

/// A tensor of a model that can only be looked at.
struct ListedTensor {
  std::string name;
  int64_t elements;
};
/// The parameters, without buffers, of an architecture that is unsupported, with its own settings.
std::vector<ListedTensor> parametersOf(const Architecture &architecture);

/// "did you mean 'vit_tiny_patch16_224' or ...?", with the names nearest to one that there is not.
std::string suggestionsFor(llvm::StringRef name);

} // namespace vitc::checkpoint::timm
#endif // VITC_FRONTEND_CHECKPOINT_TIMM_ARCHITECTURES_H
