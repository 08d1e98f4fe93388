//===- vitc.cpp - Compiles Vision Transformers into libraries -------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "tools/common/Console.h"
#include "tools/vitc/Options.h"

#include <csignal>
#include <cstdio>

using namespace vitc;

namespace {

/// The command line as text for one line of error.
std::string reason(const CLI::App &app, const CLI::ParseError &error, int argc, char **argv) {
  // CLI11 takes a wrong verb for an argument.
  if (app.get_subcommands().empty() && argc > 1 && argv[1][0] != '-')
    return "unknown verb '" + std::string(argv[1]) +
           "'; expected build, run, check, inspect, explain, bench or tune";
  if (app.get_subcommands().empty() && argc == 1)
    return "expected a verb: build, run, check, inspect, explain, bench or tune";
  std::string text = error.what();
  for (char &c : text)
    if (c == '\n')
      c = ' ';
  return text;
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app("Compiles a Vision Transformer into a static library and a C header", "vitc");
  app.set_version_flag("--version", compilerIdentity());
  app.require_subcommand(1);
  app.footer("Example:\n  vitc build vit-b16/ -o out --dtype f16\n  vitc VERB --help");

  std::vector<std::pair<CLI::App *, Verb>> verbs;
  auto add = [&](const char *name, const char *summary, Verb (*create)(CLI::App &)) {
    CLI::App *verb = app.add_subcommand(name, summary);
    verbs.emplace_back(verb, create(*verb));
  };
  add("build", "write libN.a, N.h and N.report.json", addBuild);
  add("run", "run a model on an input", addRun);
  add("check", "compare every output with golden values", addCheck);
  add("inspect", "layers, parameters, FLOPs, memory, and what is dead", addInspect);
  add("explain", "kernels, fusions made and refused, registers, predicted times", addExplain);
  add("bench", "latency and throughput on this machine", addBench);
  add("tune", "write candidates that vit-run --tune times", addTune);

  refuseFlagValues(app);
  try {
    app.parse(argc, argv);
    for (const CLI::App *verb : app.get_subcommands())
      refuseEmptyValues(*verb);
  } catch (const CLI::Success &done) { // --help, --version
    return app.exit(done);
  } catch (const CLI::ParseError &error) {
    auto parsed = app.get_subcommands();
    std::string help = parsed.empty() ? "vitc --help" : "vitc " + parsed[0]->get_name() + " --help";
    fprintf(stderr, "vitc: %s; see %s\n", reason(app, error, argc, argv).c_str(), help.c_str());
    return exitUsage;
  } catch (const ValueRefused &refused) {
    return fail(refused.what());
  }
  for (auto &[verb, run] : verbs)
    if (verb->parsed())
      return finish("vitc", run());
  return exitUsage;
}
