//===- Bench.cpp - vitc bench ---------------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/run/Bench.h"
#include "driver/Runner.h"
#include "passes/Work.h"
#include "passes/cost/Cost.h"
#include "tools/common/Console.h"
#include "tools/vitc/Options.h"

#include <algorithm>
#include <cstdio>

using namespace vitc;

namespace {

struct BenchOptions {
  CompileOptions compile;
  DeviceOptions device;
  std::vector<int> batches = {1};
  int repetitions = 100;
};

int bench(BenchOptions &options) {
  if (failed(checkDevice(options.device, false)))
    return exitFailed;
  if (options.device.device == "reference")
    return fail("--device reference: only GPU code is timed");
  options.compile.wantedBatch = *std::max_element(options.batches.begin(), options.batches.end());
  Compiler compiler(options.compile);
  if (failed(compiler.open()) || failed(compiler.lowerTo(Compiler::vit)))
    return exitFailed;
  std::vector<int64_t> flops;
  for (int batch : options.batches)
    flops.push_back(batch * countFlops(compiler.function(), batch));
  Runner runner(compiler, options.device);
  if (failed(runner.prepare()))
    return exitFailed;
  runner.announce();
  if (options.device.emulate)
    printf("times of the emulator say nothing about a GPU\n");
  const vit_library &library = *runner.library();
  auto done = benchModel(library, runner.deviceModel(), options.batches, options.repetitions);
  if (!done)
    return fail(done.error());
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
  return [options] { return bench(*options); };
}
