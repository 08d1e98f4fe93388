//===- Explain.cpp - vitc explain -----------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "tools/common/Console.h"
#include "tools/vitc/Files.h"
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
};

/// Escapes only where somebody looks at them, and did not say that they would rather not.
bool wantsColour() {
  const char *without = getenv("NO_COLOR"), *terminal = getenv("TERM");
  return isatty(STDOUT_FILENO) && !(without && *without) &&
         !(terminal && llvm::StringRef(terminal) == "dumb");
}

int explain(const ExplainOptions &options) {
  Compiler compiler(options.compile);
  if (failed(compiler.open()) || failed(compiler.generate(Compiler::Oracle::decides)))
    return exitFailed;
  Report report = makeReport(compiler.module(), compiler.code(), compiler.fusions(),
                             options.compile.gpu, compiler.maxBatch());
  report.model = modelName(options.compile.model);
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
  app.add_flag("--json", options->json, "the same as JSON, as in N.report.json");
  app.add_option("--html", options->html, "write it as a page for the browser, too");
  return [options] { return explain(*options); };
}
