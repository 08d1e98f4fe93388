//===- TimmConfig.cpp - Settings of timm's models --------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/timm/TimmConfig.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <fmt/format.h>

using namespace llvm;

namespace vitc::checkpoint::timm {

using dsl::Activation;
using dsl::Norm;
using dsl::NormKind;

/// Fields of "pretrained_cfg" that are of preprocessing, labels, training or where a file is from;
/// its other fields become arguments.
static constexpr StringRef bookkeeping[] = {
    "url",
    "file",
    "state_dict",
    "hf_hub_id",
    "source",
    "architecture",
    "tag",
    "custom_load",
    "mean",
    "interpolation",
    "crop_pct",
    "test_crop_pct",
    "std",
    "crop_mode",
    "label_offset",
    "label_names",
    "pool_size",
    "test_pool_size",
    "label_descriptions",
    "hf_hub_filename",
    "first_conv",
    "classifier",
    "license",
    "description",
    "origin_url",
    "paper_name",
    "paper_ids",
    "notes",
    "min_input_size",
    "test_input_size",
    "labels",
};
/// Arguments that matter in training alone.
static constexpr StringRef training[] = {
    "drop_rate",       "pos_drop_rate",     "patch_drop_rate",    "proj_drop_rate",
    "attn_drop_rate",  "drop_path_rate",    "weight_init",        "fix_init",
    "head_init_scale", "rope_shift_coords", "rope_jitter_coords", "rope_rescale_coords",
    "drop_block_rate",
};

bool namesClass(const Config &config, ArrayRef<StringRef> classes) {
  std::optional<StringRef> name = config.textOf("architecture");
  const Architecture *found = name && !config.has("model_type") ? findArchitecture(*name) : nullptr;
  return found && is_contained(classes, found->className);
}

/// None is as if an argument were not given.
static void overlay(json::Object &args, const json::Object &more) {
  for (const auto &[key, value] : more)
    if (value.kind() != json::Value::Null)
      args[key] = value;
}

/// "pretrained_cfg", or in older files the top itself; where neither says something, `fallback`.
static json::Object pretrained(Config &config, const json::Object &fallback) {
  json::Object cfg = fallback;
  const json::Object *own = nullptr;
  config.harmless({"pretrained_cfg"}); // which may be null
  if (config.has("pretrained_cfg"))
    own = config.dictionary("pretrained_cfg");
  else {
    own = &config.members();
    config.harmless(bookkeeping);
    config.harmless({"input_size", "fixed_input_size"});
  }
  for (StringRef key : {"input_size", "num_classes", "global_pool"})
    if (const json::Value *value = own ? own->get(key) : nullptr;
        value && value->kind() != json::Value::Null)
      cfg[key] = *value;
  if (config.has("pretrained_cfg") && own) {
    Config inner = config.derive(*own);
    inner.harmless(bookkeeping);
    inner.harmless({"input_size", "fixed_input_size", "num_classes", "global_pool"});
    inner.refuseOthers();
    config.take(inner);
  }
  return cfg;
}

/// Sets "in_chans" and "img_size" from [channels, height, width], unless `args` has them.
static void setInput(Config &config, json::Object &args, const json::Object &cfg) {
  const json::Array *size = cfg.getArray("input_size");
  if (!size || size->size() != 3)
    return config.failFound("pretrained_cfg", "an 'input_size' of [channels, height, width]");
  args.try_emplace("in_chans", (*size)[0]);
  args.try_emplace("img_size", json::Array{(*size)[1], (*size)[2]});
}

Config readArguments(Config &config, const Architecture &architecture) {
  json::Object given = *architecture.args;
  config.harmless(
      {"architecture", "label_names", "label_descriptions", "model_args", "num_features"});
  if (config.has("model_args"))
    if (const json::Object *args = config.dictionary("model_args"))
      overlay(given, *args);
  json::Object cfg = pretrained(config, *architecture.cfg);
  // The number at the top is that of the file's head; timm takes it for that of pretrained_cfg.
  if (config.has("num_classes"))
    cfg["num_classes"] = config.count("num_classes", 0);
  for (StringRef key : {"num_classes", "global_pool"})
    if (const json::Value *value = cfg.get(key); value && value->getAsInteger().value_or(0) >= 0)
      given.try_emplace(key, *value);
  setInput(config, given, cfg);

  json::Object args = *architecture.defaults;
  overlay(args, given);
  for (auto &[key, value] : *architecture.defaults)
    if (args.get(key)->kind() == json::Value::Null)
      args.erase(key);
  // What timm writes at the top beside the arguments; another value would be a mistake of somebody.
  for (StringRef key : {"num_classes", "global_pool"})
    if (const json::Value *value = args.get(key))
      config.neutral(key, *value);
  config.refuseOthers();
  Config derived = config.derive(std::move(args));
  derived.harmless(training);
  return derived;
}

Norm readNorm(Config &args, StringRef key, Norm fallback) {
  if (!args.has(key))
    return fallback;
  std::string name;
  double eps = 1e-6; // of timm's own classes
  if (args.textOf(key))
    name = args.text(key);
  else if (const json::Object *norm = args.dictionary(key)) {
    name = norm->getString("norm").value_or("");
    eps = norm->getNumber("eps").value_or(eps);
  }
  if (is_contained({"LayerNorm", "layernorm"}, name))
    return {NormKind::Layer, eps};
  if (is_contained({"RmsNorm", "rmsnorm"}, name))
    return {NormKind::Rms, eps};
  args.failFound(key, "layernorm or rmsnorm");
  return fallback;
}

Activation readActivation(Config &args, StringRef key, Activation fallback) {
  // clang-format off
  static constexpr std::pair<const char *, Activation> known[] = {
      {"gelu",       Activation::Gelu},
      {"GELU",       Activation::Gelu},
      {"gelu_tanh",  Activation::GeluTanh},
      {"quick_gelu", Activation::GeluQuick},
      {"relu",       Activation::Relu},
      {"silu",       Activation::Silu},
      {"swish",      Activation::Silu},
      {"SiLU",       Activation::Silu},
      {"tanh",       Activation::Tanh},
  };
  // clang-format on
  if (!args.has(key))
    return fallback;
  std::string name = args.text(key);
  for (auto [text, activation] : known)
    if (name == text)
      return activation;
  args.failFound(key, "one of " + join(make_first_range(known), ", "));
  return fallback;
}

Sizes readSizes(Config &args) {
  Sizes s;
  s.image = args.sizes("img_size");
  s.patch = args.sizes("patch_size");
  s.channels = args.size("in_chans");
  s.width = args.size("embed_dim");
  s.classes = args.count("num_classes", 0);
  s.seen = args.imageSize("img_size", s.image, s.patch);
  return s;
}

} // namespace vitc::checkpoint::timm
