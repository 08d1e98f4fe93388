//===- Run.cpp - vitc run -------------------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Inputs.h"
#include "tools/vitc/Tool.h"
#include "weights/FileKind.h"

#include <algorithm>
#include <cstdio>

using namespace vitc;
using namespace vitc::driver;

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

/// What to do with a file that is named without a flag.
std::string objectionToPicture(const std::string &path) {
  std::string head = vitrt::readHead(path);
  if (!head.empty() && vitrt::unexpectedKind(head, vitrt::FileWanted::Safetensors).empty())
    return path + ": expected a picture, found a file of tensors; give it with --input";
  return path + ": picture files are not read yet; give the pixels with --input x.safetensors";
}

int run(const RunOptions &options) {
  Console console;
  const Session &session = console.session();
  if (!options.picture.empty())
    return console.fail(objectionToPicture(options.picture));
  if (failed(checkDevice(options.device, options.dtypeGiven, session)))
    return console.failed();
  if (failed(keepInputs(
          options.output,
          inputFiles(options.compile, options.device.weights, {options.input, options.device.ptx}),
          session)))
    return console.failed();
  if (!options.output.empty())
    if (auto writable = checkResultsFile(options.output); !writable)
      return console.fail(writable.error());
  CompileOptions compile = options.compile;
  compile.wantedImage = imageSizeIn(options.input);
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
  warnOfOutputs(session, compiler, runner, watch);
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
  app.add_option("picture", options->picture)->group(""); // refused with what to do instead
  auto *input =
      app.add_option("--input", options->input,
                     "safetensors file with pixel_values [batch, channels, height, width]")
          ->type_name("FILE");
  app.add_option("--output", options->output, "safetensors file for the results, f32")
      ->type_name("FILE");
  CLI::Option *dtype = app.get_option("--dtype");
  app.callback([=] {
    options->dtypeGiven = dtype->count() != 0;
    if (!*input && options->picture.empty())
      throw CLI::RequiredError("--input x.safetensors");
  });
  return [options] { return run(*options); };
}
