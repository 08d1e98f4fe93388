//===- Runner.cpp - Running a compiled model in this process --------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The runtime gets the very structs that a library would hold, so what runs
// here is what a build gives. Only machine code is left out where the emulator
// runs: it reads PTX.
//
//===----------------------------------------------------------------------===//

#include "driver/Runner.h"

#include "dialect/ModelFunction.h"
#include "driver/run/Library.h"
#include "driver/run/ReadFile.h"
#include "passes/Queries.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <deque>

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;
using namespace vitc::driver;

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

namespace {

/// What a recipe says to load a weight. The step refers to the rest, so it does not move.
struct LoadStep {
  explicit LoadStep(const reference::Weight &weight) {
    names.push_back(weight.key.str());
    for (llvm::StringRef alias : weight.aliases)
      names.push_back(alias.str());
    for (llvm::StringRef name : weight.transposed)
      names.push_back(name.str());
    for (size_t i = 0; i < names.size(); ++i)
      keys.push_back({names[i].c_str(), i > weight.aliases.size()});
    step.op = VIT_RECIPE_LOAD;
    step.rank = weight.shape.size();
    llvm::copy(weight.shape, step.shape);
    step.file_rank = weight.fileShape.size();
    llvm::copy(weight.fileShape, step.file_shape);
    step.keys = keys.data();
    step.key_count = keys.size();
  }
  LoadStep(const LoadStep &) = delete;

  std::vector<std::string> names;
  std::vector<vit_key> keys;
  vit_recipe_step step = {};
};

/// Compares names, shapes and types with what the model asks for, before anything is compiled or
/// computed, and also where no library will be made that the runtime compares.
Result<void> checkTensors(ModuleOp module, vitrt::WeightSource &source) {
  std::deque<LoadStep> loads;
  std::vector<vit_recipe_step> recipe;
  // What no output depends on is not computed, by nobody.
  OwningOpRef<ModuleOp> needed = module.clone();
  for (func::FuncOp model : vit::modelFunctions(*needed))
    eraseDeadOps(model);
  needed->walk([&](vit::WeightOp weight) {
    recipe.push_back(loads.emplace_back(reference::Weight::of(weight)).step);
  });
  std::deque<std::string> texts;
  std::vector<const char *> ignored;
  if (auto names = llvm::cantFail(vit::findModel(*needed))->getAttrOfType<ArrayAttr>(ignoredName))
    for (llvm::StringRef name : names.getAsValueRange<StringAttr>())
      ignored.push_back(texts.emplace_back(name.str()).c_str());
  vit_library library = {};
  library.recipe = recipe.data();
  library.recipe_count = recipe.size();
  library.ignored = ignored.data();
  library.ignored_count = ignored.size();
  return source.check(library);
}

/// A source without the weights that no output depends on once a module is pruned.
class PrunedSource : public vitrt::WeightSource {
public:
  PrunedSource(vitrt::WeightSource &inner, ModuleOp pruned) : inner(inner) {
    pruned.walk(
        [&](vit::WeightOp weight) { needed.insert(reference::Weight::of(weight).key.str()); });
  }
  std::string about() const override { return inner.about(); }
  std::string keyOf(const vit_recipe_step &step) const override { return inner.keyOf(step); }
  std::string cure() const override { return inner.cure(); }
  Result<void> check(const vit_library &library) override { return inner.check(library); }
  Result<vitrt::Doubles> load(const vit_recipe_step &step) override {
    if (needed.contains(step.keys[0].name))
      return inner.load(step);
    int64_t count = 1;
    for (uint32_t i = 0; i != step.rank; ++i)
      count *= step.shape[i];
    return vitrt::Doubles(size_t(count), 0.0);
  }

private:
  vitrt::WeightSource &inner;
  llvm::StringSet<> needed;
};

/// ", but 'a.pt' and 'b.safetensors'": what else a folder has that may be weights; empty for
/// nothing.
std::string otherWeights(const std::string &folder) {
  constexpr llvm::StringLiteral endings[] = {".safetensors", ".bin", ".pt",   ".pth",     ".ckpt",
                                             ".h5",          ".npz", ".onnx", ".msgpack", ".gguf"};
  std::vector<std::string> found;
  std::error_code problem;
  for (llvm::sys::fs::directory_iterator file(folder, problem), end; !problem && file != end;
       file.increment(problem))
    if (llvm::StringRef name = llvm::sys::path::filename(file->path());
        llvm::any_of(endings, [&](llvm::StringRef ending) { return name.ends_with(ending); }) &&
        name != "io.safetensors")
      found.push_back(vitrt::quoted(name));
  llvm::sort(found);
  constexpr size_t most = 4;
  std::string text;
  for (size_t i = 0; i < std::min(most, found.size()); ++i)
    text += (text.empty() ? ", but " : i + 1 == found.size() ? " and " : ", ") + found[i];
  return found.size() > most ? text + ", ..." : text;
}

} // namespace

