//===- Inspect.cpp - What a model is, before it is compiled ---------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Counts on the model as it was described, before any pass; what pruning would
// save is the difference to the model after it. Memory is that of the plan.
//
//===----------------------------------------------------------------------===//

#include "driver/Inspect.h"

#include "codegen/nvptx/Functions.h"
#include "driver/Compiler.h"
#include "frontend/checkpoint/Import.h"
#include "passes/Kernels.h"
#include "passes/Queries.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;
using namespace vitc::driver;

namespace {

Part &partNamed(std::vector<Part> &parts, const std::string &name) {
  auto found = llvm::find_if(parts, [&](const Part &part) { return part.name == name; });
  return found == parts.end() ? parts.emplace_back(Part{name}) : *found;
}

/// "blocks.0" of "blocks.0.mlp.fc1", "head" of "head".
std::string partOf(const std::string &name) {
  llvm::SmallVector<StringRef> pieces;
  StringRef(name).split(pieces, '.');
  int number;
  if (pieces.size() > 1 && !pieces[1].getAsInteger(10, number))
    return (pieces[0] + "." + pieces[1]).str();
  return pieces[0].empty() ? "(unnamed)" : pieces[0].str();
}

void countParts(func::FuncOp model, Inspection &found) {
  llvm::StringSet<> keys; // a weight that is used twice is one
  for (Operation &op : model.getBody().front().without_terminator()) {
    Part &part = partNamed(found.parts, partOf(locationName(op.getLoc())));
    part.ops += !vit::isWeightArithmetic(&op);
    if (auto root = dyn_cast<vit::KernelInterface>(op))
      part.flops += root.getFlops(/*batch=*/1);
    if (auto weight = dyn_cast<vit::WeightOp>(op); weight && keys.insert(weight.getKey()).second) {
      part.parameters += weight.getType().getNumElements();
      found.parameters += weight.getType().getNumElements();
    }
  }
}

void findDependence(func::FuncOp model, Inspection &found) {
  for (auto [i, arguments] : llvm::enumerate(outputDependence(model))) {
    OutputDependence output = {outputName(model, i), {}, {}};
    for (unsigned input = 0; input < model.getNumArguments(); ++input)
      (llvm::is_contained(arguments, input) ? output.dependsOn : output.independentOf)
          .push_back(inputName(model, input));
    found.outputs.push_back(std::move(output));
  }
}

FailureOr<int64_t> flopsAfterPasses(CompileOptions options, bool noPrune, const Session &session) {
  options.noPrune = noPrune;
  Compiler compiler(std::move(options), session);
  if (failed(compiler.open()) || failed(compiler.lowerTo(Compiler::vit)))
    return failure();
  return countFlops(compiler.function());
}

LogicalResult inspectModel(const CompileOptions &options, const Session &session,
                           Inspection &found) {
  Compiler compiler(options, session);
  if (failed(compiler.open()))
    return failure();
  if (!compiler.module().getOps<vit::KernelOp>().empty())
    return session.error("{}: is cut into kernels already; inspect the model, or see vitc explain",
                         options.model);
  func::FuncOp model = compiler.function();
  countParts(model, found);
  found.labels = compiler.labels().size();
  if (const checkpoint::Import *import = compiler.checkpoint()) {
    found.hasRecipe = import->pictures.has_value();
    found.pictures = found.hasRecipe ? checkpoint::describe(*import->pictures) : import->noPictures;
  }
  findDependence(model, found);
  found.flops = countFlops(model);
  for (const OutputDependence &output : found.outputs)
    for (const std::string &input : output.independentOf)
      session.warn("{}: output '{}' does not depend on '{}'", options.model, output.name, input);

  // Both sides after the same passes: folding tokens adds a row to the patch embedding, which is
  // not pruning's to answer for.
  Session silent = session.silent();
  FailureOr<int64_t> whole = flopsAfterPasses(options, /*noPrune=*/true, silent);
  FailureOr<int64_t> pruned = flopsAfterPasses(options, /*noPrune=*/false, silent);
  if (failed(whole) || failed(pruned))
    return failure();
  found.prunedFlops = *whole - *pruned;
  return success();
}

/// The plan gives the memory. A model that no kernels can be built for is still worth a look.
void inspectPlan(const CompileOptions &options, const Session &session, Inspection &found) {
  Session silent = session.silent();
  Compiler compiler(options, silent);
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

} // namespace

/// Parameters and nothing else, of an architecture that there are no ops for.
static Inspection inspectUnsupported(const checkpoint::Unsupported &model,
                                     const CompileOptions &options, const Session &session) {
  session.warn("{}: {} cannot be built: there are no ops for {}; its parameters are shown",
               options.model, model.architecture, model.why);
  Inspection found;
  for (const auto &[name, elements] : model.parameters) {
    partNamed(found.parts, partOf(name)).parameters += elements;
    found.parameters += elements;
  }
  return found;
}

FailureOr<Inspection> driver::inspect(const CompileOptions &options, const Session &session) {
  if (auto unsupported = checkpoint::findUnsupported(options.model))
    return inspectUnsupported(*unsupported, options, session);
  Inspection found;
  if (failed(inspectModel(options, session, found)))
    return failure();
  inspectPlan(options, session, found);
  return found;
}
