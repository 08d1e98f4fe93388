//===- Registry.cpp - The families of checkpoints that are read ------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Registry.h"

#include "llvm/ADT/STLExtras.h"

#include <fmt/format.h>

using namespace llvm;

namespace vitc::checkpoint {

// One line for each: the function of families/*.cpp that describes it.
// clang-format off
#define VITC_FAMILIES(FAMILY) \
  FAMILY(hfVit)               \
  FAMILY(kernelBench)
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

const Family *findFamily(Config &config) {
  for (const Family &family : families())
    if (family.matches(config))
      return &family;
  for (const Family &family : families())
    if (config.has(family.key)) {
      config.failFound(family.key, knownValues(family.key));
      return nullptr;
    }
  config.fail(families().front().key,
              fmt::format("expected {}, found none of them", knownValues()));
  return nullptr;
}

} // namespace vitc::checkpoint
