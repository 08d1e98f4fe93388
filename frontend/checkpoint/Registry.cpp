//===- Registry.cpp - The families of checkpoints that are read ------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Registry.h"

#include "frontend/checkpoint/Recognise.h"
#include "frontend/checkpoint/timm/Architectures.h"

#include "weights/Safetensors.h"

#include "llvm/ADT/STLExtras.h"

#include <fmt/format.h>

using namespace llvm;

namespace vitc::checkpoint {

// One line for each: the function of families/*.cpp that describes it.
// clang-format off
#define VITC_FAMILIES(FAMILY) \
  FAMILY(hfVit)               \
  FAMILY(hfDeit)              \
  FAMILY(hfVitMsn)            \
  FAMILY(hfVitMae)            \
  FAMILY(hfIJepa)             \
  FAMILY(hfDinov2)            \
  FAMILY(hfDinov2Registers)   \
  FAMILY(hfDinov3)            \
  FAMILY(hfClip)              \
  FAMILY(hfSiglip)            \
  FAMILY(hfSiglip2)           \
  FAMILY(hfAimv2)             \
  FAMILY(hfBeit)              \
  FAMILY(hfData2VecVision)    \
  FAMILY(hfYolos)             \
  FAMILY(hfSwin)              \
  FAMILY(kernelBench)         \
  FAMILY(openClip)            \
  FAMILY(timmBeit)            \
  FAMILY(timmEva)             \
  FAMILY(timmSwin)            \
  FAMILY(timmVit)             \
  FAMILY(torchvisionVit)
// clang-format on

#define VITC_FAMILY(function) Family function();
VITC_FAMILIES(VITC_FAMILY)
#undef VITC_FAMILY

ArrayRef<Family> families() {
#define VITC_FAMILY(function) function(),
  static const Family all[] = {VITC_FAMILIES(VITC_FAMILY)};
#undef VITC_FAMILY
  return all;
}

std::string OutputName::str() const {
  return index < 0 ? std::string(text.text) : fmt::format("{}.{}", text.text, index);
}

graph::Scope OutputName::in(graph::Graph &graph) const {
  return index < 0 ? graph / text : graph / text / index;
}

std::string familyTable() {
  std::string table = "| source | models | classes |\n|---|---|---|\n";
  for (const Family &family : families()) {
    std::string classes = family.summary;
    if (classes.empty())
      for (const char *architecture : family.architectures)
        classes += fmt::format("{}`{}`", classes.empty() ? "" : ", ", architecture);
    table += fmt::format("| {} | {} | {} |\n", family.source, family.title, classes);
  }
  return table;
}

/// "'model_type' "vit" or "beit", or 'architecture' "kernelbench_vit"", or the values of one key.
static std::string knownValues(StringRef key = "") {
  std::string text;
  for (const Family &family : families())
    if (key.empty())
      text += fmt::format("{}'{}' {}", text.empty() ? "" : ", or ", family.key, family.values);
    else if (key == family.key)
      text += (text.empty() ? "" : " or ") + std::string(family.values);
  return text;
}

static const Family *familyOf(StringRef architecture) {
  for (const Family &family : families())
    if (is_contained(family.architectures, architecture))
      return &family;
  return nullptr;
}

std::string objectionToArchitecture(StringRef name) {
  if (name.empty() || familyOf(name))
    return "";
  std::string known, nearest;
  unsigned least = std::max<size_t>(2, name.size() / 3);
  for (const Family &family : families())
    for (StringRef one : family.architectures) {
      known += (known.empty() ? "" : ", ") + one.str();
      if (unsigned distance = one.edit_distance_insensitive(name); distance <= least) {
        least = distance;
        nearest = one.str();
      }
    }
  std::string text = fmt::format("expected one of {}, found {}", known, vitrt::quoted(name));
  return nearest.empty() ? text : text + "; did you mean " + nearest + "?";
}

/// Fails for an architecture of timm, whose configs have other keys than those of transformers.
static void refuseTimmModel(Config &config) {
  std::optional<StringRef> name = config.textOf("architecture");
  if (!name || config.has("model_type"))
    return;
  if (const timm::Architecture *known = timm::findArchitecture(*name))
    config.failFound(
        "architecture",
        fmt::format("one of another class, as timm's {} is not supported", known->className.str()));
  else
    config.failFound("architecture",
                     fmt::format("\"kernelbench_vit\", \"torchvision_vit\" or a name of timm "
                                 "1.0.31 ({})",
                                 timm::suggestionsFor(*name)));
}

/// The only class that the config names, if a family has it.
static const Family *familyOfClasses(Config &config) {
  const json::Array *names = config.array("architectures");
  std::optional<StringRef> name;
  if (names && names->size() == 1)
    name = (*names)[0].getAsString();
  const Family *family = name ? familyOf(*name) : nullptr;
  if (family)
    config.note(family->key, fmt::format("is {}; {} is taken, as 'architectures' has {}",
                                         config.found(family->key), family->values, name->str()));
  return family;
}

const Family *findFamily(Config &config) {
  if (!config.wantedArchitecture.empty())
    return familyOf(config.wantedArchitecture);
  for (const Family &family : families())
    if (family.matches(config))
      return &family;
  refuseTimmModel(config);
  if (config.failed())
    return nullptr;
  std::string other = modelOfConfig(config);
  for (const Family &family : families())
    if (config.has(family.key)) {
      config.fail(family.key,
                  fmt::format("expected {}, found {}{}", knownValues(family.key),
                              config.found(family.key), other.empty() ? "" : ", " + other));
      return nullptr;
    }
  if (!other.empty()) {
    config.fail("_class_name",
                "expected the config of a Vision Transformer, found that of " + other);
    return nullptr;
  }
  if (const Family *family = familyOfClasses(config); family || config.failed())
    return family;
  config.fail(families().front().key,
              fmt::format("expected {}, found none of them; name the class with --architecture",
                          knownValues()));
  return nullptr;
}

const Family *findFamily(const vitrt::TensorNames &tensors) {
  for (const Family &family : families())
    if (family.matchesTensors && family.matchesTensors(tensors))
      return &family;
  return nullptr;
}

} // namespace vitc::checkpoint
