//===- Preprocess.cpp - From a picture to pixel values ---------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Of 8-bit pictures there are 256 values for each channel after the resize, so
// what becomes of each is computed once, in the order and the types in which the
// library that the recipe is of computes it.
//===----------------------------------------------------------------------===//
#include "runtime/Preprocess.h"
#include "runtime/Plan.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vitrt {
namespace {

std::string sizeText(int64_t height, int64_t width) {
  return std::to_string(height) + "x" + std::to_string(width);
}

//===----------------------------------------------------------------------===//
// Sizes, as the libraries compute them
//===----------------------------------------------------------------------===//

struct Size {
  int64_t height, width;
};

/// Python's round().
int64_t roundEven(double value) { return int64_t(std::nearbyint(value)); }

Size resizedSize(const vit_preprocessing &recipe, Size size) {
  int64_t height = recipe.resize_height, width = recipe.resize_width;
  if (recipe.resize == VIT_RESIZE_NONE)
    return size;
  if (recipe.resize == VIT_RESIZE_EXACT)
    return {height, width};
  if (recipe.resize == VIT_RESIZE_SHORTEST) {
    int64_t shortest = std::min(size.height, size.width),
            longest =
                int64_t(double(height * std::max(size.height, size.width)) / double(shortest));
    return size.width <= size.height ? Size{longest, height} : Size{height, longest};
  }
  double ratioHeight = double(size.height) / double(height),
         ratioWidth = double(size.width) / double(width);
  double ratio = recipe.resize == VIT_RESIZE_COVER ? std::min(ratioHeight, ratioWidth)
                                                   : std::max(ratioHeight, ratioWidth);
  return {roundEven(double(size.height) / ratio), roundEven(double(size.width) / ratio)};
}

/// Where the crop begins in the resized picture; negative where it is larger.
int64_t cropBegin(uint32_t processor, int64_t size, int64_t crop) {
  int64_t rest = size - crop;
  if (processor == VIT_PROCESSOR_PIL)
    return rest >= 0 ? rest / 2 : -((1 - rest) / 2); // rounded down
  if (rest < 0)
    return -(-rest / 2);
  return processor == VIT_PROCESSOR_TORCHVISION ? rest / 2 : roundEven(double(rest) / 2.0);
}

/// Pillow, since its version 13, reduces the height before the width where that is taken to be less
/// work; which comes first can change a value by one level. Found by comparing results.
bool linesComeFirst(const vit_preprocessing &recipe, Size from, Size to) {
  return recipe.processor != VIT_PROCESSOR_TORCHVISION && !recipe.rescale_first &&
         to.height < from.height && from.height - to.height > 2 * (from.width - to.width);
}

Range overlap(int64_t begin, int64_t size, int64_t limit) {
  int64_t first = std::clamp<int64_t>(begin, 0, limit);
  return {first, std::clamp<int64_t>(begin + size, first, limit)};
}

Status damaged(const char *what) {
  return {VIT_BAD_ABI, std::string("the library is damaged: its recipe for pictures has ") + what};
}

Status checkRecipe(const vit_preprocessing &recipe) {
  if (recipe.processor > VIT_PROCESSOR_TIMM)
    return damaged("an unknown processor");
  if (recipe.resize > VIT_RESIZE_INSIDE)
    return damaged("an unknown resize");
  if (recipe.filter < VIT_PICTURE_LANCZOS || recipe.filter > VIT_PICTURE_HAMMING)
    return damaged("an unknown filter");
  constexpr uint32_t most = 1 << 20;
  if (recipe.resize != VIT_RESIZE_NONE &&
      (recipe.resize_height == 0 || recipe.resize_width == 0 || recipe.resize_height > most ||
       recipe.resize_width > most))
    return damaged("a size that is 0 or too large");
  if (recipe.crop_height > most || recipe.crop_width > most ||
      (recipe.crop_height == 0) != (recipe.crop_width == 0))
    return damaged("a crop that is too large, or 0 in one direction");
  return {};
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// The 256 values of one channel.
std::array<float, 256> valuesOf(const vit_preprocessing &r, int channel) {
  std::array<float, 256> values;
  double mean = r.mean[channel], deviation = r.deviation[channel];
  for (int v = 0; v != 256; ++v) {
    float &value = values[size_t(v)];
    if (r.processor == VIT_PROCESSOR_TORCHVISION && r.rescale && r.normalize) {
      // Both in one: mean and deviation in levels.
      float inverse = float(1.0 / r.scale);
      value = (float(v) - float(mean) * inverse) / (float(deviation) * inverse);
      continue;
    }
    value = float(v);
    if (r.rescale && r.processor == VIT_PROCESSOR_PIL)
      value = float(v * r.scale); // numpy has a product in f64 there
    else if (r.rescale)
      value = r.processor == VIT_PROCESSOR_TIMM
                  ? value / float(1.0 / r.scale) // to_tensor() divides
                  : value * float(r.scale);
    if (r.normalize)
      value = (value - float(mean)) / float(deviation);
  }
  return values;
}

/// Pillow's conversion to gray.
uint8_t luma(const uint8_t *rgb) {
  return uint8_t((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
}

} // namespace

Status pixelShapeOf(const vit_library &library, PixelShape &out) {
  if (library.input_count != 1 || library.inputs[0].rank != 4)
    return badArgument("the model's input is no image: pictures are for models of one input "
                       "[batch, channels, height, width]");
  const vit_tensor &input = library.inputs[0];
  ImageAxes axes = axesOf(input);
  out = {input.shape[axes.channels], input.shape[axes.height], input.shape[axes.width],
         input.dtype == VIT_U8};
  if ((out.channels != 1 && out.channels != 3) || out.height < 1 || out.width < 1)
    return badArgument("the model reads images of " + std::to_string(out.channels) + " channels, " +
                       sizeText(out.height, out.width) +
                       "; pictures are for those of one or three channels and a fixed size");
  return {};
}

//===----------------------------------------------------------------------===//
// Plan
//===----------------------------------------------------------------------===//

Status PicturePlan::make(const vit_preprocessing &recipe, PixelShape shape, int64_t width,
                         int64_t height, PicturePlan &out) {
  if (Status good = checkRecipe(recipe); !good)
    return good;
  if (width < 1 || height < 1 || width > std::numeric_limits<int32_t>::max() ||
      height > std::numeric_limits<int32_t>::max())
    return badArgument("the picture is " + sizeText(height, width) +
                       ", expected a height and a width of at least 1");
  Size resized = resizedSize(recipe, {height, width});
  if (resized.height < 1 || resized.width < 1 ||
      resized.height > std::numeric_limits<int32_t>::max() / resized.width)
    return badArgument("a picture of " + sizeText(height, width) + " would become " +
                       sizeText(resized.height, resized.width) +
                       " before it is cropped, which no processor makes");
  Size crop = recipe.crop_height ? Size{recipe.crop_height, recipe.crop_width} : resized;
  if (crop.height != shape.height || crop.width != shape.width)
    return badArgument("a picture of " + sizeText(height, width) + " becomes " +
                       sizeText(crop.height, crop.width) +
                       " by the model's recipe, but the model "
                       "reads " +
                       sizeText(shape.height, shape.width));

  PicturePlan plan;
  plan.shape = shape;
  plan.width = width;
  plan.height = height;
  int64_t cropTop = cropBegin(recipe.processor, resized.height, crop.height),
          cropLeft = cropBegin(recipe.processor, resized.width, crop.width);
  plan.lines = overlap(cropTop, crop.height, resized.height);
  plan.columns = overlap(cropLeft, crop.width, resized.width);
  plan.top = plan.lines.begin - cropTop;
  plan.left = plan.columns.begin - cropLeft;
  plan.resizeColumns = resized.width != width;
  plan.resizeLines = resized.height != height;
  plan.real = recipe.rescale_first != 0;
  plan.levels = recipe.rescale ? 1 / recipe.scale : 1;
  WeightRule rule = plan.real                                       ? WeightRule::Float
                    : recipe.processor == VIT_PROCESSOR_TORCHVISION ? WeightRule::PyTorch
                                                                    : WeightRule::Pillow;
  plan.linesFirst = plan.resizeColumns && linesComeFirst(recipe, {height, width}, resized);
  plan.read = plan.columns;
  if (plan.resizeColumns) {
    ResampleTable table(recipe.filter, rule, width, resized.width, plan.columns);
    plan.read = plan.linesFirst ? table.inputs() : Range{0, width};
    for (int64_t &begin : table.begins)
      begin -= plan.read.begin;
    plan.rowPass = RowPass(table, plan.read.size(), int(shape.channels));
  }
  plan.needed = plan.lines;
  if (plan.resizeLines) {
    plan.lineTable = ResampleTable(recipe.filter, rule, height, resized.height, plan.lines);
    plan.needed = plan.lineTable.inputs();
  }
  for (int c = 0; c != 3; ++c) {
    plan.normalised[size_t(c)] = valuesOf(recipe, c);
    plan.realMean[size_t(c)] = recipe.normalize ? float(recipe.mean[c]) : 0;
    plan.realDeviation[size_t(c)] = recipe.normalize ? float(recipe.deviation[c]) : 1;
    plan.fill[size_t(c)] = uint8_t(recipe.fill >> (16 - 8 * c));
  }
  for (int v = 0; v != 256; ++v)
    plan.rescaled[size_t(v)] = recipe.rescale ? float(v) * float(recipe.scale) : float(v);
  out = std::move(plan);
  return {};
}

//===----------------------------------------------------------------------===//
// Reduction
//===----------------------------------------------------------------------===//

PictureReduction::PictureReduction(const PicturePlan &plan)
    : plan(plan), rowValues(plan.columns.size() * plan.shape.channels),
      readValues(plan.read.size() * plan.shape.channels) {
  int64_t kept = plan.linesFirst ? readValues : rowValues;
  if (plan.resizeLines)
    columnPass = ColumnPass(plan.lineTable, kept);
  else if (plan.real)
    real.lines.resize(size_t(plan.lines.size() * kept));
  else
    bytes.lines.resize(size_t(plan.lines.size() * kept));
}

void PictureReduction::add(int64_t row, const uint8_t *rgb) {
  const uint8_t *values = rgb;
  if (plan.shape.channels == 1) {
    bytes.read.resize(size_t(plan.width));
    for (int64_t x = 0; x != plan.width; ++x)
      bytes.read[size_t(x)] = luma(rgb + 3 * x);
    values = bytes.read.data();
  }
  values += plan.read.begin * plan.shape.channels;
  if (!plan.real)
    return addRow(row, values, bytes);
  real.read.resize(size_t(readValues));
  for (int64_t i = 0; i != readValues; ++i)
    real.read[size_t(i)] = plan.rescaled[values[i]];
  addRow(row, real.read.data(), real);
}

template <class Value>
void PictureReduction::addRow(int64_t row, const Value *values, Rows<Value> &rows) {
  if (plan.resizeColumns && !plan.linesFirst) {
    rows.reduced.resize(size_t(rowValues));
    plan.rowPass.run(values, rows.reduced.data(), rows.scratch);
    values = rows.reduced.data();
  }
  if (plan.resizeLines)
    columnPass.add(row, values);
  else
    std::copy_n(values, rowValues, &rows.lines[size_t((row - plan.lines.begin) * rowValues)]);
}

template <class Value>
void PictureReduction::takeLine(int64_t line, const Rows<Value> &rows, Rows<Value> &temporary,
                                Value *out) const {
  if (plan.linesFirst) {
    temporary.read.resize(size_t(readValues));
    columnPass.take(line, temporary.read.data());
    plan.rowPass.run(temporary.read.data(), out, temporary.scratch);
  } else if (plan.resizeLines) {
    columnPass.take(line, out);
  } else {
    std::copy_n(&rows.lines[size_t(line * rowValues)], rowValues, out);
  }
}

void PictureReduction::finish(float *out) const {
  const int64_t channels = plan.shape.channels, plane = plan.shape.height * plan.shape.width;
  auto normalise = [&](int64_t c, float value) {
    return (value - plan.realMean[size_t(c)]) / plan.realDeviation[size_t(c)];
  };
  for (int64_t c = 0; c != channels; ++c) {
    uint8_t fill = plan.fill[size_t(c)];
    std::fill_n(out + c * plane, plane,
                plan.real ? normalise(c, plan.rescaled[fill]) : plan.normalised[size_t(c)][fill]);
  }
  std::vector<uint8_t> line(plan.real ? 0 : size_t(rowValues));
  std::vector<float> realLine(plan.real ? size_t(rowValues) : 0);
  Rows<uint8_t> temporary;
  Rows<float> realTemporary;
  for (int64_t y = 0; y != plan.lines.size(); ++y) {
    plan.real ? takeLine(y, real, realTemporary, realLine.data())
              : takeLine(y, bytes, temporary, line.data());
    for (int64_t c = 0; c != channels; ++c) {
      float *to = out + c * plane + (plan.top + y) * plan.shape.width + plan.left;
      for (int64_t x = 0; x != plan.columns.size(); ++x) {
        size_t from = size_t(x * channels + c);
        to[x] = plan.real ? normalise(c, realLine[from]) : plan.normalised[size_t(c)][line[from]];
      }
    }
  }
}

void PictureReduction::finish(uint8_t *out) const {
  const int64_t channels = plan.shape.channels, width = plan.shape.width * channels;
  for (int64_t i = 0; i != plan.shape.height * width; ++i)
    out[i] = plan.fill[size_t(i % channels)];
  Rows<uint8_t> temporary;
  Rows<float> realTemporary;
  std::vector<float> realLine(plan.real ? size_t(rowValues) : 0);
  for (int64_t y = 0; y != plan.lines.size(); ++y) {
    uint8_t *to = out + (plan.top + y) * width + plan.left * channels;
    if (!plan.real) {
      takeLine(y, bytes, temporary, to);
      continue;
    }
    takeLine(y, real, realTemporary, realLine.data());
    for (int64_t i = 0; i != rowValues; ++i)
      to[i] = uint8_t(std::clamp(std::nearbyint(realLine[size_t(i)] * plan.levels), 0.0, 255.0));
  }
}

} // namespace vitrt
