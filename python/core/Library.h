//===- Library.h - A compiled model, open in this process -------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PYTHON_CORE_LIBRARY_H
#define PYTHON_CORE_LIBRARY_H

#include "runtime/Plan.h"
#include "vit/library.h"
#include "vit/runtime.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vitc::python {

/// Rows of red, green and blue.
struct Picture {
  const uint8_t *rgb;
  int width, height;
  size_t rowBytes;
};

/// Closes the shared object when the last model of it is gone, too. Threads may share it.
class Library {
public:
  /// Of a file that `vitc build --shared` or Library.save() wrote.
  static std::shared_ptr<Library> open(const std::string &path);
  /// Of the bytes of such a file, which need not lie on a disk; `name` is that of the model.
  static std::shared_ptr<Library> ofBytes(std::string_view bytes, const std::string &name);
  Library(const Library &) = delete;
  ~Library();

  const vit_library *view() const { return library; }
  std::vector<vit_tensor_info> inputs() const;
  std::vector<vit_tensor_info> outputs() const;
  int64_t maxBatch() const { return vit_library_max_batch(library); }
  bool isEmbedded() const { return library->embedded; }
  bool mixesImages() const { return library->batch_axis; }
  /// Height and width of the images that it was built for; none of what reads no images.
  std::optional<std::pair<int64_t, int64_t>> nativeSize() const;
  /// Of classes in the order of the logits; none where they are not known.
  std::optional<std::vector<std::string>> labels() const;
  /// Makes the values of one image, which are as many bytes as an image of the input has.
  void preprocess(const Picture &picture, void *values, size_t bytes) const;
  /// Bytes of one image of the library's own size.
  size_t imageBytes() const;

private:
  Library(void *handle, const vit_library *library) : handle(handle), library(library) {}
  static std::shared_ptr<Library> load(const std::string &path, const std::string &symbol);

  void *handle;
  int file = -1; ///< in memory that the object was opened from; none: one on a disk
  const vit_library *library;
};

} // namespace vitc::python

#endif // PYTHON_CORE_LIBRARY_H
