//===- pictures.cpp - Bent PNG and JPEG files -----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// What is taken becomes pixel values, turned and reduced; what is not has a
// text. Checksums of PNG chunks are put right after a mutation, or nothing would
// get past the first.
//===----------------------------------------------------------------------===//
#include "driver/pictures/Reader.h"
#include "test/fuzz/Mutate.h"

#include <cstring>

using namespace vitc::driver;
using namespace vitc::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  vit_preprocessing recipe = {};
  recipe.processor = size % 3;
  recipe.resize = VIT_RESIZE_SHORTEST;
  recipe.resize_height = recipe.resize_width = 9;
  recipe.filter = VIT_PICTURE_BICUBIC;
  recipe.crop_height = recipe.crop_width = 8;
  recipe.rescale = recipe.exif_orientation = 1;
  recipe.scale = 1.0 / 255;
  DecodeOptions options;
  options.maxPixels = 1 << 20;
  PictureReader reader(recipe, {3, 8, 8}, options);
  auto pixels = reader.decode({data, size}, /*beside=*/false);
  if (!pixels) {
    if (pixels.error().empty() || pixels.error().find('\n') != std::string::npos)
      __builtin_trap();
    return 0;
  }
  for (float value : *pixels)
    if (!(value >= 0 && value <= 1.0001f))
      __builtin_trap();
  return 0;
}

static uint32_t checksum(const uint8_t *bytes, size_t size) {
  uint32_t sum = ~0u;
  for (size_t i = 0; i != size; ++i) {
    sum ^= bytes[i];
    for (int bit = 0; bit != 8; ++bit)
      sum = sum >> 1 ^ (sum & 1 ? 0xEDB88320u : 0);
  }
  return ~sum;
}

static void repair(uint8_t *data, size_t size) {
  for (size_t at = 8; size >= 12 && at <= size - 12;) {
    size_t length = size_t(data[at]) << 24 | size_t(data[at + 1]) << 16 |
                    size_t(data[at + 2]) << 8 | data[at + 3];
    if (length > size - at - 12)
      return;
    uint32_t sum = checksum(data + at + 4, length + 4);
    for (int i = 0; i != 4; ++i)
      data[at + 8 + length + size_t(i)] = uint8_t(sum >> (24 - 8 * i));
    at += 12 + length;
  }
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  size = LLVMFuzzerMutate(data, size, maxSize);
  if (isPng({data, size}) && !Random(seed).oneIn(8))
    repair(data, size);
  return size;
}
