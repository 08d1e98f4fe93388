//===- TimmConfig.h - Settings of timm's models ----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The arguments that timm would build a model with: the defaults of its class,
// then what the architecture sets, then "model_args" of the config, and what
// "pretrained_cfg" says of classes and images where these say nothing.
//===----------------------------------------------------------------------===//
#ifndef VITC_FRONTEND_CHECKPOINT_TIMM_TIMMCONFIG_H
#define VITC_FRONTEND_CHECKPOINT_TIMM_TIMMCONFIG_H

#include "frontend/checkpoint/HfConfig.h"
#include "frontend/checkpoint/timm/Architectures.h"

namespace vitc::checkpoint::timm {

/// Whether a config names an architecture of one of these classes.
bool namesClass(const Config &config, llvm::ArrayRef<llvm::StringRef> classes);

/// All arguments of the model that a config is of. What is None is missing. `config` has failed
/// where they contradict what it says elsewhere; its "num_features" is left for the family.
Config readArguments(Config &config, const Architecture &architecture);

/// LayerNorm or RmsNorm, which an argument names or describes.
dsl::Norm readNorm(Config &args, llvm::StringRef key, dsl::Norm fallback);
/// As timm calls them: "gelu_tanh", "SiLU".
dsl::Activation readActivation(Config &args, llvm::StringRef key, dsl::Activation fallback);

/// Sizes that all classes have.
struct Sizes {
  Size image, patch, seen; ///< positions are learned for image; seen is built for
  int64_t channels, width, classes;
};
Sizes readSizes(Config &args);

/// How timm resamples positions for another size of images.
inline constexpr graph::Resampling bicubic = {graph::Filter::Cubic, /*antialias=*/true};

} // namespace vitc::checkpoint::timm
#endif // VITC_FRONTEND_CHECKPOINT_TIMM_TIMMCONFIG_H
