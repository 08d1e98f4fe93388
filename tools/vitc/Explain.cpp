//===- Explain.cpp - vitc explain -----------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Files.h"
#include "driver/Profile.h"
#include "passes/CostBridge.h"
#include "tools/common/Console.h"
#include "tools/vitc/Options.h"

#include <cstdio>
#include <cstdlib>
#include <unistd.h>

using namespace vitc;

namespace {

struct ExplainOptions {
  CompileOptions compile;
  bool json = false;
  std::string html;
  std::vector<std::string> profiles;
};

/// Escapes only where somebody looks at them, and did not say that they would rather not.
bool wantsColour() {
  const char *without = getenv("NO_COLOR"), *terminal = getenv("TERM");
  return isatty(STDOUT_FILENO) && !(without && *without) &&
         !(terminal && llvm::StringRef(terminal) == "dumb");
}

/// The same model as another policy would have built it, at the same batches. A model that was cut
/// into kernels before cannot be built anew, and one that a policy cannot build has no times.
void comparePolicy(const ExplainOptions &options, const std::string &policy, Report &report) {
  CompileOptions compile = options.compile;
  compile.tilePolicy = policy;
  compile.tuning.clear();
  compile.tile.clear();
  compile.require.clear();
  Compiler other(compile);
  Compiler::Silence silence(other);
  if (failed(other.open()) || !other.module().getOps<vit::KernelOp>().empty() ||
      failed(other.lowerTo(Compiler::kernels)))
    return;
  for (ModelPrediction &prediction : report.predictions)
    if (prediction.served)
      prediction.others.push_back(
          {policy,
           1e6 * predictModel(other.module(), *cost::findGpu(compile.gpu), prediction.batch)});
}

int explain(const ExplainOptions &options) {
  if (!options.html.empty())
    if (auto error = checkOutput(options.html))
      return fail(llvm::toString(std::move(error)));
  Compiler compiler(options.compile);
  std::vector<ProfileNote> profile;
  if (failed(compiler.open()) ||
      failed(generateWithProfiles(compiler, Compiler::Oracle::advises, options.profiles, profile)))
    return exitFailed;
  Report report = compiler.report();
  report.profile = profile;
  for (const char *policy : {"model", "classic"})
    if (report.policy != policy)
      comparePolicy(options, policy, report);
  if (!options.html.empty()) {
    if (auto error = writeOutput(options.html, reportHtml(report)))
      return fail(llvm::toString(std::move(error)));
    if (options.html == "-")
      return exitDone;
  }
  std::string text =
      options.json ? reportJson(report, nullptr) : reportTable(report, wantsColour());
  fputs(text.c_str(), stdout);
  return exitDone;
}

} // namespace

Verb vitc::addExplain(CLI::App &app) {
  auto options = std::make_shared<ExplainOptions>();
  app.footer("Example:\n  vitc explain vit-b16/ --gpu rtx4090 --max-batch 32 --html b16.html");
  addCompileOptions(app, options->compile);
  addAssemblerOptions(app, options->compile);
  addProfileOption(app, options->profiles);
  app.add_flag("--json", options->json, "the same as JSON, as in N.report.json");
  app.add_option("--html", options->html, "write it as a page for the browser, too");
  return [options] { return explain(*options); };
}
