//===- Check.cpp - vitc check ---------------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Bisect.h"
#include "driver/Rounding.h"
#include "tools/vitc/Tool.h"

#include <algorithm>
#include <cstdio>

using namespace vitc;
using namespace vitc::driver;

namespace {

struct CheckOptions {
  CompileOptions compile;
  DeviceOptions device;
  std::string golden;
  std::optional<double> tolerance;
  bool dtypeGiven = false, bisect = false;
};

/// Outputs of a checkpoint that the golden file has references of. A golden file names side data
/// too, so what the model does not have is no error here.
Result<std::vector<std::string>> outputsToCheck(const CompileOptions &options,
                                                const Golden &golden) {
  if (!options.outputs.empty() || llvm::StringRef(options.model).ends_with_insensitive(".mlir"))
    return options.outputs;
  auto import = checkpoint::importCheckpoint(options.model,
                                             {{}, /*checkWeights=*/false, options.architecture});
  if (!import)
    return import.takeError();
  std::vector<std::string> names;
  for (const std::string &name : import->availableOutputs)
    if (golden.reference(name))
      names.push_back(name);
  if (names.empty() && golden.labels() && llvm::is_contained(import->availableOutputs, "logits"))
    names.push_back("logits"); // which class is the largest can be judged
  if (names.empty())
    return Error{golden.path() + ": has no reference of an output of the model; it has " +
                 checkpoint::listOutputs(import->availableOutputs)};
  return names;
}

double toleranceOf(const CheckOptions &options, const Runner &runner) {
  if (options.tolerance)
    return *options.tolerance;
  return *defaultTolerance(runner.isReference() ? "reference" : runner.dtype());
}

void print(const std::string &text) {
  fputs(text.c_str(), stdout);
  fflush(stdout);
}

int checkTask(const CheckOptions &options, const GoldenTask &task, Runner &runner,
              Console &console) {
  if (failed(runner.prepare()))
    return console.failed();
  const Session &session = console.session();
  warnOfInput(session, runner.model(), task.input);
  FiniteWatch watch(runner.model(), runner.function());
  auto report =
      checkGolden(task, runner.model(), watch.function(), toleranceOf(options, runner),
                  [&](int64_t done, int64_t all) { session.progress("chunk", done, all); });
  if (!report)
    return console.fail(report.error());
  if (!options.tolerance && !runner.isReference() &&
      failed(allowForRounding(options.compile, runner.dtype(), options.device, task, session,
                              *report)))
    return console.failed();
  console.clear();
  print(reportText(*report));
  bool warned = warnOfOutputs(session, runner, watch);
  bool good = report->ok() && !warned;
  if (options.bisect) {
    int64_t batch = std::min(task.batch, runner.model().maxBatch);
    auto found =
        bisect(runner, std::span(task.input).first(size_t(batch * runner.model().input.count())),
               batch, *defaultTolerance(runner.dtype()), print);
    if (!found)
      return console.fail(found.error());
    good &= !*found;
  }
  return good ? exitDone : exitFailed;
}

/// Images of a check without a golden file: two, for an error in the second is one of addresses.
constexpr int64_t generatedImages = 2;

int check(CheckOptions &options) {
  Console console;
  const Session &session = console.session();
  if (failed(checkDevice(options.device, options.dtypeGiven, session)))
    return console.failed();
  bool reference = options.device.device == "reference";
  if (options.bisect && reference)
    return console.fail(
        "--bisect compares a device with the reference; leave out --device reference");
  if (options.bisect && options.compile.imageSize == "any")
    return console.fail("--bisect looks at a build for one size of images; give it as --image-size "
                        "HxW");
  if (reference && options.golden.empty())
    return console.fail("--device reference is what check compares with without --golden; name a "
                        "golden file, or another device");
  std::optional<Golden> golden;
  if (!options.golden.empty()) {
    auto opened = Golden::open(options.golden);
    if (!opened)
      return console.fail(opened.error());
    golden.emplace(std::move(*opened));
    auto outputs = outputsToCheck(options.compile, *golden);
    if (!outputs)
      return console.fail(outputs.error());
    options.compile.outputs = std::move(*outputs);
    options.compile.wantedImage = imageSizeIn(options.golden, options.compile.inputType == "u8");
  }
  int64_t images = golden ? golden->batch() : generatedImages;
  options.compile.wantedBatch = std::clamp<int64_t>(images, 1, 64);
  Compiler compiler(options.compile, session);
  Runner runner(compiler, options.device, announce);
  if (failed(compiler.open()) || failed(runner.open()))
    return console.failed();
  options.compile.dtype = compiler.settings().dtype; // kernels in a text have their own
  if (golden) {
    auto task = readTask(*golden, runner.model());
    return task ? checkTask(options, *task, runner, console) : console.fail(task.error());
  }
  auto task = referenceTask(options.compile, options.device, images, session.errorsOnly());
  return succeeded(task) ? checkTask(options, *task, runner, console) : console.failed();
}

} // namespace

Verb vitc::addCheck(CLI::App &app) {
  auto options = std::make_shared<CheckOptions>();
  app.footer("Example:\n  vitc check digits/ --golden test.safetensors --emulate --bisect\n"
             "The error of an output is the norm of its difference to the reference over the "
             "reference's norm. Of few\nvalues that is no average: for them the tolerance is "
             "raised to what rounding can do, see docs/use.md.");
  addCompileOptions(app, options->compile);
  addAssemblerOptions(app, options->compile);
  addDeviceOptions(app, options->device);
  app.add_option("--golden", options->golden,
                 "safetensors file with pixel_values and references, or its folder (default: what "
                 "the f64 reference makes of generated images)")
      ->type_name("FILE");
  addNumber(
      app, "--tolerance", options->tolerance, 0, 1e9,
      "largest error (default: reference 1e-10, f32 and CPU 1e-5, f16 and tf32 2e-3, bf16 2e-2)");
  app.add_flag("--bisect", options->bisect, "name the first kernel whose error jumps");
  CLI::Option *dtype = app.get_option("--dtype");
  app.callback([=] { options->dtypeGiven = dtype->count() != 0; });
  return [options] { return check(*options); };
}
