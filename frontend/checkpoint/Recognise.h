//===- Recognise.h - What a checkpoint is that is not read -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Who gives a wrong directory learns most from what it is.
//===----------------------------------------------------------------------===//
#ifndef VITC_FRONTEND_CHECKPOINT_RECOGNISE_H
#define VITC_FRONTEND_CHECKPOINT_RECOGNISE_H

#include "frontend/checkpoint/Config.h"

#include <string>
#include <vector>

namespace vitrt {
class Safetensors;
}

namespace vitc::checkpoint {

/// "a DETR, which detects objects", by the names of its tensors; empty if they are not known.
std::string modelOfTensors(const std::vector<std::string> &names);
std::string modelOfTensors(const vitrt::Safetensors &file);

/// The same of a config, by its model_type or the class that diffusers writes. Does not count as
/// asking for them.
std::string modelOfConfig(const Config &config);

} // namespace vitc::checkpoint
#endif // VITC_FRONTEND_CHECKPOINT_RECOGNISE_H
