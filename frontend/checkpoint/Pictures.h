//===- Pictures.h - How a checkpoint wants its pictures --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// preprocessor_config.json of transformers, pretrained_cfg of timm and
// preprocess_cfg of open_clip, read as their own libraries read them: defaults
// of the processor's class, sizes in all their forms. A setting that changes
// values and is not understood is refused.
//===----------------------------------------------------------------------===//
#ifndef VITC_FRONTEND_CHECKPOINT_PICTURES_H
#define VITC_FRONTEND_CHECKPOINT_PICTURES_H

#include "frontend/checkpoint/Config.h"
#include "weights/Result.h"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace vitc::checkpoint {

/// Resize, crop, rescale, normalise; each as vit_preprocessing of vit/library.h has it.
struct PictureRecipe {
  enum class Processor : uint8_t { Pil, Torchvision, Timm };
  enum class Resize : uint8_t { None, Exact, Shortest, Cover, Inside };

  Processor processor = Processor::Pil;
  Resize resize = Resize::None;
  Size resizeTo;            ///< of Shortest the height alone
  uint32_t filter = 2;      ///< Pillow's number
  std::optional<Size> crop; ///< from the centre
  uint32_t fill = 0;        ///< 0xRRGGBB beyond the edge
  bool rescale = true, normalize = true;
  bool rescaleFirst = false;   ///< before the resize
  bool exifOrientation = true; ///< files are turned as they say
  double scale = 1.0 / 255;
  std::array<double, 3> mean = {}, deviation = {1, 1, 1};
};

/// "pil", "torchvision", "timm".
const char *nameOf(PictureRecipe::Processor processor);
/// "shortest side to 256, bicubic, crop 224x224, as Pillow does it".
std::string describe(const PictureRecipe &recipe);

/// What decides about a recipe beside the checkpoint's files.
struct PictureOptions {
  std::string processor;           ///< of nameOf(); empty: the checkpoint's own
  std::optional<Size> imageSize{}; ///< if somebody wants another than the checkpoint's
};

/// The recipe of a checkpoint of transformers, whose config is `config`: from the files beside it.
vitrt::Result<PictureRecipe> readTransformersRecipe(const std::string &configPath,
                                                    const llvm::json::Object &config,
                                                    const PictureOptions &options);
vitrt::Result<PictureRecipe> readTimmRecipe(const std::string &configPath,
                                            const llvm::json::Object &config,
                                            const PictureOptions &options);
vitrt::Result<PictureRecipe> readOpenClipRecipe(const std::string &configPath,
                                                const llvm::json::Object &config,
                                                const PictureOptions &options);

/// Names of classes in the order of the logits: id2label, or timm's label_names with its
/// descriptions. Empty where there are none, or they do not name the classes from 0 on.
std::vector<std::string> readLabels(const llvm::json::Object &config);
/// Those of a file: a line for each class, or JSON, {"0": "name"}. An error names it.
vitrt::Result<std::vector<std::string>> readLabelFile(const std::string &path);

} // namespace vitc::checkpoint
#endif // VITC_FRONTEND_CHECKPOINT_PICTURES_H
