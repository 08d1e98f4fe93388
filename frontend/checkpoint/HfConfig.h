//===- HfConfig.h - Settings that HuggingFace configs share ----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A saved config leaves out what has its default, and defaults are the family's.
//===----------------------------------------------------------------------===//
#ifndef VITC_FRONTEND_CHECKPOINT_HFCONFIG_H
#define VITC_FRONTEND_CHECKPOINT_HFCONFIG_H

#include "frontend/checkpoint/Config.h"
#include "vitc/dsl/Layers.h"

#include <string>

namespace vitc::checkpoint {

/// Keys of every config that leave the inference of an image as it is: training, text generation,
/// bookkeeping.
void allowHarmless(Config &config);

/// The only class of 'architectures', one of `known`, unless another was wanted. Where the config
/// names none it is `guess`, with a note that says why: "the file has 'classifier.weight'".
std::string readArchitecture(Config &config, llvm::ArrayRef<llvm::StringRef> known,
                             llvm::StringRef guess, const std::string &why);

/// An activation, by the names of transformers' ACT2FN.
dsl::Activation readActivation(Config &config, llvm::StringRef key, const char *fallback);

/// As HuggingFace counts: the labels, else num_labels, else 2.
int64_t readClassCount(Config &config);

/// Sizes of an encoder; those that a config is read with are the defaults. The image holds a patch
/// and heads divide the width, or the config has failed.
struct HfSizes {
  /// Whether heads need not divide the width: then they have what is left without the rest, or what
  /// 'head_dim' says, as in transformers 5. `queries` is the rows of a query's weight, 0 where
  /// there is none: transformers 4 takes no others than divisors, so that without such weights
  /// other numbers are mistakes.
  bool freeHeads = false;
  int64_t queries = 0;
  Size image = {224, 224}; ///< of the config, which positions were learned for
  Size patch = {16, 16};
  Size seen = {}; ///< of the images that the model is built for
  int64_t channels = 3, width = 768, layers = 12, heads = 12;
  int64_t mlp = 3072;  ///< 0: another setting says it
  int64_t headDim = 0; ///< is read
  double eps = 1e-12;
};
HfSizes readSizes(Config &config, const HfSizes &defaults,
                  llvm::StringRef epsKey = "layer_norm_eps");
/// All of them but the sizes of images.
HfSizes readEncoderSizes(Config &config, const HfSizes &defaults,
                         llvm::StringRef epsKey = "layer_norm_eps");

/// As Python has it, int(width * ratio), with the ratio that `key` says: from 1 to 2^28, or the
/// config has failed.
int64_t hiddenWidth(Config &config, llvm::StringRef key, int64_t width, double fallback = 4);

/// Refuses the sizes of `key` unless both are one: the model's own code takes a number.
void expectSquare(Config &config, llvm::StringRef key, Size size);

/// The table of positions of `s` behind `lead` rows, resampled bicubically. transformers takes the
/// square root of the number of patches for both sides of the grid that was learned, so other grids
/// are refused where something is resampled: everywhere but at the size of the config, and there
/// too if `always`.
dsl::PositionTable readPositions(Config &config, const HfSizes &s, int64_t lead, bool antialias,
                                 bool always);

/// The patches of an image.
graph::Grid gridOf(Size image, Size patch);

} // namespace vitc::checkpoint
#endif // VITC_FRONTEND_CHECKPOINT_HFCONFIG_H
