//===- Explain.cpp - vitc explain -----------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "tools/common/Console.h"
#include "tools/vitc/Options.h"

#include <cstdio>

using namespace vitc;

namespace {

struct ExplainOptions {
  CompileOptions compile;
  bool json = false;
};

int explain(const ExplainOptions &options) {
  Compiler compiler(options.compile);
  if (failed(compiler.open()) || failed(compiler.generate(Compiler::Oracle::decides)))
    return exitFailed;
  Report report = makeReport(compiler.module(), compiler.code(), compiler.fusions(),
                             options.compile.gpu, compiler.maxBatch());
  std::string text = options.json ? reportJson(report, nullptr) : reportTable(report);
  fputs(text.c_str(), stdout);
  return exitDone;
}

} // namespace

Verb vitc::addExplain(CLI::App &app) {
  auto options = std::make_shared<ExplainOptions>();
  app.footer("Example:\n  vitc explain vit-b16/ --gpu rtx4090 --max-batch 32");
  addCompileOptions(app, options->compile);
  addAssemblerOptions(app, options->compile);
  app.add_flag("--json", options->json, "the same as JSON, as in N.report.json");
  return [options] { return explain(*options); };
}
