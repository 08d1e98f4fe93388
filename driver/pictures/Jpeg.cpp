//===- Jpeg.cpp - Rows of JPEG files ---------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// libjpeg-turbo with its defaults, which are those of Pillow: exact integer DCT,
// smooth upsampling of colours. It reports errors by longjmp, over which no
// object with a destructor may lie: all such live in JpegDecoder.
//===----------------------------------------------------------------------===//
#include "driver/pictures/Decode.h"
#include "driver/pictures/Upright.h"

#include <csetjmp>
#include <cstdio> // jpeglib.h needs it
#include <cstring>
#include <string>

#include <jpeglib.h>

#include <jerror.h>

namespace vitc::driver {
namespace {

using vitrt::Error;
using vitrt::Result;

/// A progressive file of a few bytes can ask for as many passes over all its pixels as it likes.
constexpr int mostScans = 500;

class JpegDecoder {
public:
  JpegDecoder(std::span<const uint8_t> file, const DecodeOptions &options, PictureSink &sink)
      : file(file), options(options), sink(sink) {}
  ~JpegDecoder() {
    if (created)
      jpeg_destroy_decompress(&info);
  }
  JpegDecoder(const JpegDecoder &) = delete;

  Result<void> decode() {
    if (!guarded([this] { open(); }))
      return Error{problem};
    int orientation = options.upright ? orientationInFile() : 1;
    UprightSink upright(orientation, sink);
    if (Result<void> good = begin(upright); !good)
      return good;
    row.resize(size_t(info.image_width) * size_t(info.num_components));
    rgb.resize(size_t(info.image_width) * 3);
    if (!guarded([this] { jpeg_start_decompress(&info); }))
      return Error{problem};
    while (info.output_scanline < info.output_height) {
      if (options.stop.stop_requested())
        return Error{"stopped"};
      int64_t index = info.output_scanline;
      if (!guarded([this] { readRow(); }))
        return Error{problem};
      upright.row(index, convert());
    }
    if (!guarded([this] { jpeg_finish_decompress(&info); }))
      return Error{problem};
    upright.finish();
    return {};
  }

private:
  struct Errors {
    jpeg_error_mgr base; // first: libjpeg knows of it alone
    JpegDecoder *decoder;
  };

  static JpegDecoder &of(j_common_ptr common) {
    return *reinterpret_cast<Errors *>(common->err)->decoder;
  }

  /// Runs `work`, which calls libjpeg and has no objects to destroy; false if it gave up.
  template <class Work> bool guarded(Work work) {
    if (setjmp(escape))
      return false;
    work();
    return true;
  }

  [[noreturn]] static void giveUp(j_common_ptr common) {
    char text[JMSG_LENGTH_MAX];
    common->err->format_message(common, text);
    of(common).leave(text);
  }
  [[noreturn]] void leave(const char *text) {
    snprintf(problem, sizeof problem, "is damaged: %s", text);
    for (char *c = problem; *c; ++c)
      if (*c < ' ' || *c > '~')
        *c = '?';
    longjmp(escape, 1);
  }

  /// libjpeg would go on with an end that it makes up.
  static boolean endOfFile(j_decompress_ptr info) {
    JpegDecoder &decoder = of(reinterpret_cast<j_common_ptr>(info));
    strcpy(decoder.problem, "ends early: the file is truncated");
    longjmp(decoder.escape, 1);
  }
  static void skip(j_decompress_ptr info, long bytes) {
    if (bytes <= 0)
      return;
    if (size_t(bytes) > info->src->bytes_in_buffer)
      endOfFile(info);
    info->src->next_input_byte += bytes;
    info->src->bytes_in_buffer -= size_t(bytes);
  }
  static void watchScans(j_common_ptr common) {
    if (reinterpret_cast<j_decompress_ptr>(common)->input_scan_number > mostScans)
      of(common).leave("more scans than any encoder writes");
  }

