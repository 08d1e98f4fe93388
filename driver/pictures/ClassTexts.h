//===- ClassTexts.h - Classes that are texts -------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// What a model of two towers knows of classes: an embedding of each text, made
// elsewhere by the other tower. A picture is of the class whose text is nearest.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_PICTURES_CLASSTEXTS_H
#define DRIVER_PICTURES_CLASSTEXTS_H

#include "driver/run/Golden.h"

#include <string>
#include <vector>

namespace vitc::driver {

/// A safetensors file with `text_embeds` [classes, width] and, in its metadata, `classes`: the
/// names as a JSON array. `logit_scale` (a logarithm, as checkpoints have it) and `logit_bias` may
/// be in the file; else they are those of the checkpoint.
class ClassTexts {
public:
  /// `weights` is the checkpoint's file, or empty. Errors name the file.
  static Result<ClassTexts> open(const std::string &path, const std::string &weights);

  int64_t width() const { return embeddingWidth; }
  const std::vector<std::string> &names() const { return labels; }
  /// The `count` nearest of an embedding of width(), of any length. Probabilities are a softmax
  /// over the classes; with a bias, as SigLIP has it, each class has one of its own.
  std::vector<RankedClass> rank(std::span<const float> image, size_t count) const;

private:
  std::vector<std::string> labels;
  std::vector<float> texts; ///< each of length one
  int64_t embeddingWidth = 0;
  double scale = 1, bias = 0;
  bool biased = false;
};

} // namespace vitc::driver
#endif // DRIVER_PICTURES_CLASSTEXTS_H
