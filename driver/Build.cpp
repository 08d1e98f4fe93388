//===- Build.cpp - A model as files, as text, as a report -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "driver/Build.h"

#include "codegen/library/Emit.h"
#include "driver/Inputs.h"
#include "driver/Names.h"
#include "driver/Profile.h"
#include "driver/Runner.h"
#include "passes/CostBridge.h"
#include "runtime/Recipe.h"

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;
using namespace vitc::driver;

namespace {

/// The weights as the kernels will read them, by the function that the runtime uses too.
LogicalResult embedWeights(vitrt::WeightSource &source, LibraryData &data, bool allowNonfinite,
                           const Session &session) {
  std::vector<uint8_t> arena(data.library.weight_bytes);
  if (auto done =
          vitrt::prepareWeights(*data.view(), source, arena, loadOptions(allowNonfinite, session));
      !done)
    return session.error(done.error());
  data.embed(std::move(arena));
  return success();
}

std::unique_ptr<llvm::MemoryBuffer> bytesOf(const std::string &text) {
  return llvm::MemoryBuffer::getMemBufferCopy(text);
}

LogicalResult makeFiles(const BuildOptions &options, const LibraryData &data,
                        const Session &session, BuildResult &result) {
  const vit_library &library = *data.view();
  auto object = emitObject(library, /*exported=*/false, data.cpuBitcode);
  if (!object)
    return session.error(object.takeError());
  auto archive = emitArchive((*object)->getMemBufferRef());
  if (!archive)
    return session.error(archive.takeError());
  const std::string &name = result.name;
  result.files.push_back({fmt::format("lib{}.a", name), std::move(*archive)});
  result.files.push_back({fmt::format("{}.h", name), bytesOf(emitHeader(library))});
  result.files.push_back(
      {fmt::format("{}.report.json", name), bytesOf(reportJson(result.report, &library))});
  if (!options.shared)
    return success();
  auto exported = emitObject(library, /*exported=*/true, data.cpuBitcode);
  if (!exported)
    return session.error(exported.takeError());
  auto shared = linkShared((*exported)->getMemBufferRef(), name);
  if (!shared)
    return session.error(shared.takeError());
  result.files.push_back({fmt::format("lib{}.so", name), std::move(*shared)});
  return success();
}

} // namespace

/// What a build reads before it compiles.
static LogicalResult openBuild(const BuildOptions &options, Compiler &compiler,
                               OpenWeights &weights) {
  if (failed(compiler.open()))
    return failure();
  if (!options.embedWeights)
    return success();
  if (failed(compiler.lowerTo(Compiler::vit))) // the weights that are left are wanted
    return failure();
  auto opened = openWeights(compiler, options.weights, options.randomWeights);
  if (!opened)
    return compiler.session().error(opened.error());
  weights = std::move(*opened);
  return success();
}

FailureOr<BuildResult> driver::build(const BuildOptions &options, const Session &session) {
  BuildResult result;
  FailureOr<std::string> name =
      libraryName(options.name, options.compile.model, session, result.note);
  if (failed(name))
    return failure();
  result.name = std::move(*name);
  if (failed(checkFolder(options, result.name, result.stale, session)))
    return failure();
  Compiler compiler(options.compile, session);
  OpenWeights weights;
  if (failed(openBuild(options, compiler, weights)))
    return failure();
  compiler.addDefaultTarget();
  std::vector<ProfileNote> profile;
  if (failed(generateWithProfiles(compiler, Compiler::Oracle::decides, options.profiles, profile)))
    return failure();
  auto data = compiler.link(result.name);
  if (!data || failed(checkTensorNames(*data->view(), session)) ||
      (options.embedWeights &&
       failed(embedWeights(*weights.source, *data, options.allowNonfinite, session))))
    return failure();
  result.report = compiler.report();
  if (!options.name.empty())
    result.report.model = result.name;
  result.report.profile = std::move(profile);
  if (failed(makeFiles(options, *data, session, result)) || failed(session.checkStop()))
    return failure();
  return result;
}

