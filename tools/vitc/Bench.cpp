//===- Bench.cpp - vitc bench ---------------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/run/Bench.h"
#include "passes/CostBridge.h"
#include "passes/cost/Cost.h"
#include "tools/vitc/Tool.h"

#include <algorithm>
#include <cstdio>

using namespace vitc;
using namespace vitc::driver;

namespace {

struct BenchOptions {
  CompileOptions compile;
  DeviceOptions device;
  std::vector<int> batches = {1};
  int repetitions = 100;
  bool noGraph = false;
};

int bench(BenchOptions &options) {
  Console console;
  const Session &session = console.session();
  if (failed(checkDevice(options.device, false, session)))
    return console.failed();
  if (options.device.device == "reference")
    return console.fail("--device reference: only code that is built is timed");
  options.compile.wantedBatch = *std::max_element(options.batches.begin(), options.batches.end());
  Compiler compiler(options.compile, session);
  if (failed(compiler.open()) || failed(compiler.lowerTo(Compiler::vit)))
    return console.failed();
  std::vector<int64_t> flops;
  for (int batch : options.batches)
    flops.push_back(batch * countFlops(compiler.function(), batch));
  Runner runner(compiler, options.device, announce);
  if (failed(runner.prepare()))
    return console.failed();
  runner.announce();
  if (options.device.emulate)
    printf("times of the emulator say nothing about a GPU\n");
  const vit_library &library = *runner.library();
  for (int batch : options.batches) {
    auto line = benchModel(library, runner.deviceModel(), batch, options.repetitions,
                           !options.noGraph && !runner.isCpu());
    if (!line)
      return console.fail(line.error());
    fputs(line->c_str(), stdout);
    fflush(stdout);
  }
  if (runner.isCpu())
    return exitDone;
  const cost::Gpu &gpu = *cost::findGpu(options.compile.gpu);
  for (size_t i = 0; i < flops.size(); ++i)
    if (flops[i] > 0)
      printf("batch %d: %.3f GFLOP; no less than %.1f us on %s\n", options.batches[i],
             double(flops[i]) * 1e-9,
             rooflineOf(compiler.module(), gpu, options.batches[i]).seconds * 1e6, gpu.name);
  return exitDone;
}

} // namespace

Verb vitc::addBench(CLI::App &app) {
  auto options = std::make_shared<BenchOptions>();
  app.footer("Example:\n  vitc bench vit-b16/ --random-weights --batch 1,8,32");
  addCompileOptions(app, options->compile);
  addAssemblerOptions(app, options->compile);
  addDeviceOptions(app, options->device);
  addIntegers(app, "--batch", options->batches, batchRange, "batches to time: 1,8,32 (default 1)");
  addInteger(app, "--repetitions", options->repetitions, {1, 1000000},
             "runs of each batch (default 100)");
  app.add_flag("--no-graph", options->noGraph, noGraphHelp);
  return [options] { return bench(*options); };
}
