//===- Decode.cpp - Rows of pictures ---------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "driver/pictures/Decode.h"

#include "weights/FileKind.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

namespace vitc::driver {

using vitrt::Error;
using vitrt::Result;

//===----------------------------------------------------------------------===//
// Kinds
//===----------------------------------------------------------------------===//

namespace {

struct Kind {
  size_t offset;
  std::string_view bytes;
  const char *name;
};
/// What people hand over for pictures, and what it is called.
constexpr Kind others[] = {
    {0, "GIF8", "a GIF"},
    {8, "WEBP", "a WebP picture"},
    {0, "BM", "a BMP"},
    {0, std::string_view("II*\0", 4), "a TIFF"},
    {0, std::string_view("MM\0*", 4), "a TIFF"},
    {4, "ftypavif", "an AVIF picture"},
    {4, "ftyphei", "a HEIC picture"},
    {4, "ftypmif1", "a HEIF picture"},
    {4, "ftyp", "a video"},
    {0, std::string_view("\xFF\x0A", 2), "a JPEG XL picture"},
    {4, "JXL ", "a JPEG XL picture"},
    {4, "jP  ", "a JPEG 2000 picture"},
    {0, "%PDF", "a PDF"},
    {0, "<svg", "an SVG"},
};

std::string nameOfOther(std::span<const uint8_t> file) {
  std::string_view bytes(reinterpret_cast<const char *>(file.data()), file.size());
  for (const Kind &kind : others)
    if (bytes.size() >= kind.offset && bytes.substr(kind.offset).starts_with(kind.bytes))
      return kind.name;
  return "";
}

} // namespace

bool isPng(std::span<const uint8_t> file) {
  static constexpr uint8_t signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  return file.size() >= sizeof signature &&
         std::memcmp(file.data(), signature, sizeof signature) == 0;
}

Result<void> decodePicture(std::span<const uint8_t> file, const DecodeOptions &options,
                           PictureSink &sink) {
  if (isJpeg(file))
    return decodeJpeg(file, options, sink);
  if (isPng(file))
    return decodePng(file, options, sink);
  if (file.empty())
    return Error{"expected a PNG or JPEG picture, found an empty file"};
  if (std::string name = nameOfOther(file); !name.empty())
    return Error{"expected a PNG or JPEG picture, found " + name + "; convert it"};
  auto head = file.first(std::min<size_t>(file.size(), 4096));
  if (vitrt::unexpectedKind(head, vitrt::FileWanted::Safetensors).empty())
    return Error{"expected a picture, found a file of tensors; give it with --input"};
  return Error{"expected a PNG or JPEG picture, found another file"};
}

Result<void> checkPixels(int64_t width, int64_t height, const DecodeOptions &options) {
  if (width <= options.maxPixels / height)
    return {};
  return Error{"has " + std::to_string(width) + "x" + std::to_string(height) +
               " pixels, more than " + std::to_string(options.maxPixels) +
               "; raise --max-pixels if you trust it"};
}

//===----------------------------------------------------------------------===//
// Orientation
//===----------------------------------------------------------------------===//

namespace {

/// Numbers of a TIFF, in its byte order; 0 beyond its end.
class TiffBytes {
public:
  explicit TiffBytes(std::span<const uint8_t> bytes)
      : bytes(bytes), little(bytes.size() > 1 && bytes[0] == 'I') {}
  uint32_t number(size_t at, size_t size) const {
    uint32_t value = 0;
    if (at > bytes.size() || bytes.size() - at < size)
      return 0;
    for (size_t i = 0; i != size; ++i)
      value = value << 8 | bytes[at + (little ? size - 1 - i : i)];
    return value;
  }

private:
  std::span<const uint8_t> bytes;
  bool little;
};

} // namespace

int orientationOfExif(std::span<const uint8_t> exif) {
  static constexpr uint8_t prefix[] = {'E', 'x', 'i', 'f', 0, 0};
  while (exif.size() >= sizeof prefix && std::memcmp(exif.data(), prefix, sizeof prefix) == 0)
    exif = exif.subspan(sizeof prefix);
  if (exif.size() < 8 ||
      (std::memcmp(exif.data(), "II", 2) != 0 && std::memcmp(exif.data(), "MM", 2) != 0))
    return 1;
  TiffBytes tiff(exif);
  if (tiff.number(2, 2) != 42)
    return 1;
  size_t directory = tiff.number(4, 4), entries = tiff.number(directory, 2);
  constexpr uint32_t orientationTag = 0x0112, shortType = 3, longType = 4;
  for (size_t i = 0; i != entries; ++i) {
    size_t at = directory + 2 + 12 * i;
    if (tiff.number(at, 2) != orientationTag)
      continue;
    uint32_t type = tiff.number(at + 2, 2), count = tiff.number(at + 4, 4);
    uint32_t value = type == shortType  ? tiff.number(at + 8, 2)
                     : type == longType ? tiff.number(at + 8, 4)
                                        : 1;
    return count == 1 && value >= 1 && value <= 8 ? int(value) : 1;
  }
  return 1;
}

int orientationOfXmp(std::span<const uint8_t> xmp) {
  std::string_view text(reinterpret_cast<const char *>(xmp.data()), xmp.size());
  constexpr std::string_view name = "tiff:Orientation";
  for (size_t at = text.find(name); at != text.npos; at = text.find(name, at + 1)) {
    std::string_view rest = text.substr(at + name.size());
    if (rest.starts_with("=\""))
      rest.remove_prefix(2);
    else if (rest.starts_with(">"))
      rest.remove_prefix(1);
    else
      continue;
    if (!rest.empty() && rest[0] >= '0' && rest[0] <= '9')
      return rest[0] >= '1' && rest[0] <= '8' ? rest[0] - '0' : 1;
  }
  return 1;
}

} // namespace vitc::driver
