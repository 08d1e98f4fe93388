//===- FileKind.cpp - What a file is, by its first bytes -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A table of signatures, and a few kinds that need a look at more than one place.
//===----------------------------------------------------------------------===//
#include "weights/FileKind.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vitrt {
namespace {

using namespace std::string_view_literals;

/// A kind that is not read, and how to come to what is.
struct Kind {
  std::string what, remedy;
};

constexpr const char *save = "save the model with transformers' save_pretrained(), or its tensors "
                             "with safetensors.torch.save_file()";
constexpr const char *original = "take the checkpoint in safetensors that it was made from";
constexpr const char *unpack = "unpack it and give the file in it";
constexpr const char *picture = "pictures are not read yet: give pixels as a safetensors file";
constexpr const char *numpy = "save it with safetensors.numpy.save_file(), an array under the name "
                              "of the tensor that it is";
constexpr const char *pickle = "save its tensors with safetensors.torch.save_file(): loading a "
                               "pickle runs code, so none is read";

struct Signature {
  size_t at;
  std::string_view bytes;
  const char *what, *remedy;
};
// clang-format off
constexpr Signature signatures[] = {
    {0, "version https://git-lfs"sv, "a git-lfs pointer", "run git lfs pull in the repository that it is from"},
    {0, "\x93NUMPY"sv, "a NumPy array (.npy)", numpy},
    {0, "GGUF"sv, "a GGUF model", original},
    {0, "ggml"sv, "a GGML model", original},
    {0, "lmgg"sv, "a GGML model", original},
    {0, "tjgg"sv, "a GGML model", original},
    {4, "TFL3"sv, "a TFLite model", original},
    {0, "\x89HDF\r\n\x1a\n"sv, "an HDF5 file, as Keras writes", save},
    {0, "\x89PNG\r\n\x1a\n"sv, "a PNG picture", picture},
    {0, "\xff\xd8\xff"sv, "a JPEG picture", picture},
    {0, "GIF8"sv, "a GIF picture", picture},
    {8, "WEBP"sv, "a WebP picture", picture},
    {0, "II*\0"sv, "a TIFF picture", picture},
    {0, "MM\0*"sv, "a TIFF picture", picture},
    {0, "\x1f\x8b"sv, "a gzip archive", unpack},
    {0, "BZh"sv, "a bzip2 archive", unpack},
    {0, "\xfd" "7zXZ\0"sv, "an xz archive", unpack},
    {0, "\x28\xb5\x2f\xfd"sv, "a zstd archive", unpack},
    {0, "7z\xbc\xaf\x27\x1c"sv, "a 7z archive", unpack},
    {0, "Rar!\x1a\x07"sv, "a RAR archive", unpack},
    {257, "ustar"sv, "a tar archive", unpack},
    {0, "%PDF-"sv, "a PDF document", "give the file itself"},
    {0, "!<arch>\n"sv, "a static library", "vitc build --shared writes libN.so beside it"},
    {0, "\x7f" "ELF"sv, "an ELF file", "give the file itself"},
    {0, "ML\xefR"sv, "MLIR bytecode", "give the text, or name the file .mlir where MODEL is expected"},
};
// clang-format on

bool startsWith(std::string_view text, std::string_view start, size_t at = 0) {
  return text.size() >= at + start.size() && text.substr(at, start.size()) == start;
}

bool endsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool startsWithWord(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() &&
         std::equal(lower.begin(), lower.end(), text.begin(),
                    [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + 32 : b); });
}

bool isPrintable(char c) {
  return (unsigned char)c >= 0x20 ? c != 0x7f : c == '\t' || c == '\n' || c == '\r';
}

/// The name of a zip archive's first file; empty if it is no name.
std::string_view firstMember(std::string_view zip) {
  if (zip.size() < 31)
    return "";
  size_t length = uint8_t(zip[26]) | size_t(uint8_t(zip[27])) << 8;
  std::string_view name = zip.substr(30, length);
  return name.size() == length && std::all_of(name.begin(), name.end(), isPrintable) ? name : "";
}

Kind zipKind(std::string_view bytes, std::string_view path) {
  std::string_view member = firstMember(bytes);
  if (endsWith(member, ".npy"))
    return {"NumPy arrays (.npz)", numpy};
  if (endsWith(member, "data.pkl") || endsWith(member, "/version") || member.empty() ||
      endsWith(path, ".bin") || endsWith(path, ".pt") || endsWith(path, ".pth"))
    return {"a pickle", pickle}; // torch.save's zip
  return {"a zip archive", unpack};
}

/// A protobuf of a version, a producer's name or a graph.
bool isOnnx(std::string_view bytes) {
  return bytes.size() > 4 && bytes[0] == 8 && bytes[1] > 0 && bytes[1] < 32 &&
         ((bytes[2] == 0x12 && bytes[3] > 0 && bytes.size() > size_t(bytes[3]) + 4 &&
           isPrintable(bytes[4])) ||
          bytes[2] == 0x3a);
}

bool isPickle(std::string_view bytes) {
  return bytes.size() >= 4 && uint8_t(bytes[0]) == 0x80 && bytes[1] >= 2 && bytes[1] <= 5 &&
         bytes[2] != 0; // else a short header's length
}

