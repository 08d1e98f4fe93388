//===- Inspect.cpp - vitc inspect -----------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Counts on the model as it was described, before any pass; what pruning would
// save is the difference to the model after it. Memory is that of the plan.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvptx/Functions.h"
#include "passes/Kernels.h"
#include "tools/common/Console.h"
#include "tools/vitc/Options.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdio>

using namespace mlir;
using namespace vitc;

namespace {

struct InspectOptions {
  CompileOptions compile;
  bool json = false;
};

struct OutputDependence {
  std::string name;
  std::vector<std::string> dependsOn, independentOf;
};

/// A part of the model, "blocks.0".
struct Part {
  std::string name;
  uint32_t ops = 0;
  int64_t parameters = 0, flops = 0;
};

struct Findings {
  int64_t parameters = 0, flops = 0, prunedFlops = 0;
  std::optional<uint64_t> weightBytes, activationBytes; // none if no kernels can be built
  std::vector<OutputDependence> outputs;
  std::vector<Part> parts; // in order of appearance

  Part &part(const std::string &name) {
    auto found = llvm::find_if(parts, [&](const Part &part) { return part.name == name; });
    return found == parts.end() ? parts.emplace_back(Part{name}) : *found;
  }
};

/// "blocks.0" of "blocks.0.mlp.fc1", "head" of "head".
std::string partOf(Operation *op) {
  llvm::SmallVector<StringRef> pieces;
  std::string name = locationName(op->getLoc());
  StringRef(name).split(pieces, '.');
  int number;
  if (pieces.size() > 1 && !pieces[1].getAsInteger(10, number))
    return (pieces[0] + "." + pieces[1]).str();
  return pieces[0].empty() ? "(unnamed)" : pieces[0].str();
}

void countParts(func::FuncOp model, Findings &found) {
  llvm::StringSet<> keys; // a weight that is used twice is one
  for (Operation &op : model.getBody().front().without_terminator()) {
    Part &part = found.part(partOf(&op));
    part.ops += !vit::isWeightArithmetic(&op);
    if (auto root = dyn_cast<vit::KernelInterface>(op))
      part.flops += root.getFlops(/*batch=*/1);
    if (auto weight = dyn_cast<vit::WeightOp>(op); weight && keys.insert(weight.getKey()).second) {
      part.parameters += weight.getType().getNumElements();
      found.parameters += weight.getType().getNumElements();
    }
  }
}

void findDependence(func::FuncOp model, Findings &found) {
  for (auto [i, arguments] : llvm::enumerate(outputDependence(model))) {
    OutputDependence output = {outputName(model, i), {}, {}};
    for (unsigned input = 0; input < model.getNumArguments(); ++input)
      (llvm::is_contained(arguments, input) ? output.dependsOn : output.independentOf)
          .push_back(inputName(model, input));
    found.outputs.push_back(std::move(output));
  }
}

FailureOr<int64_t> flopsAfterPasses(const InspectOptions &options, bool noPrune) {
  CompileOptions compile = options.compile;
  compile.noPrune = noPrune;
  Compiler compiler(compile);
  Compiler::Silence silence(compiler);
  if (failed(compiler.open()) || failed(compiler.lowerTo(Compiler::vit)))
    return failure();
  return countFlops(compiler.function());
}

LogicalResult inspectModel(const InspectOptions &options, Findings &found) {
  Compiler compiler(options.compile);
  if (failed(compiler.open()))
    return failure();
  if (!compiler.module().getOps<vit::KernelOp>().empty())
    return fail(options.compile.model + ": is cut into kernels already; inspect the model, or see "
                                        "vitc explain"),
           failure();
  func::FuncOp model = compiler.function();
  countParts(model, found);
  findDependence(model, found);
  found.flops = countFlops(model);
  for (const OutputDependence &output : found.outputs)
    for (const std::string &input : output.independentOf)
      warn(options.compile.model + ": output '" + output.name + "' does not depend on '" + input +
           "'");

  // Both sides after the same passes: folding tokens adds a row to the patch embedding, which is
  // not pruning's to answer for.
  FailureOr<int64_t> whole = flopsAfterPasses(options, /*noPrune=*/true);
  FailureOr<int64_t> pruned = flopsAfterPasses(options, /*noPrune=*/false);
  if (failed(whole) || failed(pruned))
    return failure();
  found.prunedFlops = *whole - *pruned;
  return success();
}

/// The plan gives the memory. A model that no kernels can be built for is still worth a look.
void inspectPlan(const InspectOptions &options, Findings &found) {
  Compiler compiler(options.compile);
  Compiler::Silence silence(compiler);
  if (failed(compiler.open()) || failed(compiler.lowerTo(Compiler::kernels)))
    return;
  std::vector<KernelCode> kernels;
  for (auto kernel : compiler.module().getOps<vit::KernelOp>()) {
    FailureOr<std::vector<KernelCode>> functions = planFunctions(kernel);
    if (failed(functions))
      return;
    ::llvm::append_range(kernels, *functions);
  }
  LibraryOptions plan;
  plan.name = "model";
  plan.maxBatch = compiler.maxBatch();
  auto data = buildLibrary(PlanSource{compiler.module(), kernels}, plan);
  if (failed(data))
    return;
  found.weightBytes = (*data)->library.weight_bytes;
  found.activationBytes = (*data)->library.plans[0].workspace_bytes.per_image;
}

std::string json(const Findings &found) {
  auto orNull = [](std::optional<uint64_t> value) {
    return value ? llvm::json::Value(*value) : llvm::json::Value(nullptr);
  };
  llvm::json::Array outputs;
  for (const OutputDependence &output : found.outputs)
    outputs.push_back(llvm::json::Object{{"name", output.name},
                                         {"depends_on", llvm::json::Array(output.dependsOn)}});
  llvm::json::Value root = llvm::json::Object{{"parameters", found.parameters},
                                              {"flops", found.flops},
                                              {"pruned_flops", found.prunedFlops},
                                              {"outputs", std::move(outputs)},
                                              {"weight_bytes", orNull(found.weightBytes)},
                                              {"activation_bytes", orNull(found.activationBytes)}};
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

std::string table(const Findings &found) {
  std::string text;
  llvm::raw_string_ostream out(text);
  size_t width = 9;
  for (const Part &part : found.parts)
    width = std::max(width, part.name.size());
  out << llvm::left_justify("part", width) << "   ops      parameters   FLOPs per image\n";
  for (const Part &part : found.parts)
    out << llvm::left_justify(part.name, width)
        << llvm::format("  %4u  %14s  %16s\n", part.ops, grouped(part.parameters).c_str(),
                        grouped(part.flops).c_str());
  out << "parameters        " << grouped(found.parameters) << "\n"
      << "FLOPs per image   " << grouped(found.flops) << ", of which pruning saves "
      << grouped(found.prunedFlops) << "\n";
  if (found.weightBytes)
    out << "weights           " << grouped(*found.weightBytes) << " bytes on the device\n"
        << "activations       " << grouped(*found.activationBytes) << " bytes per image\n";
  else
    out << "memory            not planned: no kernels can be built, as vitc build will say\n";
  for (const OutputDependence &output : found.outputs)
    out << "output '" << output.name << "' depends on "
        << (output.dependsOn.empty() ? "no input" : llvm::join(output.dependsOn, ", ")) << "\n";
  return text;
}

int inspect(const InspectOptions &options) {
  Findings found;
  if (failed(inspectModel(options, found)))
    return exitFailed;
  inspectPlan(options, found);
  fputs((options.json ? json(found) : table(found)).c_str(), stdout);
  return exitDone;
}

} // namespace

Verb vitc::addInspect(CLI::App &app) {
  auto options = std::make_shared<InspectOptions>();
  app.footer("Example:\n  vitc inspect vit-b16/ --json");
  addCompileOptions(app, options->compile);
  app.add_flag("--json", options->json, "as JSON");
  return [options] { return inspect(*options); };
}
