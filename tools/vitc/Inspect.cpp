//===- Inspect.cpp - vitc inspect -----------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Inspect.h"
#include "tools/vitc/Tool.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdio>

using namespace vitc;
using driver::Inspection;

namespace {

std::string json(const Inspection &found) {
  auto orNull = [](auto value) {
    return value ? llvm::json::Value(*value) : llvm::json::Value(nullptr);
  };
  llvm::json::Array outputs;
  for (const driver::OutputDependence &output : found.outputs)
    outputs.push_back(llvm::json::Object{{"name", output.name},
                                         {"depends_on", llvm::json::Array(output.dependsOn)}});
  llvm::json::Value root =
      llvm::json::Object{{"parameters", found.parameters},
                         {"flops", orNull(found.flops)},
                         {"pruned_flops", orNull(found.prunedFlops)},
                         {"outputs", std::move(outputs)},
                         {"weight_bytes", orNull(found.weightBytes)},
                         {"activation_bytes", orNull(found.activationBytes)},
                         {"labels", int64_t(found.labels)},
                         {"pictures", found.hasRecipe ? llvm::json::Value(found.pictures)
                                                      : llvm::json::Value(nullptr)}};
  std::string text;
  llvm::raw_string_ostream(text) << llvm::formatv("{0:2}", root) << "\n";
  return text;
}

/// 35 127 656 448: numbers of this size are read in groups.
std::string grouped(int64_t value) {
  std::string digits = std::to_string(value), text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i && (digits.size() - i) % 3 == 0)
      text += ' ';
    text += digits[i];
  }
  return text;
}

std::string table(const Inspection &found) {
  std::string text;
  llvm::raw_string_ostream out(text);
  size_t width = 9;
  for (const driver::Part &part : found.parts)
    width = std::max(width, part.name.size());
  out << llvm::left_justify("part", width) << "   ops      parameters   FLOPs per image\n";
  for (const driver::Part &part : found.parts)
    out << llvm::left_justify(part.name, width)
        << llvm::format("  %4u  %14s  %16s\n", part.ops, grouped(part.parameters).c_str(),
                        grouped(part.flops).c_str());
  out << "parameters        " << grouped(found.parameters) << "\n";
  if (!found.flops)
    return text;
  out << "FLOPs per image   " << grouped(*found.flops) << ", of which pruning saves "
      << grouped(*found.prunedFlops) << "\n";
  if (found.weightBytes)
    out << "weights           " << grouped(*found.weightBytes) << " bytes on the device\n"
        << "activations       " << grouped(*found.activationBytes) << " bytes per image\n";
  else
    out << "memory            not planned: no kernels can be built, as vitc build will say\n";
  for (const driver::OutputDependence &output : found.outputs)
    out << "output '" << output.name << "' depends on "
        << (output.dependsOn.empty() ? "no input" : llvm::join(output.dependsOn, ", ")) << "\n";
  if (!found.pictures.empty())
    out << "pictures          " << (found.hasRecipe ? "" : "no recipe: ") << found.pictures << "\n";
  if (found.labels)
    out << "labels            " << found.labels << "\n";
  return text;
}

} // namespace

Verb vitc::addInspect(CLI::App &app) {
  struct Options {
    driver::CompileOptions compile;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  app.footer("Example:\n  vitc inspect vit-b16/ --json");
  addCompileOptions(app, options->compile);
  app.add_flag("--json", options->json, "as JSON");
  return [options] {
    Console console;
    auto found = driver::inspect(options->compile, console.session());
    if (failed(found))
      return console.failed();
    fputs((options->json ? json(*found) : table(*found)).c_str(), stdout);
    return int(exitDone);
  };
}
