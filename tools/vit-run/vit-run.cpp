//===- vit-run.cpp - Run a model library where only a driver is ------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// For the machine a model is deployed on: no compiler, no LLVM, one executable
// and the library that `vitc build --shared` wrote. It runs files, proves the
// numbers against golden ones, and times.
//===----------------------------------------------------------------------===//
#include "driver/run/Bench.h"
#include "driver/run/Finite.h"
#include "driver/run/Golden.h"
#include "driver/run/KernelTimes.h"
#include "driver/run/Library.h"
#include "driver/run/ReadFile.h"
#include "driver/run/SameFile.h"
#include "runtime/Inspect.h"
#include "runtime/Recipe.h"
#include "runtime/Tolerance.h"
#include "tools/common/Arguments.h"
#include "tools/common/Console.h"
#include "tools/vit-run/Tune.h"

#include <algorithm>
#include <climits>
#include <cstdio>
#include <memory>

using namespace vitc;
using namespace vitc::driver;

namespace {

struct Options {
  std::string library, weights, input, output, golden, kernel, device = "auto", dtype = "f16", ptx,
                                                               tuning, report;
  std::vector<std::string> candidates;
  bool randomWeights = false, emulate = false, bench = false, noGraph = false, profile = false,
       json = false, allowNonfinite = false, selfCheck = false;
  int maxBatch = 0, repetitions = 100;
  int64_t rows = 0;
  double tolerance = -1, flops = 0;
  std::vector<int> batches = {1};
  std::vector<vitrt::ImageSize> sizes = {{}}; ///< of images, to be timed; {}: the native one
};

int fail(const std::string &text) { return vitc::fail("vit-run", text); }

/// --image-size.
CLI::Option *addImageSizes(CLI::App &app, std::vector<vitrt::ImageSize> &sizes) {
  auto take = [&sizes](const std::vector<std::string> &texts) {
    constexpr IntegerRange sides = {1, 1 << 16};
    sizes.clear();
    for (const std::string &text : texts) {
      size_t x = text.find('x');
      if (x == text.npos)
        throw CLI::ValidationError("--image-size", "expected HxW, found '" + text + "'");
      sizes.push_back({int(parseInteger("--image-size", text.substr(0, x), sides)),
                       int(parseInteger("--image-size", text.substr(x + 1), sides))});
    }
  };
  return app
      .add_option_function<std::vector<std::string>>(
          "--image-size", take, "sizes of images to time, of a library for any: 224x224,384x512")
      ->delimiter(',')
      ->type_name("HxW,...");
}

void describe(CLI::App &app, Options &options) {
  constexpr IntegerRange positive = {1, INT_MAX};
  app.footer("Example:\n  vit-run libb16.so --weights model.safetensors --check io.safetensors\n"
             "  vit-run libb16.so --weights model.safetensors --self-check\n"
             "  vit-run libb16.so --random-weights --bench --batch 1,8,32\n"
             "  vit-run libb16.so --random-weights --profile --batch 8 --report b16.report.json\n"
             "  vit-run --tune candidates/*.so --random-weights --batch 1,8,32 -o tuning.json");
  auto *library =
      app.add_option("library", options.library, "shared library that `vitc build --shared` wrote");
  auto *weights = app.add_option("--weights", options.weights, "safetensors file of the model");
  app.add_flag("--random-weights", options.randomWeights, "make weights from their names")
      ->excludes(weights);
  app.add_flag("--allow-nonfinite", options.allowNonfinite, nonfiniteHelp);
  auto *input = app.add_option("--input", options.input, "safetensors file with the input");
  auto *output = app.add_option("--output", options.output, "safetensors file to write");
  output->needs(input);
  auto *check = app.add_option("--check", options.golden, "golden file, or the folder it lies in");
  addNumber(app, "--tolerance", options.tolerance, 0, 1e9, "largest error, instead of the dtype's")
      ->needs(check);
  app.add_option("--dtype", options.dtype, "what the library computes in, for the tolerance")
      ->check(CLI::IsMember({"f32", "f16", "tf32", "bf16", "i8"}))
      ->capture_default_str();
  auto *selfCheck = app.add_flag("--self-check", options.selfCheck,
                                 "hold what the device makes of one image against the library's "
                                 "code for CPUs; needs no file but the weights");
  auto *bench = app.add_flag("--bench", options.bench, "time whole runs");
  app.add_flag("--no-graph", options.noGraph, noGraphHelp)->needs(bench);
  addImageSizes(app, options.sizes)->needs(bench);
  auto *profile = app.add_flag("--profile", options.profile,
                               "time every kernel within whole runs, launched one by one");
  app.add_option("--report", options.report,
                 "N.report.json of the library's build, to show what it predicts beside the times")
      ->needs(profile);
  app.add_flag("--json", options.json, "print the times of --profile as JSON")->needs(profile);
  auto *candidates = app.add_option("--tune", options.candidates,
                                    "time the kernels of these libraries, which `vitc tune` wrote, "
                                    "and keep the fastest of each")
                         ->expected(1, 1 << 10);
  auto *tuning = app.add_option("-o,--tuning", options.tuning, "file of the fastest");
  candidates->needs(tuning);
  tuning->needs(candidates);
  auto *batches =
      addIntegers(app, "--batch", options.batches, positive, "batches to time: 1,8,32 (default 1)");
  auto *kernel =
      app.add_option("--bench-kernel", options.kernel, "time one kernel, or one function of it");
  auto *rows =
      addInteger(app, "--rows", options.rows, positive, "rows of its result (batch * tokens)");
  kernel->needs(rows);
  rows->needs(kernel);
  addNumber(app, "--flops", options.flops, 1, 1e18,
            "FLOPs of one launch, instead of 2 * rows * N * K")
      ->needs(kernel);
  addInteger(app, "--repetitions", options.repetitions, positive,
             "measurements of a benchmark (default 100)");
  addInteger(app, "--max-batch", options.maxBatch, positive,
             "images per run, at most the library's");
  addDevice(app, options.device, {});
  app.add_flag("--emulate", options.emulate, "run on the emulator of vitc, without a GPU");
  app.add_option("--ptx", options.ptx, "PTX file whose kernels replace those of the same name");
  input->excludes(check)->excludes(bench)->excludes(kernel);
  check->excludes(bench)->excludes(kernel);
  bench->excludes(kernel);
  for (auto *other : {input, check, bench, kernel})
    profile->excludes(other);
  for (auto *other : {input, check, bench, kernel, profile})
    selfCheck->excludes(other);
  for (auto *other : {library, input, check, selfCheck, bench, kernel, profile})
    candidates->excludes(other);
  app.callback([=] {
    if (*batches && !*bench && !*profile && !*candidates)
      throw CLI::RequiredError("--batch: one of --bench, --profile and --tune");
    if (*candidates)
      return;
    if (!*library)
      throw CLI::RequiredError("library");
    if (!*input && !*check && !*selfCheck && !*bench && !*profile && !*kernel)
      throw CLI::RequiredError("one of --input, --check, --self-check, --bench, --profile, "
                               "--bench-kernel and --tune");
  });
}

void warn(const std::string &text) {
  fflush(stdout);
  fail("warning: " + text);
}

/// Where the weights come from. The source refers to the file, which therefore must not move.
struct Weights {
  std::unique_ptr<vitrt::Safetensors> file;
  std::unique_ptr<vitrt::WeightSource> source; // NULL: embedded
};

Result<Weights> openWeights(const Options &options, const vit_library &library) {
  Weights weights;
  if (!options.weights.empty()) {
    auto file = vitrt::Safetensors::open(options.weights);
    if (!file)
      return Error{"weights " + file.error()};
    weights.file = std::make_unique<vitrt::Safetensors>(std::move(*file));
    weights.source = std::make_unique<vitrt::FileSource>(*weights.file);
    return weights;
  }
  if (options.randomWeights) {
    HashCase rule;
    if (!options.golden.empty()) { // its meta.json may add to tensors
      auto found =
          readHashCase(options.golden.substr(0, options.golden.find_last_of('/') + 1) + ".");
      auto inside = readHashCase(options.golden);
      for (auto *result : {&found, &inside})
        if (!*result)
          return result->takeError();
        else if (**result)
          rule = ***result;
    }
    weights.source = std::make_unique<vitrt::FunctionSource>(vitrt::hashSource(rule.add));
    return weights;
  }
  if (!library.embedded && library.weight_bytes)
    return Error{"the library has no embedded weights; name them with --weights, or make some with "
                 "--random-weights"};
  return weights;
}

Result<vitrt::ModelPtr> loadModel(const Options &options, const vit_library &library) {
  auto weights = openWeights(options, library);
  if (!weights)
    return weights.takeError();
  std::string ptx;
  if (!options.ptx.empty()) {
    auto text = readText(options.ptx, "PTX text");
    if (!text)
      return Error{"--ptx '" + options.ptx + "' " + text.error()};
    ptx = std::move(*text);
  }
  vitrt::LoadOptions load;
  load.ptx = std::move(ptx);
  load.allowNonfinite = options.allowNonfinite;
  load.warn = warn;
  return vitrt::loadModelFrom(&library, weights->source.get(), deviceName(options.device), load);
}

/// Runs chunks on the device through host memory.
class DeviceRun {
public:
  DeviceRun(vit_workspace *workspace, const ValueShape &input)
      : workspace(workspace), input(input) {}

