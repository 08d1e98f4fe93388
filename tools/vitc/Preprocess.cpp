//===- Preprocess.cpp - vitc preprocess -----------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Inputs.h"
#include "driver/Pictures.h"
#include "tools/vitc/Pictures.h"

#include <cstdio>

using namespace vitc;
using namespace vitc::driver;

namespace {

struct PreprocessOptions {
  CompileOptions compile;
  PictureFiles files;
  std::string output;
  bool quiet = false;
};

int preprocess(const PreprocessOptions &options) {
  Console console(/*writesFiles=*/true);
  const Session &session = console.session();
  auto files = findPictures(options.files.paths);
  if (!files)
    return console.fail(files.error());
  if (failed(keepInputs(options.output, inputFiles(options.compile, "", *files), session)))
    return console.failed();
  Compiler compiler(options.compile, session);
  if (failed(compiler.open()))
    return console.failed();
  auto recipe = needPreprocessing(compiler);
  if (failed(recipe))
    return console.failed();
  auto shape = needPixelShape(compiler);
  if (failed(shape))
    return console.failed();
  std::vector perImage = {shape->channels, shape->height, shape->width};
  if (shape->bytes)
    perImage = {shape->height, shape->width, shape->channels};
  auto rows = vitrt::SafetensorsRows::open(
      options.output, "pixel_values", shape->bytes ? vitrt::FileType::U8 : vitrt::FileType::F32,
      perImage);
  if (!rows)
    return console.fail("output " + rows.error());
  PictureReader reader(*recipe, *shape, {options.files.maxPixels, /*upright=*/true, session.stop});
  size_t unread = 0;
  auto take = [&](size_t file, PictureQueue::Pixels &&pixels) -> llvm::LogicalResult {
    if (!pixels) {
      ++unread;
      console.say((*files)[file] + ": " + pixels.error());
      return llvm::success();
    }
    const ValueShape values = {"pixel_values", perImage, shape->bytes};
    std::vector<uint8_t> memory;
    auto written =
        rows->append({static_cast<const uint8_t *>(asStored(values, *pixels, memory)),
                      pixels->size() * (shape->bytes ? sizeof(uint8_t) : sizeof(float))});
    return written ? llvm::success() : session.error("output " + written.error());
  };
  if (failed(readPictures(reader, *files, session, take)))
    return console.failed();
  console.clear();
  if (rows->rows() == 0)
    return session.stop.stop_requested()
               ? console.failed()
               : console.fail("no picture could be read, nothing written");
  int64_t count = rows->rows();
  if (auto written = rows->finish(); !written)
    return console.fail("output " + written.error());
  if (session.stop.stop_requested())
    console.say(fmt::format("interrupted, {} of {} pictures are written", count, files->size()));
  else if (!options.quiet)
    printf("wrote %s (pixel_values %lldx%s)\n", options.output.c_str(),
           static_cast<long long>(count), vitrt::shapeText(perImage).c_str());
  return session.stop.stop_requested() || unread ? exitFailed : exitDone;
}

} // namespace

Verb vitc::addPreprocess(CLI::App &app) {
  auto options = std::make_shared<PreprocessOptions>();
  app.footer("Example:\n  vitc preprocess vit-b16/ photo.jpg -o pixels.safetensors");
  addCompileOptions(app, options->compile);
  app.add_option("PICTURE", options->files.paths, "PNG or JPEG files, or folders with such")
      ->required();
  app.add_option("-o,--output", options->output, "safetensors file for pixel_values")
      ->type_name("FILE")
      ->required();
  addMaxPixels(app, options->files);
  addQuiet(app, options->quiet);
  return [options] { return preprocess(*options); };
}