bool isUtf16(std::string_view bytes) {
  if (startsWith(bytes, "\xff\xfe"sv) || startsWith(bytes, "\xfe\xff"sv))
    return true;
  // Without a mark: letters and zeros in turn.
  size_t zeros = bytes.size() >= 8 && bytes[0] == 0 ? 0 : 1;
  for (size_t i = 0; i != 8; ++i)
    if (bytes.size() < 8 || (i % 2 == zeros ? bytes[i] != 0 : !bytes[i] || !isPrintable(bytes[i])))
      return false;
  return true;
}

/// The first line, short enough to quote.
std::string firstLine(std::string_view text) {
  std::string line(text.substr(0, std::min(text.find_first_of("\r\n"), size_t(60))));
  return line.size() == 60 ? line + "..." : line;
}

/// The kind of text that is not just text.
Kind markupKind(std::string_view text) {
  size_t begin = text.find_first_not_of(" \t\r\n");
  std::string_view start = begin == text.npos ? "" : text.substr(begin);
  if (startsWithWord(start, "<!doctype html") || startsWithWord(start, "<html") ||
      startsWithWord(start, "<head"))
    return {"an HTML page", "download the file itself: on a hub its address has /resolve/ where "
                            "that of its page has /blob/"};
  if (startsWithWord(start, "<?xml") || startsWithWord(start, "<error"))
    return {"an XML document", "it may be a server's answer in place of the file; download again"};
  return {};
}

/// What `bytes` are that is read by nobody; nothing where they may be safetensors or text.
Kind kindOf(std::string_view bytes, std::string_view path) {
  if (startsWith(bytes, "{", 8) && bytes.size() >= 16) // a length that is a signature by chance
    if (uint8_t(bytes[7]) == 0 && uint8_t(bytes[6]) == 0)
      return {};
  for (const Signature &signature : signatures)
    if (startsWith(bytes, signature.bytes, signature.at))
      return {signature.what, signature.remedy};
  if (startsWith(bytes, "PK\3\4") || startsWith(bytes, "PK\5\6"))
    return zipKind(bytes, path);
  if (isPickle(bytes))
    return {"a pickle", pickle};
  if (isOnnx(bytes))
    return {"an ONNX model", original};
  if (isUtf16(bytes))
    return {"text in UTF-16", "save it in UTF-8"};
  if (Kind markup = markupKind(withoutMark(bytes)); !markup.what.empty())
    return markup;
  size_t some = std::min<size_t>(bytes.size(), 64);
  if (some >= 16 && std::all_of(bytes.begin(), bytes.begin() + some, [](char c) { return !c; }))
    return {"zeros", "it may be a download that was not finished; download again"};
  return {};
}

bool isText(std::string_view bytes) {
  std::string_view text =
      withoutMark(bytes.substr(0, 64)); // of ASCII: what is beyond it is rare there
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return uint8_t(c) < 0x80 && isPrintable(c); });
}

bool looksLikeSafetensors(std::string_view bytes) {
  return bytes.size() >= 10 && bytes[8] == '{' && bytes[7] == 0 && bytes[6] == 0 && bytes[5] == 0;
}

/// What is right for nobody but one kind of reader.
Kind textKind(std::string_view bytes) {
  std::string_view text = withoutMark(bytes);
  size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin != text.npos && text[begin] == '{')
    return {"JSON text", "give the file with the tensors"};
  return {"text that begins '" + firstLine(text) + "'",
          "it may be a server's answer in place of the file; download again"};
}

Kind wrongKind(std::string_view bytes, FileWanted wanted, std::string_view path) {
  bool elf = startsWith(bytes, "\x7f"
                               "ELF"sv);
  if (wanted == FileWanted::Library && elf)
    return {};
  if (Kind kind = kindOf(bytes, path); !kind.what.empty())
    return kind;
  if (wanted != FileWanted::Safetensors && looksLikeSafetensors(bytes))
    return {"a safetensors file", wanted == FileWanted::Model
                                      ? "give the directory in which it lies with its config.json"
                                      : "give the file itself"};
  bool binary = wanted == FileWanted::Safetensors || wanted == FileWanted::Library;
  if (binary && isText(bytes))
    return textKind(bytes);
  return {};
}

constexpr const char *wantedText[] = {"a safetensors file", "JSON text", "text", "a shared library",
                                      "a checkpoint directory or its config.json"};

} // namespace

std::string_view withoutMark(std::string_view text) {
  return startsWith(text, "\xef\xbb\xbf"sv) ? text.substr(3) : text;
}

std::string unexpectedKind(std::string_view text, FileWanted wanted, std::string_view path) {
  Kind kind = wrongKind(text.substr(0, 4096), wanted, path);
  if (kind.what.empty())
    return "";
  return std::string("expected ") + wantedText[size_t(wanted)] + ", found " + kind.what + "; " +
         kind.remedy;
}

std::string unexpectedKind(std::span<const uint8_t> bytes, FileWanted wanted,
                           std::string_view path) {
  return unexpectedKind(
      std::string_view(reinterpret_cast<const char *>(bytes.data()), bytes.size()), wanted, path);
}

std::string readHead(const std::string &path) {
  std::string head;
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    return head;
  struct stat status;
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
    head.resize(4096);
    ssize_t count = read(file, head.data(), head.size());
    head.resize(count > 0 ? size_t(count) : 0);
  }
  close(file);
  return head;
}

} // namespace vitrt
