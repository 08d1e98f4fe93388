//===- Build.cpp - vitc build ---------------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "codegen/library/Emit.h"
#include "driver/Files.h"
#include "driver/Profile.h"
#include "driver/Runner.h"
#include "driver/run/Golden.h"
#include "runtime/Recipe.h"
#include "tools/common/Console.h"
#include "tools/vitc/Options.h"

#include "llvm/Support/raw_ostream.h"

using namespace vitc;

namespace {

struct BuildOptions {
  CompileOptions compile;
  std::string output, name, emit, weights;
  std::vector<std::string> profiles;
  bool embed = false, shared = false, randomWeights = false;
};

int fail(llvm::Error error) { return vitc::fail(llvm::toString(std::move(error))); }

int emitText(const BuildOptions &options, Compiler &compiler) {
  if (!options.output.empty())
    if (auto error = checkOutput(options.output))
      return fail(std::move(error));
  std::string text;
  if (options.emit == "ptx") {
    std::vector<ProfileNote> profile; // nobody to tell
    if (mlir::failed(
            generateWithProfiles(compiler, Compiler::Oracle::advises, options.profiles, profile)))
      return exitFailed;
    text = compiler.ptx();
  } else if (!options.profiles.empty()) {
    return vitc::fail("--ncu with --emit=" + options.emit +
                      ": a profile is about code; expected --emit=ptx or a build");
  } else {
    Compiler::Level level = options.emit == "vit"       ? Compiler::vit
                            : options.emit == "kernels" ? Compiler::kernels
                                                        : Compiler::llvm;
    if (mlir::failed(compiler.lowerTo(level)))
      return exitFailed;
    text = compiler.print();
  }
  if (auto error = writeOutput(options.output.empty() ? "-" : options.output, text))
    return fail(std::move(error));
  return exitDone;
}

/// The weights as the kernels will read them, by the function that the runtime uses too.
int embedWeights(vitrt::WeightSource &source, LibraryData &data) {
  std::vector<uint8_t> arena(data.library.weight_bytes);
  if (auto done = vitrt::prepareWeights(*data.view(), source, arena); !done)
    return vitc::fail(done.error());
  data.embed(std::move(arena));
  return exitDone;
}

int writeLibrary(const BuildOptions &options, const Compiler &compiler, const LibraryData &data,
                 const std::vector<ProfileNote> &profile, OutputFiles &files) {
  const vit_library &library = *data.view();
  std::string name = library.name;
  auto object = emitObject(library);
  if (!object)
    return fail(object.takeError());
  if (options.shared) {
    auto input = files.addScratch(); // the linker reads a file
    if (!input)
      return fail(input.takeError());
    if (auto error = writeBytes(*input, (*object)->getBuffer()))
      return fail(std::move(error));
    auto output = files.add("lib" + name + ".so");
    if (!output)
      return fail(output.takeError());
    if (auto error = linkShared(*input, *output, name))
      return fail(std::move(error));
  }
  auto archive = emitArchive((*object)->getMemBufferRef());
  if (!archive)
    return fail(archive.takeError());
  Report report = compiler.report();
  report.model = name;
  report.profile = profile;
  if (auto error = files.write("lib" + name + ".a", (*archive)->getBuffer()))
    return fail(std::move(error));
  if (auto error = files.write(name + ".h", emitHeader(library)))
    return fail(std::move(error));
  if (auto error = files.write(name + ".report.json", reportJson(report, &library)))
    return fail(std::move(error));
  if (auto error = files.commit())
    return fail(std::move(error));
  return exitDone;
}

int build(const BuildOptions &options) {
  std::string name = options.name.empty() ? modelName(options.compile.model) : options.name;
  if (!isIdentifier(name))
    return vitc::fail("--name '" + name + "': expected a C identifier that is no keyword");
  Compiler compiler(options.compile);
  if (mlir::failed(compiler.open()))
    return exitFailed;
  if (!options.emit.empty())
    return emitText(options, compiler);
  OutputFiles files;
  if (auto error = files.open(options.output))
    return fail(std::move(error));
  OpenWeights weights;
  if (options.embed) {
    auto opened = openWeights(compiler, options.weights, options.randomWeights);
    if (!opened)
      return vitc::fail(opened.error());
    weights = std::move(*opened);
  }
  std::vector<ProfileNote> profile;
  if (mlir::failed(
          generateWithProfiles(compiler, Compiler::Oracle::decides, options.profiles, profile)))
    return exitFailed;
  auto data = compiler.link(name);
  if (!data)
    return exitFailed;
  if (options.embed)
    if (int code = embedWeights(*weights.source, *data))
      return code;
  return writeLibrary(options, compiler, *data, profile, files);
}

} // namespace

Verb vitc::addBuild(CLI::App &app) {
  auto options = std::make_shared<BuildOptions>();
  app.footer("Example:\n  vitc build vit-b16/ -o out --name b16 --max-batch 32\n"
             "writes out/libb16.a, out/b16.h and out/b16.report.json.");
  addCompileOptions(app, options->compile);
  addAssemblerOptions(app, options->compile);
  addProfileOption(app, options->profiles);
  auto *output = app.add_option("-o,--output", options->output,
                                "folder of the files; with --emit a file (default: stdout)");
  auto *emit = app.add_option("--emit", options->emit, "print IR instead: vit, kernels, llvm, ptx")
                   ->check(CLI::IsMember({"vit", "kernels", "llvm", "ptx"}));
  app.add_option("--name", options->name, "name in the files and in C (default: MODEL's)");
  auto *shared =
      app.add_flag("--shared", options->shared, "also write libN.so, with the system's cc");
  auto *embed = app.add_flag("--embed-weights", options->embed, "put the weights into the library");
  auto *weights =
      app.add_option("--weights", options->weights, "safetensors file to embed")->needs(embed);
  app.add_flag("--random-weights", options->randomWeights, "embed weights made from their names")
      ->needs(embed)
      ->excludes(weights);
  emit->excludes(shared)->excludes(embed);
  app.callback([=] {
    if (!*output && !*emit)
      throw CLI::RequiredError("-o DIR");
  });
  return [options] { return build(*options); };
}
