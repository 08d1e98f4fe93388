//===- Check.cpp - vitc check ---------------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Bisect.h"
#include "driver/Runner.h"
#include "tools/common/Console.h"
#include "tools/vitc/Options.h"

#include "llvm/Support/FileSystem.h"

#include <algorithm>
#include <cstdio>

using namespace vitc;

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
  if (!options.outputs.empty() || llvm::StringRef(options.model).ends_with(".mlir"))
    return options.outputs;
  auto import = checkpoint::importCheckpoint(options.model, {{}, /*checkWeights=*/false});
  if (!import)
    return import.takeError();
  std::vector<std::string> names;
  for (const std::string &name : import->availableOutputs)
    if (golden.reference(name))
      names.push_back(name);
  if (names.empty()) {
    std::string known;
    for (const std::string &name : import->availableOutputs)
      known += (known.empty() ? "" : ", ") + name;
    return Error{golden.path() + ": has no reference of an output of the model; it has " + known};
  }
  return names;
}

double toleranceOf(const CheckOptions &options) {
  if (options.tolerance)
    return *options.tolerance;
  bool reference = options.device.device == "reference";
  return *defaultTolerance(reference ? "reference" : options.compile.dtype);
}

int checkWith(const CheckOptions &options, const Golden &golden, Compiler &compiler) {
  Runner runner(compiler, options.device);
  if (failed(runner.open()))
    return exitFailed;
  auto task = readTask(golden, runner.model());
  if (!task)
    return fail(task.error());
  if (failed(runner.prepare()))
    return exitFailed;
  Progress progress("chunk");
  auto report = checkGolden(*task, runner.model(), runner.function(), toleranceOf(options),
                            [&](int64_t done, int64_t all) { progress.show(done, all); });
  if (!report)
    return fail(report.error());
  printf("%s", reportText(*report).c_str());
  fflush(stdout);
  bool good = report->ok();
  if (options.bisect) {
    int64_t batch = std::min(task->batch, runner.model().maxBatch);
    auto found = bisect(compiler, runner,
                        std::span(task->input).first(size_t(batch * runner.model().input.count())),
                        batch, *defaultTolerance(options.compile.dtype));
    if (!found)
      return fail(found.error());
    good &= !*found;
  }
  return good ? exitDone : exitFailed;
}

int check(CheckOptions &options) {
  if (failed(checkDevice(options.device, options.dtypeGiven)))
    return exitFailed;
  if (options.bisect && options.device.device == "reference")
    return fail("--bisect compares a device with the reference; leave out --device reference");
  auto golden = Golden::open(options.golden);
  if (!golden)
    return fail(golden.error());
  auto outputs = outputsToCheck(options.compile, *golden);
  if (!outputs)
    return fail(outputs.error());
  options.compile.outputs = std::move(*outputs);
  options.compile.wantedBatch = std::clamp<int64_t>(golden->batch(), 1, 64);
  Compiler compiler(options.compile);
  if (failed(compiler.open()))
    return exitFailed;
  return checkWith(options, *golden, compiler);
}

} // namespace

Verb vitc::addCheck(CLI::App &app) {
  auto options = std::make_shared<CheckOptions>();
  app.footer("Example:\n  vitc check digits/ --golden test.safetensors --emulate --bisect\n"
             "The error of an output is the norm of its difference to the reference over the "
             "reference's norm.");
  addCompileOptions(app, options->compile);
  addAssemblerOptions(app, options->compile);
  addDeviceOptions(app, options->device);
  app.add_option("--golden", options->golden,
                 "safetensors file with pixel_values and references, or its folder")
      ->required();
  addNumber(app, "--tolerance", options->tolerance, 0, 1e9,
            "largest error (default: reference 1e-10, f16 2e-3, bf16 2e-2)");
  app.add_flag("--bisect", options->bisect, "name the first kernel whose error jumps");
  CLI::Option *dtype = app.get_option("--dtype");
  app.callback([=] { options->dtypeGiven = dtype->count() != 0; });
  return [options] { return check(*options); };
}
