//===- Reader.h - From files of pictures to pixel values -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_PICTURES_READER_H
#define DRIVER_PICTURES_READER_H

#include "driver/pictures/Decode.h"
#include "runtime/Preprocess.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace vitc::driver {

/// Makes pixel values of files. Threads may share it.
class PictureReader {
public:
  PictureReader(const vit_preprocessing &recipe, vitrt::PixelShape shape, DecodeOptions options)
      : recipe(recipe), shape(shape), options(std::move(options)) {
    this->options.upright = recipe.exif_orientation != 0;
  }

  /// Of one file, [channels, height, width]; of a model that reads bytes these, as floats, [height,
  /// width, channels]. `beside`: rows are reduced by a thread of their own
  /// while the next are decoded. Errors do not name the file.
  vitrt::Result<std::vector<float>> read(const std::string &path, bool beside) const;
  /// The same of a file's bytes.
  vitrt::Result<std::vector<float>> decode(std::span<const uint8_t> bytes, bool beside) const;

  const std::stop_token &stop() const { return options.stop; }
  const vitrt::PixelShape &pixels() const { return shape; }

private:
  const vit_preprocessing recipe;
  const vitrt::PixelShape shape;
  DecodeOptions options;
};

/// Reads files on several threads and hands them out in their order. Reads ahead by a bounded
/// number of pictures.
class PictureQueue {
public:
  using Pixels = vitrt::Result<std::vector<float>>;

  PictureQueue(const PictureReader &reader, std::vector<std::string> files, unsigned threads,
               size_t ahead);
  ~PictureQueue();
  PictureQueue(const PictureQueue &) = delete;

  /// Of the next file; nothing after the last.
  std::optional<Pixels> next();

private:
  void work();

  const PictureReader &reader;
  const std::vector<std::string> files;
  const size_t ahead;
  const bool beside;
  std::mutex mutex;
  std::condition_variable changed;
  std::map<size_t, Pixels> done;
  size_t begun = 0, taken = 0;
  bool ending = false;
  std::vector<std::thread> threads;
};

/// Files as they are named, and of folders, with those in them, all that are called .png, .jpg,
/// .jpeg, .jpe or .jfif, sorted. A folder without such is an error.
vitrt::Result<std::vector<std::string>> findPictures(const std::vector<std::string> &paths);

} // namespace vitc::driver
#endif // DRIVER_PICTURES_READER_H
