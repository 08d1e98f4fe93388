//===- Preprocess.h - From a picture to pixel values -----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// What a checkpoint's own processor does to a picture: resize, crop, normalise.
// Rows are taken one after another, as a decoder gives them, and none is kept.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_PREPROCESS_H
#define VITC_RUNTIME_PREPROCESS_H

#include "runtime/Errors.h"
#include "runtime/Resample.h"

#include <array>

namespace vitrt {

/// What a model reads of one image.
struct PixelShape {
  int64_t channels = 0, height = 0, width = 0;
  bool bytes = false; ///< 0 to 255, [height, width, channels]; else normalised f32
  int64_t count() const { return channels * height * width; }
};
/// That of a library's only input, [batch, channels, height, width] or, of bytes, [batch, height,
/// width, channels].
Status pixelShapeOf(const vit_library &library, PixelShape &out);

/// Where the pixels of pictures of one size go: all that does not depend on their values. Threads
/// may share it.
class PicturePlan {
public:
  /// A recipe that is damaged, that makes images of another size than the model reads, or a
  /// picture that cannot be resized is an error; texts say what was found.
  static Status make(const vit_preprocessing &recipe, PixelShape shape, int64_t width,
                     int64_t height, PicturePlan &out);

  /// The rows that are needed; all others are cropped away.
  Range rows() const { return needed; }

private:
  friend class PictureReduction;

  PixelShape shape;
  int64_t width = 0, height = 0;
  Range needed;
  Range read;                ///< the columns of a row that are needed
  Range columns, lines;      ///< of the resized picture, inside of the crop
  int64_t left = 0, top = 0; ///< where they begin in the result
  bool resizeColumns = false, resizeLines = false, linesFirst = false, real = false;
  double levels = 1; ///< that a rescaled value of 1 has
  ResampleTable lineTable;
  RowPass rowPass;
  std::array<std::array<float, 256>, 3> normalised;
  std::array<float, 256> rescaled;
  std::array<float, 3> realMean, realDeviation;
  std::array<uint8_t, 3> fill;
};

/// Takes the rows of one picture.
class PictureReduction {
public:
  /// The plan must outlive it.
  explicit PictureReduction(const PicturePlan &plan);

  /// A row of rows(), each once, in ascending order: `width` pixels of three bytes.
  void add(int64_t row, const uint8_t *rgb);
  /// Writes the pixel values [channels, height, width] when all rows were added.
  void finish(float *out) const;
  /// The same before they are normalised, [height, width, channels]. Of a recipe that rescales
  /// first, whose resize rounds nothing, the nearest levels.
  void finish(uint8_t *out) const;

private:
  template <class Value> struct Rows {
    std::vector<Value> read, scratch, reduced; ///< of one row
    std::vector<Value> lines;                  ///< all, where they are not resized
  };
  template <class Value> void addRow(int64_t row, const Value *values, Rows<Value> &rows);
  template <class Value>
  void takeLine(int64_t line, const Rows<Value> &rows, Rows<Value> &temporary, Value *out) const;

  const PicturePlan &plan;
  int64_t rowValues, readValues; ///< of the result inside of the crop, of the picture
  ColumnPass columnPass;
  Rows<uint8_t> bytes;
  Rows<float> real; ///< where values are rescaled first
};

} // namespace vitrt
#endif // VITC_RUNTIME_PREPROCESS_H
