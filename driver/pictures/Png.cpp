//===- Png.cpp - Rows of PNG files -----------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// All colour types and depths as Pillow's convert("RGB") has them: transparency
// and gamma are ignored, of 16 bits the upper eight count, except in gray without
// alpha, where all beyond 255 is white. libpng reports errors by longjmp, over
// which no object with a destructor may lie: all such live in PngDecoder.
//===----------------------------------------------------------------------===//
#include "driver/pictures/Decode.h"
#include "driver/pictures/Upright.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include <png.h>

namespace vitc::driver {
namespace {

using vitrt::Error;
using vitrt::Result;

uint32_t bigEndian(const uint8_t *bytes) {
  return uint32_t(bytes[0]) << 24 | uint32_t(bytes[1]) << 16 | uint32_t(bytes[2]) << 8 | bytes[3];
}

/// Of the chunk eXIf, or of XMP in an iTXt that is not compressed, wherever in the file.
int orientationInChunks(std::span<const uint8_t> file) {
  static constexpr std::string_view xmpName("XML:com.adobe.xmp\0\0", 19);
  int exif = 1, xmp = 1;
  for (size_t at = 8; file.size() - at >= 12;) {
    size_t length = bigEndian(&file[at]);
    if (length > file.size() - at - 12)
      break;
    std::string_view type(reinterpret_cast<const char *>(&file[at + 4]), 4);
    std::span<const uint8_t> data = file.subspan(at + 8, length);
    std::string_view text(reinterpret_cast<const char *>(data.data()), data.size());
    if (type == "eXIf")
      exif = orientationOfExif(data);
    else if (type == "iTXt" && text.starts_with(xmpName))
      xmp = orientationOfXmp(data.subspan(xmpName.size()));
    at += 12 + length;
  }
  return exif != 1 ? exif : xmp;
}

class PngDecoder {
public:
  PngDecoder(std::span<const uint8_t> file, const DecodeOptions &options, PictureSink &sink)
      : file(file), options(options), sink(sink) {}
  ~PngDecoder() {
    if (png)
      png_destroy_read_struct(&png, &info, nullptr);
  }
  PngDecoder(const PngDecoder &) = delete;

  Result<void> decode() {
    if (!guarded([this] { open(); }))
      return Error{problem};
    if (Result<void> good = checkPixels(width, height, options); !good)
      return good;
    UprightSink upright(options.upright ? orientationInChunks(file) : 1, sink);
    if (Result<void> good = upright.begin(width, height); !good)
      return good;
    if (!guarded([this] { prepare(); }))
      return Error{problem};
    rgb.resize(size_t(width) * 3);
    // Passes of interlaced files each have pixels of all rows.
    pixels.resize(rowBytes * size_t(passes > 1 ? height : 1));
    for (int pass = 0; pass != passes; ++pass)
      for (int64_t y = 0; y != height; ++y) {
        if (options.stop.stop_requested())
          return Error{"stopped"};
        current = &pixels[rowBytes * size_t(passes > 1 ? y : 0)];
        if (!guarded([this] { png_read_row(png, current, nullptr); }))
          return Error{problem};
        if (pass + 1 == passes)
          upright.row(y, convert());
      }
    if (!guarded([this] { png_read_end(png, nullptr); }))
      return Error{problem};
    upright.finish();
    return {};
  }

private:
  template <class Work> bool guarded(Work work) {
    if (setjmp(escape))
      return false;
    work();
    return true;
  }

  [[noreturn]] static void giveUp(png_structp png, png_const_charp text) {
    auto &decoder = *static_cast<PngDecoder *>(png_get_error_ptr(png));
    snprintf(decoder.problem, sizeof decoder.problem, "is damaged: %s", text);
    for (char *c = decoder.problem; *c; ++c)
      if (*c < ' ' || *c > '~')
        *c = '?';
    longjmp(decoder.escape, 1);
  }

  static void readBytes(png_structp png, png_bytep out, size_t count) {
    auto &decoder = *static_cast<PngDecoder *>(png_get_io_ptr(png));
    if (count > decoder.file.size() - decoder.at) {
      strcpy(decoder.problem, "ends early: the file is truncated");
      longjmp(decoder.escape, 1);
    }
    std::memcpy(out, &decoder.file[decoder.at], count);
    decoder.at += count;
  }

  void open() {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, giveUp,
                                 [](png_structp, png_const_charp) {});
    info = png ? png_create_info_struct(png) : nullptr;
    if (!info) {
      strcpy(problem, "no memory to read it");
      longjmp(escape, 1);
    }
    png_set_read_fn(png, this, readBytes);
    png_set_user_limits(png, 0x7FFFFFFF, 0x7FFFFFFF); // the pixels are counted later
    png_set_chunk_malloc_max(png, 8 << 20);
    // Chunks that change nothing here are not even unpacked.
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_read_info(png, info);
    width = png_get_image_width(png, info);
    height = png_get_image_height(png, info);
  }

  void prepare() {
    int type = png_get_color_type(png, info), depth = png_get_bit_depth(png, info);
    wideGray = type == PNG_COLOR_TYPE_GRAY && depth == 16;
    if (type == PNG_COLOR_TYPE_PALETTE)
      png_set_palette_to_rgb(png);
    else if (type == PNG_COLOR_TYPE_GRAY && depth < 8)
      png_set_expand_gray_1_2_4_to_8(png);
    if (depth == 16 && !wideGray)
      png_set_strip_16(png);
    png_set_strip_alpha(png);
    if (!(type & PNG_COLOR_MASK_COLOR) && !wideGray)
      png_set_gray_to_rgb(png);
    passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    rowBytes = png_get_rowbytes(png, info);
  }

  const uint8_t *convert() {
    if (!wideGray)
      return current;
    for (int64_t x = 0; x != width; ++x) {
      int value = current[2 * x] << 8 | current[2 * x + 1];
      std::memset(&rgb[size_t(3 * x)], std::min(value, 255), 3);
    }
    return rgb.data();
  }

  std::span<const uint8_t> file;
  const DecodeOptions &options;
  PictureSink &sink;
  png_structp png = nullptr;
  png_infop info = nullptr;
  jmp_buf escape;
  char problem[256] = {};
  size_t at = 0, rowBytes = 0;
  int64_t width = 0, height = 0;
  int passes = 1;
  bool wideGray = false;
  std::vector<uint8_t> pixels, rgb;
  uint8_t *current = nullptr;
};

} // namespace

Result<void> decodePng(std::span<const uint8_t> file, const DecodeOptions &options,
                       PictureSink &sink) {
  return PngDecoder(file, options, sink).decode();
}

} // namespace vitc::driver
