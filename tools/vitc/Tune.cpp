//===- Tune.cpp - vitc tune -----------------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Tune.h"
#include "tools/vitc/Tool.h"

using namespace vitc;

Verb vitc::addTune(CLI::App &app) {
  struct Options : driver::TuneOptions {
    std::string output;
    bool quiet = false;
  };
  auto options = std::make_shared<Options>();
  app.footer("Example:\n  vitc tune vit-b16/ -o candidates --batch 1,8,32\n"
             "  vit-run --tune candidates/*.so --random-weights --batch 1,8,32 -o tuning.json\n"
             "  vitc build vit-b16/ -o out --tile-policy=tuned --tuning tuning.json");
  addCompileOptions(app, options->compile);
  addAssemblerOptions(app, options->compile);
  app.add_option("-o,--output", options->output, "folder of the candidates")->required();
  app.add_option("--name", options->name,
                 "name of the files, before _candidateI (default: MODEL's)");
  addIntegers(app, "--batch", options->batches, batchRange,
              "batches that will be timed (default 1,8,32)");
  addInteger(app, "--candidates", options->candidates, {1, 64},
             "schedules of each kernel at most (default 8)");
  addQuiet(app, options->quiet);
  return [options] {
    Console console;
    driver::OutputFiles folder;
    if (auto error = folder.open(options->output))
      return console.fail(std::move(error));
    auto files = driver::tune(*options, console.session());
    if (failed(files))
      return console.failed();
    if (auto error = writeFiles(folder, *files))
      return console.fail(std::move(error));
    if (!options->quiet)
      console.say(describeFiles(options->output, *files));
    return int(exitDone);
  };
}
