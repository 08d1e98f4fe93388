//===- Run.cpp - vitc run -------------------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Inputs.h"
#include "tools/vitc/Pictures.h"

#include <algorithm>
#include <cstdio>

using namespace vitc;
using namespace vitc::driver;

namespace {

struct RunOptions {
  CompileOptions compile;
  DeviceOptions device;
  std::string input, output;
  bool dtypeGiven = false;
};

/// The likeliest classes where there are logits, the first numbers of everything else.
void print(const RunnableModel &model, const RunResults &results) {
  for (size_t i = 0; i < model.outputs.size(); ++i) {
    const ValueShape &output = model.outputs[i];
    size_t size = size_t(output.count());
    std::span<const float> values(results.outputs[i]);
    for (int64_t image = 0; image < results.batch; ++image) {
      std::span<const float> row = values.subspan(size_t(image) * size, size);
      printf("image %lld %s:", static_cast<long long>(image), output.name.c_str());
      if (output.name == "logits" && !isFinite(row))
        printf(" no class, values are not finite");
      else if (output.name == "logits")
        for (RankedClass best : topClasses(row, 5))
          printf(" class %lld %.1f%%", static_cast<long long>(best.index), 100 * best.probability);
      else
        for (float value : row.first(std::min<size_t>(4, size)))
          printf(" %g", double(value));
      printf("%s\n", output.name != "logits" && size > 4 ? " ..." : "");
    }
  }
}

int run(const RunOptions &options) {
  Console console;
  const Session &session = console.session();
  if (failed(checkDevice(options.device, options.dtypeGiven, session)))
    return console.failed();
  std::string added = options.compile.model + "/meta.json"; // to weights made from names
  if (failed(keepInputs(options.output,
                        inputFiles(options.compile, options.device.weights,
                                   {options.input, options.device.ptx, added}),
                        session)))
    return console.failed();
  if (!options.output.empty())
    if (auto writable = checkResultsFile(options.output); !writable)
      return console.fail(writable.error());
  CompileOptions compile = options.compile;
  compile.wantedImage = imageSizeIn(options.input, compile.inputType == "u8");
  Compiler compiler(std::move(compile), session);
  Runner runner(compiler, options.device, announce);
  if (failed(compiler.open()) || failed(runner.open()))
    return console.failed();
  auto input = readInput(options.input, runner.model().input);
  if (!input)
    return console.fail(input.error());
  if (failed(runner.prepare()))
    return console.failed();
  warnOfInput(session, runner.model(), input->values);
  FiniteWatch watch(runner.model(), runner.function());
  auto results = runAll(runner.model(), *input, watch.function(),
                        [&](int64_t done, int64_t all) { session.progress("chunk", done, all); });
  if (!results)
    return console.fail(results.error());
  if (!options.output.empty())
    if (auto written = writeResults(options.output, runner.model(), *results); !written)
      return console.fail(written.error());
  console.clear();
  print(runner.model(), *results);
  fflush(stdout);
  warnOfOutputs(session, runner, watch);
  return exitDone;
}

} // namespace

Verb vitc::addRun(CLI::App &app) {
  auto options = std::make_shared<RunOptions>();
  auto pictures = std::make_shared<PictureRunOptions>();
  app.footer("Examples:\n  vitc run vit-b16/ photo.jpg holiday/ --top 3\n"
             "  vitc run digits/ --input test.safetensors --output logits.safetensors --emulate");
  addCompileOptions(app, options->compile);
  addAssemblerOptions(app, options->compile);
  addDeviceOptions(app, options->device);
  app.add_option("PICTURE", pictures->files.paths, "PNG or JPEG files, or folders with such");
  auto *input =
      app.add_option("--input", options->input,
                     "safetensors file with pixel_values [batch, channels, height, width]")
          ->type_name("FILE");
  app.add_option("--output", options->output, "safetensors file for the results, f32")
      ->type_name("FILE");
  std::vector<CLI::Option *> ofPictures = {
      addInteger(app, "--top", pictures->top, {1, 1 << 24}, "classes of each picture (default 5)"),
      app.add_flag("--json", pictures->json, "what is said of pictures as JSON"),
      addInteger(app, "--batch", pictures->batch, batchRange,
                 "pictures at a time (default: all, 64 at most)"),
      app.add_option("--classes", pictures->classes,
                     "embeddings of texts that are the classes of a model of two towers: see "
                     "docs/pictures.md")
          ->type_name("FILE"),
      addMaxPixels(app, pictures->files)};
  for (CLI::Option *option : ofPictures)
    option->group("Pictures")->excludes(input);
  CLI::Option *dtype = app.get_option("--dtype");
  app.callback([=] {
    options->dtypeGiven = dtype->count() != 0;
    if (!*input && pictures->files.paths.empty())
      throw CLI::RequiredError("PICTURE or --input x.safetensors");
    if (*input && !pictures->files.paths.empty())
      throw CLI::ValidationError("PICTURE", "pictures and --input exclude each other");
  });
  return [=] {
    if (pictures->files.paths.empty())
      return run(*options);
    pictures->compile = options->compile;
    pictures->device = options->device;
    pictures->output = options->output;
    pictures->dtypeGiven = options->dtypeGiven;
    return runPictures(*pictures);
  };
}