Result<OpenWeights> driver::openWeights(Compiler &compiler, const std::string &path, bool random) {
  OpenWeights weights;
  std::string file = path;
  if (file.empty() && !random && compiler.checkpoint())
    file = compiler.checkpoint()->weights;
  if (!file.empty()) {
    auto opened = vitrt::Safetensors::open(file);
    if (!opened)
      return opened.takeError();
    weights.file = std::make_unique<vitrt::Safetensors>(std::move(*opened));
    weights.source = std::make_unique<vitrt::FileSource>(*weights.file);
    auto good = checkTensors(compiler.module(), *weights.source);
    if (good)
      return weights;
    OwningOpRef<ModuleOp> pruned = compiler.pruned();
    if (!pruned || !checkTensors(*pruned, *weights.source))
      return good.takeError();
    weights.inFile = std::move(weights.source);
    weights.source = std::make_unique<PrunedSource>(*weights.inFile, *pruned);
    return weights;
  }
  auto rule = readHashCase(compiler.directory());
  if (!rule)
    return rule.takeError();
  if (!*rule && !random)
    return Error{compiler.settings().model + ": has no model.safetensors" +
                 otherWeights(compiler.directory()) +
                 "; name a file with --weights, or make weights with --random-weights"};
  weights.source = std::make_unique<vitrt::FunctionSource>(
      vitrt::hashSource(*rule ? (*rule)->add : HashCase().add));
  return weights;
}

reference::Interpreter::Weights driver::referenceWeights(vitrt::WeightSource &source,
                                                         bool allowNonfinite) {
  return [&source, allowNonfinite](const reference::Weight &weight,
                                   std::vector<double> &values) -> std::string {
    LoadStep load(weight);
    auto loaded = source.load(load.step);
    if (!loaded)
      return loaded.error();
    values.assign(loaded->begin(), loaded->end());
    if (allowNonfinite)
      return "";
    std::string problem = vitrt::finiteProblem(source.keyOf(load.step), values);
    return problem.empty() ? "" : source.about() + problem + "; " + source.cure();
  };
}

vitrt::LoadOptions driver::loadOptions(bool allowNonfinite, const Session &session,
                                       std::string ptx) {
  vitrt::LoadOptions options;
  options.ptx = std::move(ptx);
  options.allowNonfinite = allowNonfinite;
  options.warn = [&session](const std::string &text) { session.warn("{}", text); };
  return options;
}

//===----------------------------------------------------------------------===//
// Preparing
//===----------------------------------------------------------------------===//

