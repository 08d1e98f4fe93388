//===- Run.cpp - vitc run -------------------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Runner.h"
#include "tools/common/Console.h"
#include "tools/vitc/Options.h"

#include <algorithm>
#include <cstdio>

using namespace vitc;

namespace {

struct RunOptions {
  CompileOptions compile;
  DeviceOptions device;
  std::string picture, input, output;
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
      if (output.name == "logits")
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
  if (!options.picture.empty())
    return fail(options.picture + ": picture files are not read yet; give the pixels with --input "
                                  "x.safetensors");
  if (failed(checkDevice(options.device, options.dtypeGiven)))
    return exitFailed;
  if (!options.output.empty())
    if (auto writable = checkResultsFile(options.output); !writable)
      return fail(writable.error());
  Compiler compiler(options.compile);
  if (failed(compiler.open()))
    return exitFailed;
  Runner runner(compiler, options.device);
  if (failed(runner.open()))
    return exitFailed;
  auto input = readInput(options.input, runner.model().input);
  if (!input)
    return fail(input.error());
  if (failed(runner.prepare()))
    return exitFailed;
  Progress progress("chunk");
  auto results = runAll(runner.model(), *input, runner.function(),
                        [&](int64_t done, int64_t all) { progress.show(done, all); });
  if (!results)
    return fail(results.error());
  if (!options.output.empty())
    if (auto written = writeResults(options.output, runner.model(), *results); !written)
      return fail(written.error());
  print(runner.model(), *results);
  return exitDone;
}

} // namespace

Verb vitc::addRun(CLI::App &app) {
  auto options = std::make_shared<RunOptions>();
  app.footer("Example:\n  vitc run digits/ --input test.safetensors --output logits.safetensors "
             "--emulate");
  addCompileOptions(app, options->compile);
  addAssemblerOptions(app, options->compile);
  addDeviceOptions(app, options->device);
  app.add_option("picture", options->picture, "not yet: picture files");
  auto *input =
      app.add_option("--input", options->input,
                     "safetensors file with pixel_values [batch, channels, height, width]");
  app.add_option("--output", options->output, "safetensors file for the results, f32");
  CLI::Option *dtype = app.get_option("--dtype");
  app.callback([=] {
    options->dtypeGiven = dtype->count() != 0;
    if (!*input && options->picture.empty())
      throw CLI::RequiredError("--input x.safetensors");
  });
  return [options] { return run(*options); };
}
