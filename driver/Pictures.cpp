//===- Pictures.cpp - What a model is told of pictures --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Pictures.h"

using namespace mlir;
using namespace vitc;
using namespace vitc::driver;

vit_preprocessing driver::preprocessingOf(const checkpoint::PictureRecipe &recipe) {
  using Recipe = checkpoint::PictureRecipe;
  auto processor = [&]() -> vit_processor {
    switch (recipe.processor) {
    case Recipe::Processor::Pil:
      return VIT_PROCESSOR_PIL;
    case Recipe::Processor::Torchvision:
      return VIT_PROCESSOR_TORCHVISION;
    case Recipe::Processor::Timm:
      return VIT_PROCESSOR_TIMM;
    }
    llvm_unreachable("all processors are above");
  };
  auto resize = [&]() -> vit_resize {
    switch (recipe.resize) {
    case Recipe::Resize::None:
      return VIT_RESIZE_NONE;
    case Recipe::Resize::Exact:
      return VIT_RESIZE_EXACT;
    case Recipe::Resize::Shortest:
      return VIT_RESIZE_SHORTEST;
    case Recipe::Resize::Cover:
      return VIT_RESIZE_COVER;
    case Recipe::Resize::Inside:
      return VIT_RESIZE_INSIDE;
    }
    llvm_unreachable("all resizes are above");
  };
  vit_preprocessing p = {};
  p.processor = processor();
  p.resize = resize();
  p.resize_height = uint32_t(recipe.resizeTo.height);
  p.resize_width = uint32_t(recipe.resizeTo.width);
  p.filter = recipe.filter;
  if (recipe.crop) {
    p.crop_height = uint32_t(recipe.crop->height);
    p.crop_width = uint32_t(recipe.crop->width);
  }
  p.fill = recipe.fill;
  p.rescale = recipe.rescale;
  p.normalize = recipe.normalize;
  p.rescale_first = recipe.rescaleFirst;
  p.exif_orientation = recipe.exifOrientation;
  p.scale = recipe.scale;
  llvm::copy(recipe.mean, p.mean);
  llvm::copy(recipe.deviation, p.deviation);
  return p;
}

/// A file must name each class.
LogicalResult Compiler::readLabels() {
  if (options.labels.empty()) {
    classLabels = import ? import->labels : std::vector<std::string>();
    return success();
  }
  auto labels = checkpoint::readLabelFile(options.labels);
  if (!labels)
    return caller.error(labels.error());
  classLabels = std::move(*labels);
  func::FuncOp model = function();
  for (unsigned i = 0; i < model.getNumResults(); ++i) {
    auto logits = dyn_cast<RankedTensorType>(model.getResultTypes()[i]);
    auto name = model.getResultAttrOfType<StringAttr>(i, "vit.name");
    if (logits && logits.getRank() == 2 && name && name.getValue() == "logits" &&
        logits.getDimSize(1) != int64_t(classLabels.size()))
      return caller.error("--labels '{}': has {} names, but the model has {} classes",
                          options.labels, classLabels.size(), logits.getDimSize(1));
  }
  return success();
}

/// What is done before the model otherwise, as bytes are to be normalised.
LogicalResult Compiler::readBytes() {
  if (options.inputType != "u8")
    return success();
  if (!import)
    return caller.error("{}: --input-type says what becomes of a checkpoint's input; that of a "
                        ".mlir file has the type that is in its text, leave it out",
                        options.model);
  if (!import->pictures)
    return caller.error(
        "{}--input-type u8 has the model normalise pictures; {}build it with --input-type f32",
        import->noPictures.empty()
            ? fmt::format("{}: has no preprocessor_config.json, by which ", options.model)
            : import->noPictures + "; ",
        import->noPictures.empty() ? "add it, or " : "");
  const checkpoint::PictureRecipe &recipe = *import->pictures;
  ReadBytesOptions normalisation;
  normalisation.scale = recipe.rescale ? recipe.scale : 1;
  if (recipe.normalize) {
    normalisation.mean.assign(recipe.mean.begin(), recipe.mean.end());
    normalisation.deviation.assign(recipe.deviation.begin(), recipe.deviation.end());
  }
  PassManager manager(&context);
  manager.addPass(createReadBytes(normalisation));
  return manager.run(*root);
}

FailureOr<vit_preprocessing> driver::needPreprocessing(const Compiler &compiler) {
  const checkpoint::Import *import = compiler.checkpoint();
  if (!import)
    return compiler.session().error("{}: a .mlir file does not say how pictures become its input; "
                                    "give the checkpoint, or the pixels with --input x.safetensors",
                                    compiler.settings().model);
  if (import->pictures)
    return preprocessingOf(*import->pictures);
  if (import->noPictures.empty())
    return compiler.session().error("{}: has no preprocessor_config.json, which says how pictures "
                                    "are resized and normalised; add it, or give the pixels with "
                                    "--input x.safetensors",
                                    compiler.settings().model);
  return compiler.session().error("{}; give the pixels with --input x.safetensors",
                                  import->noPictures);
}

FailureOr<vitrt::PixelShape> driver::needPixelShape(const Compiler &compiler) {
  func::FuncOp model = compiler.function();
  auto image = model.getNumArguments() == 1
                   ? dyn_cast<RankedTensorType>(model.getArgumentTypes()[0])
                   : RankedTensorType();
  if (!image || image.getRank() != 4)
    return compiler.session().error("{}: expected a model of one input [batch, channels, height, "
                                    "width] for pictures",
                                    compiler.settings().model);
  auto [channels, height, width] = vit::imageShapeOf(image);
  vitrt::PixelShape shape = {channels, height, width, image.getElementType().isUnsignedInteger(8)};
  if (shape.channels != 1 && shape.channels != 3)
    return compiler.session().error(
        "{}: the model reads {} channels, pictures have 3, or 1 in gray", compiler.settings().model,
        shape.channels);
  return shape;
}