  Result<void> operator()(int64_t batch, std::span<const float> images,
                          std::span<std::vector<double>> outputs) {
    values.resize(outputs.size());
    const void *inputs[] = {asStored(input, images, bytes)};
    std::vector<void *> pointers;
    for (size_t i = 0; i != outputs.size(); ++i) {
      values[i].resize(outputs[i].size());
      pointers.push_back(values[i].data());
    }
    if (auto done = vitrt::runHostObserved(workspace, int(batch), inputs, 1, pointers.data(),
                                           int(pointers.size()), {});
        !done)
      return done;
    for (size_t i = 0; i != outputs.size(); ++i)
      std::copy(values[i].begin(), values[i].end(), outputs[i].begin());
    return {};
  }

private:
  vit_workspace *workspace;
  const ValueShape &input;
  std::vector<uint8_t> bytes;
  std::vector<std::vector<float>> values;
};

/// What came out, where no file was asked for: the likeliest class of each image.
void printResults(const RunnableModel &model, const RunResults &results) {
  for (size_t i = 0; i != model.outputs.size(); ++i) {
    const ValueShape &output = model.outputs[i];
    printf("%s: %lld of %s\n", output.name.c_str(), (long long)results.batch,
           vitrt::shapeText(output.perImage).c_str());
    if (output.name != "logits" || output.perImage.size() != 1)
      continue;
    size_t classes = size_t(output.count());
    for (int64_t image = 0; image != results.batch; ++image) {
      auto logits = std::span(results.outputs[i]).subspan(size_t(image) * classes, classes);
      if (!isFinite(logits)) {
        printf("image %lld: no class, values are not finite\n", (long long)image);
        continue;
      }
      for (RankedClass best : topClasses(logits, 1))
        printf("image %lld: class %lld, %.1f %%\n", (long long)image, (long long)best.index,
               100 * best.probability);
    }
  }
}

void warnOfInput(const ValueShape &input, std::span<const float> values) {
  for (const std::string &warning : inputWarnings(input, values))
    warn("input " + warning);
}

/// False if all are numbers.
bool warnOfOutputs(vit_workspace *workspace, const vit_library &library, const RunnableModel &model,
                   const FiniteWatch &watch) {
  if (!watch.finding())
    return false;
  auto step = explainStep(workspace, library, model, *watch.finding());
  warn(watch.finding()->text() + (step ? *step : ": " + step.error()));
  return true;
}

/// Only the compiler has the reference that says how far rounding moves an output.
void noteFewValues(const CheckReport &report) {
  for (const OutputCheck &output : report.outputs)
    if (!output.ok && output.values <= vitrt::fewValues)
      printf("note: '%s' has %lld values, too few for errors to average out; vitc check knows what "
             "rounding can do to them\n",
             output.name.c_str(), (long long)output.values);
}

/// --input or --check.
Result<int> runFiles(const Options &options, const vit_library &library, const vit_model *model) {
  vitrt::ImageSize size =
      imageSizeFor(library, options.golden.empty() ? options.input : options.golden);
  auto runnable = runnableModel(library, options.maxBatch, size);
  if (!runnable)
    return runnable.takeError();
  std::optional<Golden> golden;
  InputBatch input;
  if (!options.golden.empty()) {
    auto opened = Golden::open(options.golden);
    if (!opened)
      return opened.takeError();
    golden.emplace(std::move(*opened));
    input.batch = golden->batch();
  } else {
    auto read = readInput(options.input, runnable->input);
    if (!read)
      return read.takeError();
    input = std::move(*read);
  }
  if (!runnable->batchAxis) // else runChunks names the limit
    runnable->maxBatch = std::min(runnable->maxBatch, std::max<int64_t>(1, input.batch));
  auto workspace = vitrt::createWorkspace(model, int(runnable->maxBatch), size);
  if (!workspace)
    return workspace.takeError();
  Progress progress;
  auto show = [&](int64_t done, int64_t all) { progress.show("chunk", done, all); };
  FiniteWatch watch(*runnable, DeviceRun(workspace->get(), runnable->input));
  RunFunction run = watch.function();
  if (golden) {
    // Code for CPUs computes in f32 but under bf16 and i8.
    bool inF32 = vitrt::runsOnCpu(model) && options.dtype != "bf16" && options.dtype != "i8";
    std::string dtype = inF32 ? "f32" : options.dtype;
    double tolerance = options.tolerance >= 0 ? options.tolerance : *defaultTolerance(dtype);
    auto task = readTask(*golden, *runnable);
    if (!task)
      return task.takeError();
    warnOfInput(runnable->input, task->input);
    auto report = checkGolden(*task, *runnable, run, tolerance, show);
    if (!report)
      return report.takeError();
    printf("%s", reportText(*report).c_str());
    noteFewValues(*report);
    return warnOfOutputs(workspace->get(), library, *runnable, watch) || !report->ok() ? exitFailed
                                                                                       : exitDone;
  }
  warnOfInput(runnable->input, input.values);
  auto results = runAll(*runnable, input, run, show);
  if (!results)
    return results.takeError();
  if (options.output.empty())
    printResults(*runnable, *results);
  else if (auto written = writeResults(options.output, *runnable, *results); !written)
    return written.takeError();
  warnOfOutputs(workspace->get(), library, *runnable, watch);
  return exitDone;
}

/// --self-check. Weights that are made from names are made again; a file the model knows itself.
int selfCheck(const Options &options, const vit_library &library, const vit_model *model) {
  Weights again;
  if (options.randomWeights) {
    auto opened = openWeights(options, library);
    if (!opened)
      return fail(opened.error());
    again = std::move(*opened);
  }
  std::string report;
  auto checked = vitrt::checkModel(model, again.source.get(), report);
  fputs(report.c_str(), stdout);
  fflush(stdout);
  return checked ? exitDone : fail(checked.error());
}

/// What would be lost, or could not be written, in the end is said before anything runs.
Result<void> checkOutputs(const Options &options) {
  std::vector<std::string> inputs = {options.library, options.input, options.ptx};
  inputs.insert(inputs.end(), options.candidates.begin(), options.candidates.end());
  if (!options.weights.empty())
    for (std::string &file : vitrt::Safetensors::filesOf(options.weights))
      inputs.push_back(std::move(file));
  for (const std::string *output : {&options.output, &options.tuning}) {
    if (output->empty())
      continue;
    if (std::string why = objectionToOutput(*output, inputs); !why.empty())
      return Error{why};
    if (auto writable = checkResultsFile(*output); !writable)
      return writable;
  }
  return {};
}

int tuneLibraries(const Options &options) {
  if (options.emulate)
    printf("times of the emulator say nothing about a GPU\n");
  auto tuning = tune(options.candidates, options.batches, options.repetitions,
                     [&](const vit_library &library) { return loadModel(options, library); });
  if (!tuning)
    return fail(tuning.error());
  if (auto written = writeTuning(options.tuning, *tuning); !written)
    return fail(written.error());
  return exitDone;
}

/// --profile: a table for each batch, or all in one list of JSON.
int profile(const Options &options, const vit_library &library, const vit_model *model) {
  std::optional<ReportTimes> report;
  if (!options.report.empty()) {
    auto read = readReportTimes(options.report);
    if (!read)
      return fail(read.error());
    report = std::move(*read);
  }
  std::string json;
  for (int batch : options.batches) {
    auto times =
        timeKernels(library, model, batch, options.repetitions, report ? &*report : nullptr);
    if (!times)
      return fail(times.error());
    if (options.json)
      json += (json.empty() ? "" : ",\n") + kernelJson(*times);
    else
      fputs(kernelTable(*times).c_str(), stdout);
    fflush(stdout);
  }
  if (options.json)
    printf("[%s]\n", json.c_str());
  return exitDone;
}

/// --bench or --bench-kernel.
int bench(const Options &options, const vit_library &library, const vit_model *model) {
  auto print = [](const Result<std::string> &line) {
    if (line)
      fputs(line->c_str(), stdout);
    fflush(stdout);
    return line ? exitDone : fail(line.error());
  };
  if (!options.bench)
    return print(benchKernel(library, model, options.kernel, options.rows, options.flops,
                             options.repetitions));
  for (vitrt::ImageSize size : options.sizes)
    for (int batch : options.batches)
      if (int code =
              print(benchModel(library, model, batch, options.repetitions, !options.noGraph, size)))
        return code;
  return exitDone;
}

int run(const Options &options) {
  if (options.emulate)
    vitrt::setDriverPath(emulatorPath());
  if (auto good = checkOutputs(options); !good)
    return fail(good.error());
  if (!options.candidates.empty())
    return tuneLibraries(options);
  auto library = openLibrary(options.library);
  if (!library)
    return fail(library.error());
  auto model = loadModel(options, **library);
  if (!model)
    return fail(model.error());
  if (options.selfCheck)
    return selfCheck(options, **library, model->get());
  if (!options.json) {
    printf("device: %s\n", vit_model_description(model->get()));
    fflush(stdout);
  }
  if (options.profile)
    return profile(options, **library, model->get());
  if (options.bench || !options.kernel.empty())
    return bench(options, **library, model->get());
  auto code = runFiles(options, **library, model->get());
  return code ? *code : fail(code.error());
}

} // namespace

int main(int argc, char **argv) {
  return runTool("vit-run", [=] {
    Options options;
    CLI::App app("Runs, checks and times a model library on a machine that has only a driver",
                 "vit-run");
    describe(app, options);
    auto code = parseCommandLine(app, argc, argv);
    return code ? *code : run(options);
  });
}
