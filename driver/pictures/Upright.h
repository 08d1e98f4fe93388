//===- Upright.h - Pictures that lie on their side -------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_PICTURES_UPRIGHT_H
#define DRIVER_PICTURES_UPRIGHT_H

#include "driver/pictures/Decode.h"

#include <vector>

namespace vitc::driver {

/// Gives rows to another sink as they lie in an upright picture. That of orientation 1 passes them
/// on; of the others all are kept until finish().
class UprightSink : public PictureSink {
public:
  UprightSink(int orientation, PictureSink &inner) : orientation(orientation), inner(inner) {}

  vitrt::Result<void> begin(int64_t width, int64_t height) override;
  void row(int64_t index, const uint8_t *rgb) override;
  /// After the last row.
  void finish();

private:
  bool isPlain() const { return orientation <= 1; }

  int orientation;
  PictureSink &inner;
  int64_t width = 0, height = 0; ///< as in the file
  std::vector<uint8_t> pixels;
};

} // namespace vitc::driver
#endif // DRIVER_PICTURES_UPRIGHT_H
