//===- Import.cpp - From a checkpoint directory to a graph -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Finds the files, asks the family's importer for the model, keeps the wanted
// outputs, and compares the weights with what is left.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Import.h"

#include "frontend/checkpoint/Models.h"
#include "frontend/checkpoint/Weights.h"
#include "weights/Safetensors.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using vitrt::quoted;

namespace vitc {

void expectPatchesFill(Config &config, Size image, Size patch) {
  if (config.failed() || (image.height % patch.height == 0 && image.width % patch.width == 0))
    return;
  config.fail("image_size", "expected multiples of the patch size " + Twine(patch.height) + "x" +
                                Twine(patch.width) + ", found " + Twine(image.height) + "x" +
                                Twine(image.width));
}

static vitrt::Error error(const Twine &text) { return {text.str()}; }

static bool isPickle(StringRef name) {
  return is_contained({".bin", ".pt", ".pth", ".pkl", ".ckpt"}, sys::path::extension(name));
}

/// The config.json that `path` means.
static vitrt::Result<std::string> findConfig(const std::string &path) {
  if (!sys::fs::exists(path))
    return error(quoted(path) + ": expected a checkpoint directory, found no such file");
  if (sys::fs::is_directory(path)) {
    SmallString<128> config(path);
    sys::path::append(config, "config.json");
    if (!sys::fs::exists(config))
      return error(quoted(path) + ": expected a config.json in this directory, found none");
    return config.str().str();
  }
  if (isPickle(path))
    if (auto file = vitrt::Safetensors::open(path); !file)
      return file.takeError(); // says how to convert it
  if (sys::path::extension(path) != ".json")
    return error(quoted(path) + ": expected a checkpoint directory or its config.json");
  return path;
}

/// The weights beside `config`; empty for none. A directory that has them only as a pickle is
/// refused: an importer that goes on without them would surprise.
static vitrt::Result<std::string> findWeights(const std::string &config) {
  StringRef directory = sys::path::parent_path(config);
  auto inside = [&](StringRef name) {
    SmallString<128> path(directory);
    sys::path::append(path, name);
    return path.str().str();
  };
  std::string weights = inside("model.safetensors");
  if (sys::fs::exists(weights))
    return weights;
  for (StringRef other : {"model.safetensors.index.json", "pytorch_model.bin"})
    if (sys::fs::exists(inside(other)))
      if (auto file = vitrt::Safetensors::open(weights); !file)
        return file.takeError(); // says what to do with the other file
  return std::string();
}

static Model importModel(Config &config, const vitrt::Safetensors *file) {
  if (config.has("architecture")) {
    if (config.text("architecture") == "kernelbench_vit")
      return importKernelBench(config);
    config.failFound("architecture", "\"kernelbench_vit\"");
    return {};
  }
  if (!config.has("model_type")) {
    config.fail("model_type", "expected \"vit\", or 'architecture' \"kernelbench_vit\", found "
                              "neither");
    return {};
  }
  if (config.text("model_type") == "vit")
    return importHfVit(config, file);
  config.failFound("model_type", "\"vit\"");
  return {};
}

/// Makes the wanted outputs the graph's. Returns an error text, or "".
static std::string selectOutputs(Model &model, const std::vector<std::string> &wanted) {
  auto take = [&](const NamedOutput &output) {
    graph::output(model.graph, output.name, output.value);
  };
  if (wanted.empty())
    for (const NamedOutput &output : model.outputs)
      if (output.isDefault)
        take(output);
  StringSet<> seen;
  for (const std::string &name : wanted) {
    auto found =
        find_if(model.outputs, [&](const NamedOutput &output) { return name == output.name.text; });
    if (found == model.outputs.end())
      return "outputs: expected one of " +
             join(map_range(model.outputs, [](const NamedOutput &o) { return o.name.text; }),
                  ", ") +
             ", found " + quoted(name);
    if (!seen.insert(name).second)
      return "outputs: expected each name once, found " + quoted(name) + " twice";
    take(*found);
  }
  return "";
}

vitrt::Result<Import> importCheckpoint(const std::string &path, const ImportOptions &options) {
  auto configPath = findConfig(path);
  if (!configPath)
    return configPath.takeError();
  auto object = readJsonObject(*configPath);
  if (!object)
    return object.takeError();
  auto weightsPath = findWeights(*configPath);
  if (!weightsPath)
    return weightsPath.takeError();
  std::optional<vitrt::Safetensors> file;
  if (options.checkWeights && !weightsPath->empty()) {
    auto opened = vitrt::Safetensors::open(*weightsPath);
    if (!opened)
      return opened.takeError();
    file = std::move(*opened);
  }

  Config config(std::move(*object), *configPath);
  Model model = importModel(config, file ? &*file : nullptr);
  if (config.failed())
    return vitrt::Error{config.error()};
  if (std::string problem = selectOutputs(model, options.outputs); !problem.empty())
    return error(quoted(path) + ": " + problem);
  if (model.graph.problem.found)
    return error(quoted(*configPath) + ": " + graph::problemText(model.graph));

  Import result;
  result.printing = {model.keys, unusedTensors(model)};
  if (file)
    if (auto checked = checkWeights(model, result.printing.ignored, *file, result.notes); !checked)
      return checked.takeError();
  result.graph = std::move(model.graph);
  result.architecture = model.architecture;
  result.weights = *weightsPath;
  for (const NamedOutput &output : model.outputs)
    result.availableOutputs.push_back(output.name.text);
  return result;
}

vitrt::Result<GoldenMeta> readGoldenMeta(const std::string &directory) {
  SmallString<128> path(directory);
  sys::path::append(path, "meta.json");
  GoldenMeta meta;
  if (!sys::fs::exists(path))
    return meta;
  auto object = readJsonObject(path.str().str());
  if (!object)
    return object.takeError();
  Config config(std::move(*object), path.str().str());
  if (config.has("weights")) {
    if (config.text("weights") != "tools/hash_weights.py")
      config.failFound("weights", "\"tools/hash_weights.py\"");
    meta.hashWeights = true;
  }
  meta.batch = config.size("batch", 1, /*most=*/1 << 16);
  if (const json::Object *add = config.dictionary("add"))
    for (const auto &entry : *add) {
      std::optional<double> number = entry.second.getAsNumber();
      if (!number)
        config.fail("add", "expected a number for " + quoted(entry.first.str()));
      meta.add[entry.first.str()] = number.value_or(0);
    }
  if (config.failed())
    return vitrt::Error{config.error()};
  return meta;
}

} // namespace vitc
