//===- Explain.cpp - vitc explain -----------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Build.h"
#include "driver/Inputs.h"
#include "tools/vitc/Tool.h"

#include <cstdio>

using namespace vitc;

namespace {

struct Options : driver::BuildOptions {
  bool json = false;
  std::string html;
};

int explain(const Options &options) {
  Console console(/*writesFiles=*/!options.html.empty());
  if (failed(driver::keepInputs(options.html, driver::inputFiles(options), console.session())))
    return console.failed();
  if (!options.html.empty())
    if (auto error = driver::checkOutput(options.html))
      return console.fail(std::move(error));
  auto report = driver::explain(options, console.session());
  if (failed(report))
    return console.failed();
  if (!options.html.empty()) {
    if (auto error = driver::writeOutput(options.html, reportHtml(*report)))
      return console.fail(std::move(error));
    if (options.html == "-")
      return exitDone;
  }
  std::string text =
      options.json ? reportJson(*report, nullptr) : reportTable(*report, wantsColour(stdout));
  fputs(text.c_str(), stdout);
  return exitDone;
}

} // namespace

Verb vitc::addExplain(CLI::App &app) {
  auto options = std::make_shared<Options>();
  app.footer("Example:\n  vitc explain vit-b16/ --gpu rtx4090 --max-batch 32 --html b16.html");
  addCompileOptions(app, options->compile);
  addAssemblerOptions(app, options->compile);
  addProfileOption(app, options->profiles);
  app.add_flag("--json", options->json, "the same as JSON, as in N.report.json");
  app.add_option("--html", options->html, "write it as a page for the browser, too")
      ->type_name("FILE");
  return [options] { return explain(*options); };
}