LogicalResult driver::checkDevice(const DeviceOptions &options, bool dtypeGiven,
                                  const Session &session) {
  bool reference = options.device == "reference";
  bool cpu = isCpu(options.device);
  if (cpu && options.emulate)
    return session.error("--emulate runs GPU code, --device {} has none; leave one out",
                         options.device);
  if (cpu && !options.ptx.empty())
    return session.error("--device {} runs no PTX; leave out --ptx", options.device);
  if (reference && options.emulate)
    return session.error(
        "--device reference computes in f64 without GPU code; leave out --emulate");
  if (reference && dtypeGiven)
    return session.error("--device reference computes in f64 and takes no --dtype");
  if (reference && !options.ptx.empty())
    return session.error("--device reference runs no PTX; leave out --ptx");
  return success();
}

static ValueShape valueShape(Type type, StringAttr name) {
  auto tensor = cast<RankedTensorType>(type);
  auto shape = tensor.getShape().drop_front();
  return {name ? name.str() : "",
          {shape.begin(), shape.end()},
          tensor.getElementType().isUnsignedInteger(8)};
}

LogicalResult Runner::open() {
  bool onlyCpus = isForCpusAlone(compiler.settings());
  if (options.device == "auto" && !options.emulate && options.ptx.empty() &&
      (onlyCpus || !vitrt::hasCudaDevice()))
    options.device = "cpu";
  if (onlyCpus && !isCpu() && !isReference())
    return compiler.session().error(
        "{}: --dtype i8 is for CPUs alone; give --device cpu, or another "
        "--dtype",
        options.emulate ? "--emulate" : "--device " + options.device);
  compiler.setTarget(isCpu() ? VIT_TARGET_CPU : VIT_TARGET_CUDA);
  // A library needs only the weights that are left after passes; so the file is compared with them.
  if (!isReference() && failed(compiler.lowerTo(Compiler::vit)))
    return failure();
  auto weights = openWeights(compiler, options.weights, options.randomWeights);
  if (!weights)
    return compiler.session().error(weights.error());
  opened = std::move(*weights);
  func::FuncOp model = compiler.function();
  if (model.getNumArguments() != 1)
    return compiler.session().error("{}: expected 1 input, found {}", compiler.settings().model,
                                    model.getNumArguments());
  runnable.input =
      valueShape(model.getArgumentTypes()[0], model.getArgAttrOfType<StringAttr>(0, "vit.name"));
  for (unsigned i = 0; i < model.getNumResults(); ++i)
    runnable.outputs.push_back(valueShape(model.getResultTypes()[i],
                                          model.getResultAttrOfType<StringAttr>(i, "vit.name")));
  runnable.batchAxis = attendsOverBatch(compiler.module());
  runnable.maxBatch = compiler.maxBatch();
  return success();
}

LogicalResult Runner::prepare() {
  if (!opened.source && failed(open()))
    return failure();
  if (!isReference())
    return prepareDevice();
  prepareReference();
  return success();
}

vitrt::ImageSize Runner::size() const {
  const CompileOptions &settings = compiler.settings();
  if (!takesAnySize() || !settings.wantedImage)
    return {};
  return {int(settings.wantedImage->first), int(settings.wantedImage->second)};
}

void Runner::prepareReference() {
  reference = std::make_unique<reference::Interpreter>(
      compiler.module(), referenceWeights(*opened.source, options.allowNonfinite),
      compiler.settings().jobs);
  description = "reference, f64";
}