  void open() {
    info.err = jpeg_std_error(&errors.base);
    errors.decoder = this;
    errors.base.error_exit = giveUp;
    errors.base.emit_message = [](j_common_ptr, int) {}; // warnings: Pillow goes on, too
    errors.base.output_message = [](j_common_ptr) {};
    created = true;
    jpeg_create_decompress(&info);
    source.next_input_byte = file.data();
    source.bytes_in_buffer = file.size();
    source.init_source = [](j_decompress_ptr) {};
    source.fill_input_buffer = endOfFile;
    source.skip_input_data = skip;
    source.resync_to_restart = jpeg_resync_to_restart;
    source.term_source = [](j_decompress_ptr) {};
    info.src = &source;
    progress.progress_monitor = watchScans;
    info.progress = &progress;
    jpeg_save_markers(&info, JPEG_APP0 + 1, 0xFFFF); // EXIF and XMP
    jpeg_read_header(&info, TRUE);
  }

  Result<void> begin(UprightSink &upright) {
    if (info.num_components != 1 && info.num_components != 3 && info.num_components != 4)
      return Error{"has " + std::to_string(info.num_components) +
                   " colour components, expected 1, 3 or 4"};
    if (Result<void> good = checkPixels(info.image_width, info.image_height, options); !good)
      return good;
    info.out_color_space = info.num_components == 1   ? JCS_GRAYSCALE
                           : info.num_components == 3 ? JCS_RGB
                                                      : JCS_CMYK;
    return upright.begin(info.image_width, info.image_height);
  }

  void readRow() {
    JSAMPROW rows[] = {row.data()};
    jpeg_read_scanlines(&info, rows, 1); // gives one, for it cannot be suspended
  }

  const uint8_t *convert() {
    size_t width = info.image_width;
    if (info.num_components == 3)
      return row.data();
    if (info.num_components == 1) {
      for (size_t x = 0; x != width; ++x)
        std::memset(&rgb[3 * x], row[x], 3);
      return rgb.data();
    }
    // As Adobe writes it, inverted, whatever a file says.
    for (size_t x = 0; x != width; ++x) {
      const uint8_t *cmyk = &row[4 * x];
      for (size_t c = 0; c != 3; ++c) {
        int product = (255 - cmyk[c]) * cmyk[3] + 128;
        rgb[3 * x + c] = uint8_t(cmyk[3] - ((product + (product >> 8)) >> 8));
      }
    }
    return rgb.data();
  }

  int orientationInFile() const {
    static constexpr std::string_view exifName("Exif\0\0", 6),
        xmpName("http://ns.adobe.com/xap/1.0/\0", 29);
    int exif = 1, xmp = 1;
    bool hasExif = false;
    for (jpeg_saved_marker_ptr marker = info.marker_list; marker; marker = marker->next) {
      std::span<const uint8_t> data(marker->data, marker->data_length);
      std::string_view text(reinterpret_cast<const char *>(marker->data), marker->data_length);
      if (text.starts_with(exifName) && !hasExif) {
        hasExif = true;
        exif = orientationOfExif(data);
      } else if (text.starts_with(xmpName)) {
        xmp = orientationOfXmp(data.subspan(xmpName.size()));
      }
    }
    return exif != 1 ? exif : xmp;
  }

  std::span<const uint8_t> file;
  const DecodeOptions &options;
  PictureSink &sink;
  jpeg_decompress_struct info = {};
  Errors errors = {};
  jpeg_source_mgr source = {};
  jpeg_progress_mgr progress = {};
  jmp_buf escape;
  bool created = false;
  char problem[JMSG_LENGTH_MAX + 32] = {};
  std::vector<uint8_t> row, rgb;
};

} // namespace

Result<void> decodeJpeg(std::span<const uint8_t> file, const DecodeOptions &options,
                        PictureSink &sink) {
  return JpegDecoder(file, options, sink).decode();
}

} // namespace vitc::driver
