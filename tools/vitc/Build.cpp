//===- Build.cpp - vitc build ---------------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Build.h"
#include "driver/Inputs.h"
#include "tools/vitc/Tool.h"

#include "llvm/Support/FileSystem.h"

#include <chrono>
#include <cstdio>

using namespace vitc;

namespace {

struct Options : driver::BuildOptions {
  std::string output, level;
  bool quiet = false, dryRun = false, printInputs = false;
};

/// "14 kernels, 60 fusions made and 3 refused, no spills, 17 kernels for CPUs, 41.2 s".
std::string describe(const codegen::Report &report, double seconds) {
  std::string cpu =
      report.cpu ? fmt::format("{} kernels for CPUs, ", report.cpu->kernels.size()) : "";
  if (report.cpu && report.kernels.empty())
    return fmt::format("{}{:.1f} s", cpu, seconds);
  int spilled = 0;
  bool known = true;
  for (const codegen::KernelReport &kernel : report.kernels) {
    spilled += kernel.spillBytes;
    known &= kernel.registers.has_value();
  }
  auto made =
      llvm::count_if(report.fusions, [](const codegen::FusionNote &note) { return note.made; });
  return fmt::format("{} kernels, {} fusions made and {} refused, {}, {}{:.1f} s",
                     report.kernels.size(), made, report.fusions.size() - size_t(made),
                     !known    ? "spills not known without ptxas"
                     : spilled ? fmt::format("{} bytes spilled", spilled)
                               : "no spills",
                     cpu, seconds);
}

int emit(const Options &options) {
  Console console(/*writesFiles=*/true);
  std::string output = options.output.empty() ? "-" : options.output;
  if (failed(driver::keepInputs(output, driver::inputFiles(options), console.session())))
    return console.failed();
  if (auto error = driver::checkOutput(output))
    return console.fail(std::move(error));
  auto text = driver::emit(options, options.level, console.session());
  if (failed(text))
    return console.failed();
  if (auto error = driver::writeOutput(output, *text))
    return console.fail(std::move(error));
  return exitDone;
}

int dryRun(const Options &options) {
  Console console;
  if (failed(driver::checkBuild(options, console.session())))
    return console.failed();
  if (options.printInputs)
    for (const std::string &file : driver::inputFiles(options))
      if (llvm::sys::fs::exists(file))
        printf("%s\n", file.c_str());
  return exitDone;
}

int build(const Options &options) {
  auto begin = std::chrono::steady_clock::now();
  Console console(/*writesFiles=*/true);
  driver::OutputFiles folder;
  if (auto error = folder.open(options.output))
    return console.fail(std::move(error));
  auto result = driver::build(options, console.session());
  if (failed(result))
    return console.failed();
  if (!result->stale.empty())
    folder.retire(result->stale);
  if (auto error = writeFiles(folder, result->files))
    return console.fail(std::move(error));
  if (!result->stale.empty())
    console.say(fmt::format("note: removed {}/{}, which a build with --shared had written and -l{} "
                            "would have found instead of the new library",
                            options.folder, result->stale, result->name));
  if (!options.quiet) {
    std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    if (!result->note.empty())
      console.say("note: " + result->note);
    console.say(describeFiles(options.output, result->files));
    console.say(describe(result->report, time.count()));
  }
  return exitDone;
}

} // namespace

Verb vitc::addBuild(CLI::App &app) {
  auto options = std::make_shared<Options>();
  app.footer("Example:\n  vitc build vit-b16/ -o out --name b16 --max-batch 32\n"
             "writes out/libb16.a, out/b16.h and out/b16.report.json.");
  addCompileOptions(app, options->compile);
  addAssemblerOptions(app, options->compile);
  addProfileOption(app, options->profiles);
  auto *output = app.add_option("-o,--output", options->output,
                                "folder of the files; with --emit a file (default: stdout)")
                     ->type_name("PATH");
  auto *emitted = app.add_option("--emit", options->level, "print IR or PTX instead")
                      ->check(CLI::IsMember({"vit", "kernels", "llvm", "ptx"}))
                      ->type_name("vit|kernels|llvm|ptx");
  app.add_option("--name", options->name, "name in the files and in C (default: MODEL's)")
      ->type_name("NAME");
  auto *shared =
      app.add_flag("--shared", options->shared, "also write libN.so, with the system's cc");
  auto *embed =
      app.add_flag("--embed-weights", options->embedWeights, "put the weights into the library");
  auto *weights = app.add_option("--weights", options->weights, "safetensors file to embed")
                      ->type_name("FILE")
                      ->needs(embed);
  app.add_flag("--random-weights", options->randomWeights, "embed weights made from their names")
      ->needs(embed)
      ->excludes(weights);
  app.add_flag("--allow-nonfinite", options->allowNonfinite, nonfiniteHelp)->needs(embed);
  addQuiet(app, options->quiet);
  auto *dry = app.add_flag("--dry-run", options->dryRun,
                           "read everything and say what is wrong, but compile and write nothing");
  app.add_flag("--print-inputs", options->printInputs,
               "with --dry-run: print the files that are read, one a line")
      ->needs(dry);
  emitted->excludes(dry);
  emitted->excludes(shared)->excludes(embed);
  app.callback([=] {
    if (!*output && !*emitted && !*dry)
      throw CLI::RequiredError("-o DIR");
  });
  return [options] {
    options->folder = options->level.empty() ? options->output : "";
    return options->dryRun          ? dryRun(*options)
           : options->level.empty() ? build(*options)
                                    : emit(*options);
  };
}
