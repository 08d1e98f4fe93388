//===- WeightFiles.h - The files that weights came from --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_WEIGHTFILES_H
#define VITC_RUNTIME_WEIGHTFILES_H

#include "runtime/Errors.h"

#include <cstdint>
#include <string>
#include <vector>

namespace vitrt {

/// What a model remembers of the files it was loaded from, to read the same weights again.
class WeightFiles {
public:
  WeightFiles() = default; ///< none
  /// As they are now. `path` is as for Safetensors::open; it is kept from the root on, for programs
  /// change their directory.
  explicit WeightFiles(const std::string &path);

  bool empty() const { return name.empty(); }
  const std::string &path() const { return name; }
  /// VIT_BAD_FILE if a file is gone, or another than it was.
  Status checkUnchanged() const;

private:
  struct File {
    std::string path;
    bool there = false;
    uint64_t device = 0, node = 0, bytes = 0;
    int64_t seconds = 0, nanoseconds = 0; // of the last change
    bool operator==(const File &) const = default;
  };
  static std::vector<File> look(const std::string &path);

  std::string name;
  std::vector<File> files;
};

} // namespace vitrt
#endif // VITC_RUNTIME_WEIGHTFILES_H
