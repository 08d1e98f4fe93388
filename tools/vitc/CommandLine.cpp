//===- CommandLine.cpp - The verbs of vitc, and its manual -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "tools/vitc/CommandLine.h"

#include "frontend/checkpoint/Registry.h"
#include "tools/common/LlvmErrors.h"
#include "tools/vitc/Tool.h"

#include <cstdio>

using namespace vitc;

static int run(int argc, char **argv) {
  CLI::App app("Compiles a Vision Transformer into a static library and a C header", "vitc");
  app.set_version_flag("--version", codegen::compilerIdentity());
  app.require_subcommand(1);
  app.footer("Example:\n  vitc build vit-b16/ -o out --dtype f16\n  vitc VERB --help");

  std::vector<std::pair<CLI::App *, Verb>> verbs;
  auto add = [&](const char *name, const char *summary, Verb (*create)(CLI::App &)) {
    CLI::App *verb = app.add_subcommand(name, summary);
    verbs.emplace_back(verb, create(*verb));
  };
  add("build", "write libN.a, N.h and N.report.json", addBuild);
  add("run", "run a model on pictures or a tensor", addRun);
  add("preprocess", "make pixel_values of pictures as the checkpoint's own processor does",
      addPreprocess);
  add("check", "compare every output with golden values, or with the reference", addCheck);
  add("inspect", "layers, parameters, FLOPs, memory, and what is dead", addInspect);
  add("explain", "kernels, fusions made and refused, registers, predicted times", addExplain);
  add("bench", "latency and throughput on this machine", addBench);
  add("tune", "write candidates that vit-run --tune times", addTune);

  // What is written from here: docs/cli.md, cmake/VitcOptions.cmake, a table of README.md.
  auto manual = [&](const std::string &what) {
    std::string text = what == "cmake"      ? cmakeOptions()
                       : what == "families" ? checkpoint::familyTable()
                                            : manualOf(app);
    fputs(text.c_str(), stdout);
    throw CLI::Success();
  };
  app.add_option_function<std::string>("--manual", manual)->trigger_on_parse()->group("");

  if (auto code = parseCommandLine(app, argc, argv))
    return *code;
  for (auto &[verb, run] : verbs)
    if (verb->parsed())
      return run();
  return exitUsage;
}

int vitc::runCommandLine(int argc, char **argv) {
  catchLlvmErrors();
  return runTool("vitc", [=] { return run(argc, argv); });
}
