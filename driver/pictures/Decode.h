//===- Decode.h - Rows of pictures -----------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// PNG by libpng, JPEG by libjpeg-turbo; what comes out is what Pillow makes of
// the same file with convert("RGB"), byte by byte. Files come from strangers:
// what is wrong with one is an error of one line, and a size that would not fit
// into memory is refused before any is taken.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_PICTURES_DECODE_H
#define DRIVER_PICTURES_DECODE_H

#include "weights/Result.h"

#include <cstdint>
#include <span>
#include <stop_token>

namespace vitc::driver {

/// Takes the rows of a picture as a decoder has them.
class PictureSink {
public:
  virtual ~PictureSink() = default;
  /// Once, before the rows. An error ends the decoding.
  virtual vitrt::Result<void> begin(int64_t width, int64_t height) = 0;
  /// From the top to the bottom: `width` pixels of red, green, blue, valid for the call.
  virtual void row(int64_t index, const uint8_t *rgb) = 0;
};

struct DecodeOptions {
  int64_t maxPixels = 178956970; ///< Pillow's own limit: 1 GiB of pixels, twice
  bool upright = true;           ///< turned as EXIF or XMP data say
  std::stop_token stop;
};

/// Decodes a whole file, whatever its name. A file that ends early is an error, at the latest after
/// its last row.
vitrt::Result<void> decodePicture(std::span<const uint8_t> file, const DecodeOptions &options,
                                  PictureSink &sink);

//===--- What decodePicture is made of ---===//

inline bool isJpeg(std::span<const uint8_t> file) {
  return file.size() >= 3 && file[0] == 0xFF && file[1] == 0xD8 && file[2] == 0xFF;
}
bool isPng(std::span<const uint8_t> file);
vitrt::Result<void> decodeJpeg(std::span<const uint8_t> file, const DecodeOptions &options,
                               PictureSink &sink);
vitrt::Result<void> decodePng(std::span<const uint8_t> file, const DecodeOptions &options,
                              PictureSink &sink);

/// How a picture lies in its file, 1 to 8 as TIFF counts; 1 where nothing sensible says so.
int orientationOfExif(std::span<const uint8_t> exif);
int orientationOfXmp(std::span<const uint8_t> xmp);

/// "the picture has 20000x10000 pixels, ..."; empty if there may be so many.
vitrt::Result<void> checkPixels(int64_t width, int64_t height, const DecodeOptions &options);

} // namespace vitc::driver
#endif // DRIVER_PICTURES_DECODE_H
