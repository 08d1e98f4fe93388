//===- Import.cpp - From a checkpoint directory to a graph -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Finds the files, asks the family's importer for the model, keeps the wanted
// outputs, and compares the weights with what is left.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Import.h"

#include "frontend/checkpoint/RecipeFiles.h"
#include "frontend/checkpoint/Recognise.h"
#include "frontend/checkpoint/Registry.h"
#include "frontend/checkpoint/Weights.h"
#include "frontend/checkpoint/timm/Architectures.h"
#include "weights/FileKind.h"
#include "weights/Safetensors.h"
#include "weights/TensorNames.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <fmt/format.h>
#include <unistd.h>

using namespace llvm;
using vitrt::quoted;

namespace vitc::checkpoint {

static bool isPickle(StringRef name) {
  return is_contained({".bin", ".pt", ".pth", ".pkl", ".ckpt"}, sys::path::extension(name));
}

/// Whether there is something of this name; an error where that cannot be told, or is a link to
/// nothing, which is not the same as nothing.
static vitrt::Result<bool> exists(const std::string &path) {
  sys::fs::file_status status;
  std::error_code code = sys::fs::status(path, status);
  if (!code)
    return true;
  if (code != std::errc::no_such_file_or_directory && code != std::errc::not_a_directory)
    return vitrt::Error{
        fmt::format("{}: cannot be read: {}", quoted(path), StringRef(code.message()).lower())};
  char target[4096];
  if (ssize_t length = readlink(path.c_str(), target, sizeof target); length > 0)
    return vitrt::Error{fmt::format("{}: is a link to {}, which is not there", quoted(path),
                                    quoted(std::string_view(target, size_t(length))))};
  return false;
}

/// Names of the files of a checkpoint: those of HuggingFace and timm, those of open_clip.
static constexpr const char *layouts[][2] = {
    {"config.json", "model.safetensors"},
    {"open_clip_config.json", "open_clip_model.safetensors"},
};

/// Whether a file is weights: one file, or the index of several.
static bool isWeights(StringRef path) {
  return path.ends_with(".safetensors") || path.ends_with(".safetensors.index.json");
}

/// The config that `path` means; the weights themselves where there is no config.
static vitrt::Result<std::string> findConfig(const std::string &path) {
  auto error = [&](const char *expected) {
    return vitrt::Error{fmt::format("{}: expected {}", quoted(path), expected)};
  };
  auto there = exists(path);
  if (!there)
    return there.takeError();
  if (!*there)
    return error("a checkpoint directory, found no such file");
  if (sys::fs::is_directory(path)) {
    for (auto [which, end] : {std::pair(0, ""), std::pair(1, ""), std::pair(1, ".index.json")})
      for (const auto &layout : layouts) {
        SmallString<128> file(path);
        sys::path::append(file, layout[which] + StringRef(end));
        there = exists(file.str().str());
        if (!there)
          return there.takeError();
        if (*there)
          return file.str().str();
      }
    return error("a config.json in this directory, found none");
  }
  if (isPickle(path))
    if (auto file = vitrt::Safetensors::open(path); !file)
      return file.takeError(); // says how to convert it
  if (sys::path::extension(path) == ".json")
    return path; // whatever is in it: its reader says
  std::string wrong = vitrt::unexpectedKind(vitrt::readHead(path), vitrt::FileWanted::Model, path);
  if (!wrong.empty())
    return vitrt::Error{fmt::format("{}: {}", quoted(path), wrong)};
  return error("a checkpoint directory or its config.json");
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
  if (isWeights(config))
    return config;
  StringRef stem = "model.safetensors";
  for (const auto &layout : layouts)
    if (sys::path::filename(config) == layout[0])
      stem = layout[1];
  for (StringRef end : {"", ".index.json"}) {
    std::string weights = inside((stem + end).str());
    auto there = exists(weights);
    if (!there)
      return there.takeError();
    if (*there)
      return weights;
  }
  if (sys::fs::exists(inside("pytorch_model.bin")))
    if (auto file = vitrt::Safetensors::open(inside("model.safetensors")); !file)
      return file.takeError(); // says how to convert the pickle
  return std::string();
}

std::vector<std::string> inputFiles(const std::string &path) {
  auto config = findConfig(path);
  if (!config)
    return {path};
  std::vector<std::string> files;
  if (!isWeights(*config))
    files.push_back(*config);
  append_range(files, recipeFiles(*config));
  if (auto weights = findWeights(*config); weights && !weights->empty())
    append_range(files, vitrt::Safetensors::filesOf(*weights));
  return files;
}

static std::vector<std::string> namesOf(const ImportedGraph &model) {
  std::vector<std::string> names;
  for (const NamedOutput &output : model.outputs)
    names.push_back(output.name.str());
  return names;
}

/// "hidden_states" and 3 of "hidden_states.3"; the number is -1 where there is none.
static std::pair<StringRef, int64_t> splitNumber(StringRef name) {
  auto [text, number] = name.rsplit('.');
  int64_t index;
  return number.getAsInteger(10, index) ? std::pair(name, int64_t(-1)) : std::pair(text, index);
}

std::string listOutputs(const std::vector<std::string> &names) {
  std::string list;
  for (size_t i = 0; i < names.size(); ++i) {
    auto [text, first] = splitNumber(names[i]);
    size_t last = i;
    while (first >= 0 && last + 1 < names.size() &&
           splitNumber(names[last + 1]) == std::pair(text, first + int64_t(last + 1 - i)))
      ++last;
    list += (list.empty() ? "" : ", ") + names[i];
    if (last > i)
      list += " to " + names[last];
    i = last;
  }
  return list;
}

/// Makes the wanted outputs the graph's. Returns an error text, or "".
static std::string selectOutputs(ImportedGraph &model, const std::vector<std::string> &wanted) {
  auto take = [&](const NamedOutput &output) {
    graph::output(output.name.in(model.graph), output.value);
  };
  if (wanted.empty())
    for (const NamedOutput &output : model.outputs)
      if (output.isDefault)
        take(output);
  StringSet<> seen;
  for (const std::string &name : wanted) {
    auto found = find_if(model.outputs,
                         [&](const NamedOutput &output) { return name == output.name.str(); });
    if (found == model.outputs.end())
      return fmt::format("outputs: expected one of {}, found {}", listOutputs(namesOf(model)),
                         quoted(name));
    if (!seen.insert(name).second)
      return fmt::format("outputs: expected each name once, found {} twice", quoted(name));
    take(*found);
  }
  return "";
}

/// timm and open_clip have it in the config.
static bool hasRecipe(StringRef family, const std::string &configPath) {
  return family.starts_with("timm-") || family == "open-clip" || !recipeFiles(configPath).empty();
}

/// As the family's own library reads it.
static vitrt::Result<PictureRecipe> readRecipe(StringRef family, const std::string &configPath,
                                               const json::Object &config,
                                               const PictureOptions &options) {
  if (family.starts_with("timm-"))
    return readTimmRecipe(configPath, config, options);
  if (family == "open-clip")
    return readOpenClipRecipe(configPath, config, options);
  return readTransformersRecipe(configPath, config, options);
}

vitrt::Result<Import> importCheckpoint(const std::string &path, const ImportOptions &options) {
  auto configPath = findConfig(path);
  if (!configPath)
    return configPath.takeError();
  bool hasConfig = !isWeights(*configPath);
  vitrt::Result<json::Object> object = json::Object();
  if (hasConfig)
    object = readJsonObject(*configPath);
  if (!object)
    return object.takeError();
  auto weightsPath = findWeights(*configPath);
  if (!weightsPath)
    return weightsPath.takeError();
  std::optional<vitrt::Safetensors> file;
  std::optional<vitrt::TensorNames> tensors;
  if (!weightsPath->empty()) {
    auto opened = vitrt::Safetensors::open(*weightsPath);
    if (opened)
      tensors.emplace(file.emplace(std::move(*opened)));
    else if (options.checkWeights)
      return opened.takeError();
  }

  Config config(std::move(*object), *configPath);
  config.wantedArchitecture = options.architecture;
  config.wantedImage = options.imageSize;
  config.wantedGrid = options.anySizeGrid;
  if (std::string wrong = objectionToArchitecture(options.architecture); !wrong.empty())
    return vitrt::Error{"--architecture: " + wrong};
  const Family *family = nullptr;
  if (!hasConfig && tensors && options.architecture.empty())
    family = findFamily(*tensors);
  if (!hasConfig && !family && options.architecture.empty()) {
    std::string other = file ? modelOfTensors(*file) : "";
    return vitrt::Error{
        fmt::format("{}: expected a config.json in this directory, found none, and the tensors {}",
                    quoted(path),
                    other.empty() ? "do not tell what model this is"
                                  : "are those of " + other + ", whose settings they do not tell")};
  }
  if (!family)
    family = findFamily(config);
  ImportedGraph model;
  if (family)
    model = family->import(config, tensors ? &*tensors : nullptr);
  if (config.failed()) {
    std::optional<StringRef> name = config.textOf("architecture");
    bool named = name && timm::findArchitecture(*name); // the error says what it is
    std::string other = !family && file && !named ? modelOfTensors(*file) : "";
    return vitrt::Error{config.error() +
                        (other.empty() ? "" : "; its tensors are those of " + other)};
  }
  if (std::string problem = selectOutputs(model, options.outputs); !problem.empty())
    return vitrt::Error{fmt::format("{}: {}", quoted(path), problem)};
  if (model.graph.problem.found)
    return vitrt::Error{
        fmt::format("{}: {}", quoted(*configPath), graph::problemText(model.graph))};

  Import result;
  result.printing = {family->keys(model.architecture), model.unused};
  result.printing.anySize = options.anySizeGrid.has_value();
  append_range(result.printing.ignored, deadWeights(model.graph, result.printing.keys));
  result.notes = std::move(config.notes);
  if (options.checkWeights && file)
    if (auto checked = checkWeights(model.graph, result.printing, *file, *tensors, result.notes);
        !checked)
      return checked.takeError();
  if (hasRecipe(family->name, *configPath)) {
    auto recipe = readRecipe(family->name, *configPath, config.members(), options.pictures);
    if (recipe)
      result.pictures = *recipe;
    else
      result.noPictures = recipe.error();
  }
  result.labels = readLabels(config.members());
  result.graph = std::move(model.graph);
  result.architecture = model.architecture;
  result.weights = *weightsPath;
  result.availableOutputs = namesOf(model);
  return result;
}

std::optional<Unsupported> findUnsupported(const std::string &path) {
  auto config = findConfig(path);
  if (!config || sys::path::extension(*config) != ".json")
    return std::nullopt;
  auto object = readJsonObject(*config);
  if (!object || object->get("model_type") || object->get("model_args"))
    return std::nullopt;
  std::optional<StringRef> name = object->getString("architecture");
  const timm::Architecture *known = name ? timm::findArchitecture(*name) : nullptr;
  std::optional<int64_t> classes = object->getInteger("num_classes");
  if (!known || known->unsupported.empty() ||
      (classes && classes != known->cfg->getInteger("num_classes")))
    return std::nullopt;
  Unsupported found = {name->str(), known->unsupported.str(), {}};
  for (const timm::ListedTensor &tensor : timm::parametersOf(*known))
    found.parameters.emplace_back(tensor.name, tensor.elements);
  return found;
}

} // namespace vitc::checkpoint
