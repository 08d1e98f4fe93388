//===- Pictures.cpp - How a checkpoint wants its pictures ------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Pictures.h"

#include "frontend/checkpoint/RecipeFiles.h"
#include "weights/Safetensors.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

using namespace llvm;

namespace vitc::checkpoint {

using Processor = PictureRecipe::Processor;
using Resize = PictureRecipe::Resize;

const char *nameOf(Processor processor) {
  return processor == Processor::Pil           ? "pil"
         : processor == Processor::Torchvision ? "torchvision"
                                               : "timm";
}

static constexpr const char *filterNames[] = {"nearest", "lanczos", "bilinear",
                                              "bicubic", "box",     "hamming"};
static constexpr std::array<double, 3> imagenetMean = {0.485, 0.456, 0.406},
                                       imagenetDeviation = {0.229, 0.224, 0.225},
                                       clipMean = {0.48145466, 0.4578275, 0.40821073},
                                       clipDeviation = {0.26862954, 0.26130258, 0.27577711},
                                       half = {0.5, 0.5, 0.5};

std::string describe(const PictureRecipe &r) {
  std::string text;
  auto add = [&](const std::string &part) { text += (text.empty() ? "" : ", ") + part; };
  if (r.rescaleFirst)
    add(fmt::format("times {:g}", r.scale));
  std::string to = fmt::format("{}x{}", r.resizeTo.height, r.resizeTo.width);
  if (r.resize == Resize::Shortest)
    add(fmt::format("shortest side to {}", r.resizeTo.height));
  else if (r.resize != Resize::None)
    add((r.resize == Resize::Exact   ? "resized to "
         : r.resize == Resize::Cover ? "covers "
                                     : "fits ") +
        to);
  if (r.resize != Resize::None)
    add(filterNames[r.filter]);
  if (r.crop)
    add(fmt::format("crop {}x{}", r.crop->height, r.crop->width));
  if (r.rescale && !r.rescaleFirst)
    add(fmt::format("times {:g}", r.scale));
  if (r.normalize)
    add(fmt::format("mean {:g} {:g} {:g}, deviation {:g} {:g} {:g}", r.mean[0], r.mean[1],
                    r.mean[2], r.deviation[0], r.deviation[1], r.deviation[2]));
  return text + "; as " + nameOf(r.processor) + " does it";
}

/// `name` if it is one of `allowed`, of which the first is the default; else a message.
static vitrt::Result<Processor> chooseProcessor(const PictureOptions &options, StringRef whose,
                                                ArrayRef<Processor> allowed) {
  if (options.processor.empty())
    return allowed.front();
  std::string list;
  for (Processor one : allowed) {
    if (options.processor == nameOf(one))
      return one;
    list += fmt::format("{}{}", list.empty() ? "" : " or ", nameOf(one));
  }
  return vitrt::Error{fmt::format("--processor: expected {} for {}, found {}", list, whose.str(),
                                  vitrt::quoted(options.processor))};
}

//===----------------------------------------------------------------------===//
// transformers
//===----------------------------------------------------------------------===//

namespace {

/// What a class of processors has where the file says nothing.
struct ProcessorClass {
  const char *name;
  uint32_t filter;
  std::array<double, 3> mean, deviation;
  Size size; ///< no width: the shortest side
  std::optional<Size> crop;
  bool cropByDefault;
  bool squareByDefault; ///< what a single number as size means
  bool tensorsOnly;     ///< there is no processor with Pillow; it rescales first
};

constexpr ProcessorClass processors[] = {
    {"ViT", 2, half, half, {224, 224}, {}, false, true, false},
    {"CLIP", 3, clipMean, clipDeviation, {224, 0}, Size{224, 224}, true, false, false},
    {"Siglip", 3, half, half, {224, 224}, {}, false, false, false},
    {"Bit", 3, clipMean, clipDeviation, {224, 0}, Size{224, 224}, true, false, false},
    {"DeiT", 3, half, half, {256, 256}, Size{224, 224}, true, true, false},
    {"Beit", 3, half, half, {224, 224}, Size{224, 224}, false, true, false},
    {"DINOv3ViT", 2, imagenetMean, imagenetDeviation, {224, 224}, {}, false, true, true},
};

/// The class of a file that names none: that of the model.
constexpr std::pair<const char *, const char *> classOfModel[] = {
    {"vit", "ViT"},
    {"vit_msn", "ViT"},
    {"swin", "ViT"},
    {"clip", "CLIP"},
    {"clip_vision_model", "CLIP"},
    {"aimv2", "CLIP"},
    {"aimv2_vision_model", "CLIP"},
    {"siglip", "Siglip"},
    {"siglip_vision_model", "Siglip"},
    {"dinov2", "Bit"},
    {"dinov2_with_registers", "Bit"},
    {"deit", "DeiT"},
    {"beit", "Beit"},
    {"data2vec-vision", "Beit"},
    {"dinov3_vit", "DINOv3ViT"},
};

/// "ViT" of ViTImageProcessor, ViTImageProcessorFast, ViTImageProcessorPil, ViTFeatureExtractor.
StringRef stemOf(StringRef name) {
  for (StringRef end : {"Fast", "Pil"})
    name.consume_back(end);
  for (StringRef end : {"ImageProcessor", "FeatureExtractor"})
    name.consume_back(end);
  return name;
}

const ProcessorClass *findClass(Config &file, const json::Object &model) {
  for (StringRef key : {"image_processor_type", "feature_extractor_type"}) {
    if (!file.has(key))
      continue;
    std::string name = file.text(key);
    for (const ProcessorClass &one : processors)
      if (stemOf(name) == one.name)
        return &one;
    if (!file.failed())
      file.failFound(key, "a processor that makes one image of fixed size: one of ViT, CLIP, "
                          "Siglip, Bit, DeiT, Beit, DINOv3ViT");
    return nullptr;
  }
  std::optional<StringRef> type = model.getString("model_type");
  for (auto [known, name] : classOfModel)
    for (const ProcessorClass &one : processors)
      if (type == known && StringRef(one.name) == name)
        return &one;
  file.fail("image_processor_type", "expected a class of processors, found none");
  return nullptr;
}

/// A size in one of its forms: 224, [224, 224], {"height", "width"}, {"shortest_edge"}. A width of
/// 0 says that it is the shortest side.
Size readSize(Config &file, StringRef key, Size fallback, bool square) {
  if (!file.has(key))
    return fallback;
  const json::Value &value = *file.members().get(key);
  if (!value.getAsObject()) {
    Size size = file.sizes(key);
    return value.getAsArray() || square ? size : Size{size.height, 0};
  }
  Size size = fallback;
  file.within(key, [&](Config &part) {
    if (part.has("shortest_edge") && !part.has("height"))
      size = {part.size("shortest_edge"), 0};
    else
      size = {part.size("height"), part.size("width")};
  });
  return size;
}

std::array<double, 3> readTriple(Config &file, StringRef key,
                                 const std::array<double, 3> &fallback) {
  if (!file.has(key))
    return fallback;
  const json::Value &value = *file.members().get(key);
  std::array<double, 3> triple = fallback;
  if (value.getAsNumber()) {
    triple.fill(file.number(key, 0));
    return triple;
  }
  const json::Array *array = file.array(key);
  bool good = array && (array->size() == 3 || array->size() == 1);
  for (size_t i = 0; good && i < 3; ++i) {
    std::optional<double> number = (*array)[array->size() == 3 ? i : 0].getAsNumber();
    good = number && std::isfinite(*number) && std::fabs(*number) < 1e6;
    triple[i] = number.value_or(0);
  }
  if (!good)
    file.failFound(key, "one or three numbers");
  return triple;
}

void checkDeviation(Config &file, StringRef key, const PictureRecipe &recipe) {
  if (any_of(recipe.deviation, [](double d) { return d <= 0; }))
    file.failFound(key, "positive numbers");
}

PictureRecipe readProcessor(Config &file, const ProcessorClass &type, Processor processor) {
  PictureRecipe r;
  r.processor = processor;
  r.rescaleFirst = type.tensorsOnly;
  // What says where a file is from, what is done to other things than pictures, or what a picture
  // of three channels does not feel.
  file.harmless({"image_processor_type", "feature_extractor_type", "processor_class", "auto_map",
                 "do_convert_rgb", "do_reduce_labels", "reduce_labels", "return_tensors",
                 "data_format", "input_data_format", "device", "disable_grouping", "use_fast",
                 "_valid_processor_keys", "model_input_names", "_processor_class",
                 "default_to_square"});
  for (StringRef key : {"do_pad", "do_flip_channel_order", "do_thumbnail", "do_align_long_axis"})
    file.neutral(key, false);
  file.neutral("antialias", true);
  bool square = file.flag("default_to_square", type.squareByDefault);
  if (file.flag("do_resize", true)) {
    Size size = readSize(file, "size", type.size, square);
    r.resize = size.width ? Resize::Exact : Resize::Shortest;
    r.resizeTo = {size.height, size.width ? size.width : size.height};
  }
  r.filter = uint32_t(file.count("resample", type.filter, 5));
  if (r.filter == 0 || (processor == Processor::Torchvision && r.filter != 2 && r.filter != 3))
    file.failFound("resample", processor == Processor::Torchvision
                                   ? "2 (bilinear) or 3 (bicubic), which torchvision's tensors have"
                                   : "1 to 5: lanczos, bilinear, bicubic, box, hamming");
  Size crop = readSize(file, "crop_size", type.crop.value_or(Size{224, 224}), /*square=*/true);
  if (file.flag("do_center_crop", type.cropByDefault)) {
    if (!crop.width)
      file.failFound("crop_size", "a height and a width");
    r.crop = crop;
  }
  r.rescale = file.flag("do_rescale", true);
  r.scale = file.positive("rescale_factor", 1.0 / 255);
  r.rescaleFirst &= r.rescale;
  r.normalize = file.flag("do_normalize", true);
  r.mean = readTriple(file, "image_mean", type.mean);
  r.deviation = readTriple(file, "image_std", type.deviation);
  checkDeviation(file, "image_std", r);
  file.refuseOthers();
  return r;
}

/// The same for images of another size: what is cropped stays the same part of a picture.
void resizeRecipe(PictureRecipe &r, Size wanted) {
  Size last = r.crop.value_or(r.resizeTo);
  auto scaled = [](int64_t size, int64_t to, int64_t from) {
    return std::max<int64_t>(1, int64_t(std::nearbyint(double(size) * double(to) / double(from))));
  };
  if (r.resize == Resize::Shortest) {
    int64_t shortest = scaled(r.resizeTo.height, std::max(wanted.height, wanted.width),
                              std::max(last.height, last.width));
    r.resizeTo = {shortest, shortest};
  } else if (r.resize == Resize::Exact) {
    r.resizeTo = {scaled(r.resizeTo.height, wanted.height, last.height),
                  scaled(r.resizeTo.width, wanted.width, last.width)};
  }
  if (r.crop)
    r.crop = wanted;
}

std::string besides(const std::string &configPath, StringRef name) {
  SmallString<128> path(sys::path::parent_path(configPath));
  sys::path::append(path, name);
  return path.str().str();
}

} // namespace

std::vector<std::string> recipeFiles(const std::string &configPath) {
  for (StringRef name : {"preprocessor_config.json", "processor_config.json"})
    if (std::string path = besides(configPath, name); sys::fs::exists(path))
      return {path};
  return {};
}

vitrt::Result<PictureRecipe> readTransformersRecipe(const std::string &configPath,
                                                    const json::Object &config,
                                                    const PictureOptions &options) {
  std::vector<std::string> files = recipeFiles(configPath);
  if (files.empty())
    return vitrt::Error{vitrt::quoted(configPath) + ": has no preprocessor_config.json beside it"};
  const std::string &path = files.front();
  auto object = readJsonObject(path);
  if (!object)
    return object.takeError();
  if (sys::path::filename(path) == "processor_config.json") { // of all that it processes
    const json::Object *inner = object->getObject("image_processor");
    if (!inner)
      return vitrt::Error{
          fmt::format("{}: expected an 'image_processor', found none", vitrt::quoted(path))};
    object = json::Object(*inner);
  }
  Config file(std::move(*object), path);
  const ProcessorClass *type = findClass(file, config);
  if (!type)
    return vitrt::Error{file.error()};
  constexpr Processor both[] = {Processor::Pil, Processor::Torchvision};
  auto processor = chooseProcessor(
      options, type->tensorsOnly ? "DINOv3, which has no other" : "a checkpoint of transformers",
      type->tensorsOnly ? ArrayRef(both).drop_front() : ArrayRef(both));
  if (!processor)
    return processor.takeError();
  PictureRecipe recipe = readProcessor(file, *type, *processor);
  if (file.failed())
    return vitrt::Error{file.error()};
  if (options.imageSize)
    resizeRecipe(recipe, *options.imageSize);
  return recipe;
}

//===----------------------------------------------------------------------===//
// timm and open_clip
//===----------------------------------------------------------------------===//

/// Pillow's number of a filter's name; 0 for another.
static uint32_t filterNamed(StringRef name) {
  for (uint32_t i = 1; i != std::size(filterNames); ++i)
    if (name == filterNames[i])
      return i;
  return 0;
}

static uint32_t colourOf(const std::array<double, 3> &mean) {
  uint32_t colour = 0;
  for (double value : mean)
    colour = colour << 8 | uint32_t(std::nearbyint(255 * std::clamp(value, 0.0, 1.0)));
  return colour;
}

vitrt::Result<PictureRecipe> readTimmRecipe(const std::string &configPath,
                                            const json::Object &config,
                                            const PictureOptions &options) {
  auto processor = chooseProcessor(options, "a checkpoint of timm", Processor::Timm);
  if (!processor)
    return processor.takeError();
  const json::Object *own = config.getObject("pretrained_cfg");
  Config cfg(own ? *own : config, configPath); // older files have the settings at the top
  PictureRecipe r;
  r.processor = *processor;
  r.exifOrientation = false;
  std::string name = cfg.text("interpolation", "bicubic");
  r.filter = filterNamed(name);
  if (!r.filter)
    cfg.failFound("interpolation", "one of lanczos, bilinear, bicubic, box, hamming");
  double part = cfg.positive("crop_pct", 0.875);
  std::string mode = cfg.text("crop_mode", "center");
  r.mean = readTriple(cfg, "mean", imagenetMean);
  r.deviation = readTriple(cfg, "std", imagenetDeviation);
  checkDeviation(cfg, "std", r);
  Size image = {224, 224};
  const json::Array *input = cfg.has("input_size") ? cfg.array("input_size") : nullptr;
  if (options.imageSize)
    image = *options.imageSize;
  else if (input && input->size() == 3 && (*input)[1].getAsInteger() && (*input)[2].getAsInteger())
    image = {*(*input)[1].getAsInteger(), *(*input)[2].getAsInteger()};
  else if (input)
    cfg.failFound("input_size", "[channels, height, width]");
  if (cfg.failed())
    return vitrt::Error{cfg.error()};
  r.crop = image;
  constexpr int64_t most = 1 << 20; // of a side
  auto isSide = [](int64_t size) { return size >= 1 && size <= most; };
  auto grown = [&](int64_t size) {
    return int64_t(std::floor(std::min(double(size) / part, 2.0 * double(most))));
  };
  r.resizeTo = {grown(image.height), grown(image.width)};
  if (!isSide(image.height) || !isSide(image.width))
    cfg.failFound("input_size", fmt::format("sides from 1 to {}", most));
  else if (!isSide(r.resizeTo.height) || !isSide(r.resizeTo.width))
    cfg.failFound("crop_pct", fmt::format("a part that makes sides from 1 to {}", most));
  if (mode == "squash")
    r.resize = Resize::Exact;
  else if (mode == "border") {
    r.resize = Resize::Inside;
    r.fill = colourOf(r.mean);
  } else if (mode == "center")
    r.resize = r.resizeTo.height == r.resizeTo.width ? Resize::Shortest : Resize::Cover;
  else
    cfg.failFound("crop_mode", "center, squash or border");
  if (cfg.failed())
    return vitrt::Error{cfg.error()};
  return r;
}

vitrt::Result<PictureRecipe> readOpenClipRecipe(const std::string &configPath,
                                                const json::Object &config,
                                                const PictureOptions &options) {
  auto processor = chooseProcessor(options, "a checkpoint of open_clip", Processor::Timm);
  if (!processor)
    return processor.takeError();
  const json::Object *own = config.getObject("preprocess_cfg"),
                     *model = config.getObject("model_cfg");
  Config cfg(own ? *own : json::Object(), configPath);
  PictureRecipe r;
  r.processor = *processor;
  r.exifOrientation = false;
  r.mean = readTriple(cfg, "mean", clipMean);
  r.deviation = readTriple(cfg, "std", clipDeviation);
  checkDeviation(cfg, "std", r);
  r.filter = filterNamed(cfg.text("interpolation", "bicubic"));
  if (r.filter != 2 && r.filter != 3)
    cfg.failFound("interpolation", "bilinear or bicubic");
  std::string mode = cfg.text("resize_mode", "shortest");
  uint32_t fill = uint32_t(cfg.count("fill_color", 0, 255));
  cfg.neutral("mode", "RGB");
  Size image = cfg.sizes("size", Size{224, 224});
  cfg.refuseOthers();
  const json::Object *vision = model ? model->getObject("vision_cfg") : nullptr;
  Config tower(vision ? *vision : json::Object(), configPath);
  if (options.imageSize)
    image = *options.imageSize;
  else if (!cfg.has("size"))
    image = tower.sizes("image_size", Size{224, 224});
  r.crop = image;
  r.resizeTo = image;
  if (mode == "shortest")
    r.resize = image.height == image.width ? Resize::Shortest : Resize::Cover;
  else if (mode == "squash")
    r.resize = Resize::Exact;
  else if (mode == "longest") {
    r.resize = Resize::Inside;
    r.fill = fill * 0x010101;
  } else
    cfg.failFound("resize_mode", "shortest, squash or longest");
  cfg.take(tower);
  if (cfg.failed())
    return vitrt::Error{cfg.error()};
  return r;
}

//===----------------------------------------------------------------------===//
// Labels
//===----------------------------------------------------------------------===//

/// Of {"0": "cat", "1": "dog"}; nothing if the keys are not 0 to count - 1.
static std::optional<std::vector<std::string>> labelsOf(const json::Object &map) {
  std::vector<std::string> labels(map.size());
  std::vector<bool> there(map.size());
  for (const auto &[key, value] : map) {
    size_t index;
    std::optional<StringRef> text = value.getAsString();
    if (StringRef(key).getAsInteger(10, index) || index >= labels.size() || !text)
      return std::nullopt;
    labels[index] = text->str();
    there[index] = true;
  }
  return all_of(there, [](bool one) { return one; }) ? std::optional(labels) : std::nullopt;
}

static std::optional<std::vector<std::string>> labelsOf(const json::Array &list) {
  std::vector<std::string> labels;
  for (const json::Value &value : list) {
    if (!value.getAsString())
      return std::nullopt;
    labels.push_back(value.getAsString()->str());
  }
  return labels;
}

std::vector<std::string> readLabels(const json::Object &config) {
  if (const json::Object *map = config.getObject("id2label"))
    return labelsOf(*map).value_or(std::vector<std::string>());
  const json::Object *cfg = config.getObject("pretrained_cfg");
  for (const json::Object *place : {&config, cfg}) {
    const json::Array *names = place ? place->getArray("label_names") : nullptr;
    auto labels = names ? labelsOf(*names) : std::nullopt;
    if (!labels)
      continue;
    if (const json::Object *texts = place->getObject("label_descriptions"))
      for (std::string &label : *labels)
        if (std::optional<StringRef> text = texts->getString(label))
          label = text->str();
    return *labels;
  }
  return {};
}

vitrt::Result<std::vector<std::string>> readLabelFile(const std::string &path) {
  auto error = [&](const std::string &text) {
    return vitrt::Error{fmt::format("labels {}: {}", vitrt::quoted(path), text)};
  };
  constexpr uint64_t mostBytes = 16 << 20;
  sys::fs::file_status status;
  if (std::error_code code = sys::fs::status(path, status))
    return error("cannot be read: " + StringRef(code.message()).lower());
  if (status.type() != sys::fs::file_type::regular_file || status.getSize() > mostBytes)
    return error("expected a regular file of at most 16 MiB");
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/true,
                                      /*IsVolatile=*/true);
  if (!buffer)
    return error("cannot be read: " + StringRef(buffer.getError().message()).lower());
  StringRef text = (*buffer)->getBuffer();
  text.consume_front("\xEF\xBB\xBF");
  if (!json::isUTF8(text))
    return error("expected text in UTF-8");
  if (text.ltrim().starts_with("{")) {
    auto object = readJsonObject(path);
    if (!object)
      return vitrt::Error{"labels " + object.error()};
    auto labels = labelsOf(*object);
    if (!labels || labels->empty())
      return error("expected names for all numbers from 0: {\"0\": \"name\", ...}");
    return *labels;
  }
  std::vector<std::string> labels;
  for (StringRef line : split(text, '\n'))
    labels.push_back(line.rtrim("\r").str());
  while (!labels.empty() && labels.back().empty())
    labels.pop_back();
  if (labels.empty())
    return error("expected a line for each class, found none");
  return labels;
}

} // namespace vitc::checkpoint