/// Kernels for a GPU, and what would assemble them.
static LogicalResult checkForGpus(const BuildOptions &options, Compiler &compiler) {
  if (failed(compiler.lowerTo(Compiler::kernels)))
    return failure();
  std::string error;
  if (findPtxas(options.compile.ptxas, error); !error.empty())
    return compiler.session().error(error);
  return success();
}

LogicalResult driver::checkBuild(const BuildOptions &options, const Session &session) {
  Compiler compiler(options.compile, session);
  OpenWeights weights;
  std::string note, stale;
  FailureOr<std::string> name = libraryName(options.name, options.compile.model, session, note);
  if (failed(name) || failed(checkFolder(options, *name, stale, session)) ||
      failed(openBuild(options, compiler, weights)))
    return failure();
  compiler.addDefaultTarget();
  if (failed(compiler.copyForCpus()) ||
      (compiler.hasTarget(VIT_TARGET_CUDA) && failed(checkForGpus(options, compiler))) ||
      failed(compiler.generateForCpus()))
    return failure();
  for (const std::string &profile : options.profiles)
    if (auto kernels = readProfile(profile, session); !kernels)
      return session.error(kernels.takeError());
  return success();
}

FailureOr<std::string> driver::emit(const BuildOptions &options, StringRef level,
                                    const Session &session) {
  CompileOptions compile = options.compile;
  if (level != "vit" && isForCpusAlone(compile))
    return session.error("--emit={}: kernels are shown as GPUs have them, but --dtype i8 is for "
                         "CPUs alone; give --emit=vit, or another --dtype",
                         level);
  compile.forAnySize = compile.imageSize == "any"; // the module beside the one of the config's size
  Compiler compiler(compile, session);
  if (failed(compiler.open()))
    return failure();
  if (level == "ptx") {
    std::vector<ProfileNote> profile; // nobody to tell
    if (failed(
            generateWithProfiles(compiler, Compiler::Oracle::advises, options.profiles, profile)))
      return failure();
    return compiler.ptx();
  }
  if (!options.profiles.empty())
    return session.error("--ncu with --emit={}: a profile is about code; expected --emit=ptx or a "
                         "build",
                         level);
  if (failed(compiler.lowerTo(level == "vit"       ? Compiler::vit
                              : level == "kernels" ? Compiler::kernels
                                                   : Compiler::llvm)))
    return failure();
  return compiler.print();
}

/// The same model as another policy would have built it, at the same batches. A model that was cut
/// into kernels before cannot be built anew, and one that a policy cannot build has no times.
static void comparePolicy(CompileOptions options, const std::string &policy, const Session &session,
                          Report &report) {
  options.tilePolicy = policy;
  options.tuning.clear();
  options.tile.clear();
  options.require.clear();
  Session silent = session.silent();
  Compiler other(options, silent);
  if (failed(other.open()) || !other.module().getOps<vit::KernelOp>().empty() ||
      failed(other.lowerTo(Compiler::kernels)))
    return;
  for (ModelPrediction &prediction : report.predictions)
    if (prediction.served)
      prediction.others.push_back(
          {policy,
           1e6 * predictModel(other.module(), *cost::findGpu(options.gpu), prediction.batch)});
}

FailureOr<Report> driver::explain(const BuildOptions &options, const Session &session) {
  Compiler compiler(options.compile, session);
  std::vector<ProfileNote> profile;
  if (failed(compiler.open()) ||
      failed(generateWithProfiles(compiler, Compiler::Oracle::advises, options.profiles, profile)))
    return failure();
  Report report = compiler.report();
  report.profile = std::move(profile);
  if (!compiler.hasTarget(VIT_TARGET_CUDA)) // CPUs have one schedule
    return report;
  for (const char *policy : {"model", "classic"})
    if (report.policy != policy)
      comparePolicy(options.compile, policy, session, report);
  return report;
}
