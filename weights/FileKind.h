//===- FileKind.h - What a file is, by its first bytes ---------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// People hand over a pointer of git-lfs, the page around a download, or the file
// of another program. Each is named for what it is, with what to do about it, by
// whoever reads files: this is the one list of them.
//===----------------------------------------------------------------------===//
#ifndef VITC_RUNTIME_WEIGHTS_FILEKIND_H
#define VITC_RUNTIME_WEIGHTS_FILEKIND_H

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace vitrt {

/// What a reader can read.
enum class FileWanted : uint8_t {
  Safetensors,
  Json,    ///< in UTF-8, maybe with a byte order mark: see withoutMark
  Text,    ///< the same of any text
  Library, ///< a shared library
  Model    ///< a directory: no file is right
};

/// Empty where the first bytes of a file may be those of what is wanted. Else what is wrong, to
/// follow the file's name: "expected a safetensors file, found a git-lfs pointer; run ...". The
/// first 4 KiB are enough; `path` is for its ending alone.
std::string unexpectedKind(std::span<const uint8_t> bytes, FileWanted wanted,
                           std::string_view path = "");
/// The same of text that was read.
std::string unexpectedKind(std::string_view text, FileWanted wanted, std::string_view path = "");

/// The first 4 KiB of a regular file; empty where they cannot be read.
std::string readHead(const std::string &path);

/// Text without the byte order mark that some editors put in front of UTF-8.
std::string_view withoutMark(std::string_view text);

} // namespace vitrt
#endif // VITC_RUNTIME_WEIGHTS_FILEKIND_H