LogicalResult Runner::prepareDevice() {
  const Session &session = compiler.session();
  std::string ptx;
  if (!options.ptx.empty()) {
    auto text = readText(options.ptx, "PTX text", session.stop);
    if (!text)
      return session.error("--ptx '{}' {}", options.ptx, text.error());
    ptx = std::move(*text);
  }
  if (options.emulate) {
    if (!llvm::sys::fs::exists(options.emulator))
      return session.error("--emulate: there is no emulator at '{}'", options.emulator);
    vitrt::setDriverPath(options.emulator);
  }
  // A file of PTX was written by a build, which asks ptxas; its names must be those of the kernels.
  bool ask = !options.emulate || !ptx.empty();
  if (failed(compiler.generate(ask ? Compiler::Oracle::decides : Compiler::Oracle::none)))
    return failure();
  data = compiler.link("model");
  if (!data)
    return failure();
  auto shapes = runnableModel(*data->view(), 0, size());
  if (!shapes)
    return session.error("{}: {}", compiler.settings().model, shapes.error());
  runnable = std::move(*shapes);
  const vit_library *library = data->view();
  if (isCpu()) {
    auto object = emitObject(*library, /*exported=*/true, data->cpuBitcode);
    if (!object)
      return session.error(object.takeError());
    auto placed = LoadedObject::load(std::move(*object), library->name);
    if (!placed)
      return session.error(placed.takeError());
    placedLibrary = std::move(*placed);
    library = placedLibrary->view();
  }
  auto model = vitrt::loadModelFrom(library, opened.source.get(), deviceName(options.device),
                                    loadOptions(options.allowNonfinite, session, std::move(ptx)));
  if (!model)
    return session.error(model.error());
  loaded = std::move(*model);
  description = vit_model_description(loaded.get());
  return success();
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

void Runner::announce() {
  if (announced)
    return;
  announced = true;
  if (tell)
    tell(description);
}

Result<vit_workspace *> Runner::workspace() {
  announce();
  if (!space) {
    auto created = vitrt::createWorkspace(loaded.get(), int(runnable.maxBatch), size());
    if (!created)
      return created.takeError();
    space = std::move(*created);
  }
  return space.get();
}

Result<void> Runner::run(int64_t batch, std::span<const float> input,
                         std::span<std::vector<double>> outputs) {
  announce();
  return isReference() ? runReference(batch, input, outputs) : runDevice(batch, input, outputs);
}

Result<void> Runner::runReference(int64_t batch, std::span<const float> input,
                                  std::span<std::vector<double>> outputs) {
  reference::Tensor tensor;
  tensor.shape.push_back(batch);
  tensor.shape.insert(tensor.shape.end(), runnable.input.perImage.begin(),
                      runnable.input.perImage.end());
  tensor.values.assign(input.begin(), input.end());
  auto results = reference->run({std::move(tensor)});
  if (!results)
    return vitrt::Error{llvm::toString(results.takeError())};
  for (size_t i = 0; i < outputs.size(); ++i)
    outputs[i] = std::move((*results)[i].tensor.values);
  return {};
}

Result<void> Runner::runDevice(int64_t batch, std::span<const float> input,
                               std::span<std::vector<double>> outputs) {
  auto space = workspace();
  if (!space)
    return space.takeError();
  values.resize(outputs.size());
  const void *inputs[] = {asStored(runnable.input, input, bytes)};
  std::vector<void *> pointers;
  for (size_t i = 0; i < outputs.size(); ++i) {
    values[i].resize(outputs[i].size());
    pointers.push_back(values[i].data());
  }
  auto done = vitrt::runHostObserved(*space, int(batch), inputs, 1, pointers.data(),
                                     int(pointers.size()), {});
  for (size_t i = 0; i < outputs.size(); ++i)
    outputs[i].assign(values[i].begin(), values[i].end());
  return done;
}

//===----------------------------------------------------------------------===//
// References without a golden file
//===----------------------------------------------------------------------===//

FailureOr<GoldenTask> driver::referenceTask(const CompileOptions &options, DeviceOptions device,
                                            int64_t images, const Session &session) {
  device.device = "reference";
  device.emulate = false;
  device.ptx.clear();
  Compiler compiler(options, session);
  Runner runner(compiler, device);
  if (failed(compiler.open()) || failed(runner.prepare()))
    return failure();
  GoldenTask task;
  task.batch = images;
  task.input = hashInput(runner.model().input, images);
  std::vector<std::vector<double>> outputs(runner.model().outputs.size());
  if (auto done = runner.run(images, task.input, outputs); !done)
    return session.error(done.error());
  for (size_t i = 0; i < outputs.size(); ++i)
    task.references.push_back({i, std::move(outputs[i])});
  return task;
}
