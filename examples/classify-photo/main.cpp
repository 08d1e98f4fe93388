//===- main.cpp - What does a photo show? ---------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// libjpeg decodes, vit_preprocess makes the model's input as its own processor
// would, the model runs, and the library knows the names of its classes.
//===----------------------------------------------------------------------===//
#include "photo.h"

#include <vit/vit.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio> // jpeglib.h needs it
#include <numeric>
#include <vector>

#include <jpeglib.h>

struct Picture {
  int width = 0, height = 0;
  std::vector<unsigned char> rgb;
};

/// Of a damaged file libjpeg says what is wrong, and ends the program.
static Picture readJpeg(std::FILE *file) {
  jpeg_decompress_struct jpeg;
  jpeg_error_mgr errors;
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&jpeg);
  jpeg_stdio_src(&jpeg, file);
  jpeg_read_header(&jpeg, TRUE);
  jpeg.out_color_space = JCS_RGB;
  jpeg_start_decompress(&jpeg);
  Picture picture = {int(jpeg.output_width), int(jpeg.output_height), {}};
  std::size_t rowBytes = 3 * std::size_t(picture.width);
  picture.rgb.resize(rowBytes * std::size_t(picture.height));
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = &picture.rgb[rowBytes * jpeg.output_scanline];
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
  jpeg_destroy_decompress(&jpeg);
  return picture;
}

static int fail(const char *text) {
  std::fprintf(stderr, "classify-photo: %s\n", text);
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 3)
    return fail("usage: classify-photo model.safetensors photo.jpg");
  std::FILE *file = std::fopen(argv[2], "rb");
  if (!file)
    return fail("the photo cannot be opened");
  Picture photo = readJpeg(file);
  std::fclose(file);

  const vit_library *library = photo_library(VIT_ABI);
  std::vector<float> pixels(photo_pixel_values_size), logits(photo_logits_size);
  vit::Model model;
  vit::Workspace workspace;
  const void *const inputs[] = {pixels.data()};
  void *const outputs[] = {logits.data()};
  if (vit::preprocess(library, photo.rgb.data(), photo.width, photo.height,
                      3 * std::size_t(photo.width), pixels.data()) != VIT_OK ||
      model.load(library, argv[1]) != VIT_OK || workspace.create(model, 1) != VIT_OK ||
      workspace.runHost(1, inputs, outputs) != VIT_OK)
    return fail(vit::lastError());

  auto best = std::max_element(logits.begin(), logits.end());
  double sum = std::accumulate(logits.begin(), logits.end(), 0.0, [&](double all, float logit) {
    return all + std::exp(double(logit) - double(*best));
  });
  const char *label = vit::label(library, unsigned(best - logits.begin()));
  std::printf("%s %.1f%%\n", label ? label : "a class without a name", 100 / sum);
}
