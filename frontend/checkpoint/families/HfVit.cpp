//===- HfVit.cpp - ViT of HuggingFace, and its next of kin -----------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// One encoder, pre-norm, with these differences:
//   ViT      class token; its model may have a pooler
//   DeiT     a distillation token behind the class token, and a class for two heads
//   ViT-MSN  other eps
//   ViT-MAE  pretrained by masking three of four patches; what is built sees all
//   I-JEPA   no class token, so the classifier takes the mean
// For other sizes of images the table of positions is resampled bicubically, without antialiasing.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Encoder.h"
#include "frontend/checkpoint/HfTensors.h"

#include <fmt/format.h>

using namespace llvm;

namespace vitc::checkpoint {

using dsl::Activation;
using graph::Scope;
using graph::Value;

namespace {
enum class Kind { Vit, DeiT, Msn, Mae, IJepa };

/// One family. A class that it does not have is null.
struct Variant {
  Kind kind;
  const char *title, *modelType;
  const char *prefix; ///< of the encoder in a class with a head
  const char *model, *classifier, *teacher = nullptr, *pretraining = nullptr;
  double eps = 1e-12;

  int64_t lead() const { return kind == Kind::IJepa ? 0 : kind == Kind::DeiT ? 2 : 1; }
  bool mayPool() const { return kind == Kind::Vit || kind == Kind::DeiT; }
  /// Those that are read, first those with a weight of their own.
  SmallVector<ClassHint> classes() const {
    SmallVector<ClassHint> all;
    if (teacher)
      all.push_back({teacher, "head_cls.weight"});
    if (classifier)
      all.push_back({classifier, "head.weight"});
    if (pretraining)
      all.push_back({pretraining, nullptr});
    all.push_back({model, nullptr});
    return all;
  }
};

constexpr Variant variants[] = {
    {Kind::Vit, "ViT, DINO", "vit", "vit.", "ViTModel", "ViTForImageClassification"},
    {Kind::DeiT, "DeiT", "deit", "deit.", "DeiTModel", "DeiTForImageClassification",
     "DeiTForImageClassificationWithTeacher"},
    {Kind::Msn, "ViT-MSN", "vit_msn", "vit.", "ViTMSNModel", "ViTMSNForImageClassification",
     nullptr, nullptr, 1e-6},
    {Kind::Mae, "ViT-MAE, its encoder", "vit_mae", "vit.", "ViTMAEModel", nullptr, nullptr,
     "ViTMAEForPreTraining"},
    {Kind::IJepa, "I-JEPA", "ijepa", "ijepa.", "IJepaModel", "IJepaForImageClassification"},
};
} // namespace

/// Keys of transformers 5, aliases of transformers 4.
template <Kind K> static graph::KeyScheme keys(StringRef architecture) {
  const Variant &v = variants[size_t(K)];
  // clang-format off
  graph::KeyScheme scheme = {{
      {"cls_token", "embeddings.cls_token"},
      {"dist_token", "embeddings.distillation_token"},
      {"pos_embed", "embeddings.position_embeddings"},
      {"patch_embed", "embeddings.patch_embeddings.projection"},
      {"blocks.*.norm1", "layers.*.layernorm_before", {"encoder.layer.*.layernorm_before"}},
      {"blocks.*.norm2", "layers.*.layernorm_after", {"encoder.layer.*.layernorm_after"}},
      {"blocks.*.attn.q", "layers.*.attention.q_proj", {"encoder.layer.*.attention.attention.query"}},
      {"blocks.*.attn.k", "layers.*.attention.k_proj", {"encoder.layer.*.attention.attention.key"}},
      {"blocks.*.attn.v", "layers.*.attention.v_proj", {"encoder.layer.*.attention.attention.value"}},
      {"blocks.*.attn.proj", "layers.*.attention.o_proj", {"encoder.layer.*.attention.output.dense"}},
      {"blocks.*.mlp.fc1", "layers.*.mlp.fc1", {"encoder.layer.*.intermediate.dense"}},
      {"blocks.*.mlp.fc2", "layers.*.mlp.fc2", {"encoder.layer.*.output.dense"}},
      {"norm", "layernorm"},
      {"pooler", "pooler.dense"},
      {"head", "classifier", {}, {}, /*prefixed=*/false},
      {"head_cls", "cls_classifier", {}, {}, /*prefixed=*/false},
      {"head_dist", "distillation_classifier", {}, {}, /*prefixed=*/false},
  }};
  // clang-format on
  scheme.prefixes = {v.prefix};
  if (architecture == v.model)
    scheme.prefixes = {"", v.prefix};
  else if (K == Kind::Msn) // transformers 5 saves its layers without, and all else with the prefix
    scheme.prefixes.push_back("");
  return scheme;
}

static Encoder encoderOf(Config &config, const Variant &v, const HfSizes &s) {
  Encoder e;
  e.channels = s.channels;
  e.seen = s.seen;
  e.patches = {s.patch.height, s.patch.width, s.width};
  e.classToken = v.lead() > 0;
  e.distillationToken = v.lead() > 1;
  e.positions = readPositions(config, s, v.lead(), /*antialias=*/false, /*always=*/false);
  e.layers = s.layers;
  e.block.attention.heads = s.heads;
  e.block.attention.headDim = s.headDim;
  e.block.attention.qkvBias = config.flag("qkv_bias", true);
  e.block.mlp = {s.mlp, readActivation(config, "hidden_act", "gelu")};
  e.block.norm = {dsl::NormKind::Layer, s.eps};
  e.norm = e.block.norm;
  return e;
}

/// Published models come with and without a pooler; the config does not say.
static bool hasPooler(const Variant &v, const NamedTensors &tensors) {
  return v.mayPool() && (!tensors.haveFile() || tensors.has("pooler.weight"));
}

namespace {
struct Pooler {
  int64_t width;
  Activation activation;
};
} // namespace

/// Of the class that has one; to others, and to the families without, its settings mean nothing.
static Pooler readPooler(Config &config, const Variant &v, const std::string &architecture,
                         int64_t width) {
  config.harmless({"pooler_output_size", "pooler_act"}); // the first may be null
  if (!v.mayPool() || architecture != v.model)
    return {width, Activation::Tanh};
  if (config.has("pooler_output_size"))
    width = config.size("pooler_output_size");
  return {width, readActivation(config, "pooler_act", "tanh")};
}

/// Adds what the class returns.
static void addOutputs(ImportedGraph &model, const Variant &v, Value hidden, int64_t classes,
                       const std::optional<Pooler> &pooler) {
  graph::Graph &g = model.graph;
  auto classify = [&](Scope s, int64_t token) {
    return dsl::Linear{classes}(s, graph::select(s / "token", hidden, token));
  };
  if (v.teacher && model.architecture == v.teacher) {
    Scope head = g / "head";
    Value first = classify(g / "head_cls", 0), second = classify(g / "head_dist", 1);
    Value mean = graph::scale(head / "mean", graph::add(head, first, second), 0.5);
    model.outputs = {{"logits", mean}, {"cls_logits", first}, {"distillation_logits", second}};
  } else if (v.classifier && model.architecture == v.classifier) {
    Scope head = g / "head";
    Value logits = v.lead()
                       ? classify(head, 0)
                       : dsl::Linear{classes}(head, graph::meanTokens(head / "mean", hidden, 0));
    model.outputs = {{"logits", logits}};
  }
  model.outputs.push_back({"last_hidden_state", hidden, /*isDefault=*/model.outputs.empty()});
  if (pooler) {
    Scope s = g / "pooler";
    Value x = dsl::Linear{pooler->width}(s, graph::select(s / "token", hidden, 0));
    model.outputs.push_back({"pooler_output", dsl::activate(s, x, pooler->activation)});
  }
}

/// What files have beside the weights of the class: heads and decoders of others, and mask tokens.
static std::vector<std::string> unusedTensors(const Variant &v, const std::string &architecture) {
  std::string prefix = v.prefix;
  std::vector<std::string> unused = {prefix + "embeddings.mask_token"};
  bool bare = architecture == v.model;
  if (bare)
    unused.insert(unused.end(), {"embeddings.mask_token", "classifier.*"});
  if (!bare || !v.mayPool())
    unused.insert(unused.end(), {prefix + "pooler.*", "pooler.*"});
  if (bare && v.teacher)
    unused.insert(unused.end(), {"cls_classifier.*", "distillation_classifier.*"});
  if (v.pretraining)
    unused.push_back("decoder.*");
  return unused;
}

static ImportedGraph importVariant(const Variant &v, Config &config, const NamedTensors &tensors) {
  ImportedGraph model;
  model.architecture = readClass(config, tensors, v.classes());
  if (tensors.haveFile())
    hintSizes(config, tensors, v.lead());
  config.harmless({"model_type"}); // which found this family
  HfSizes sizes = readSizes(
      config,
      {.freeHeads = true, .queries = tensors.extent("blocks.0.attn.q.weight", 2, 0), .eps = v.eps});
  Encoder encoder = encoderOf(config, v, sizes);
  int64_t classes = readClassCount(config);
  Pooler pooler = readPooler(config, v, model.architecture, sizes.width);
  if (v.kind == Kind::Mae) {
    config.harmless({"decoder_hidden_size", "decoder_num_hidden_layers",
                     "decoder_intermediate_size", "decoder_num_attention_heads", "mask_ratio",
                     "norm_pix_loss"});
    config.note("mask_ratio", fmt::format("is {} and not used: the encoder sees all patches, in "
                                          "their order, and no decoder is built",
                                          config.found("mask_ratio")));
  }
  allowHarmless(config);
  config.refuseOthers();
  if (config.failed())
    return model;

  Encoded encoded = encode(model.graph, encoder);
  bool pools = model.architecture == v.model && hasPooler(v, tensors);
  addOutputs(model, v, encoded.last, classes, pools ? std::optional(pooler) : std::nullopt);
  addStates(model, encoder, encoded);
  model.unused = unusedTensors(v, model.architecture);
  return model;
}

template <Kind K> static Family family(const char *name, const char *values) {
  const Variant &v = variants[size_t(K)];
  Family family = {.name = name,
                   .key = "model_type",
                   .values = values,
                   .matches =
                       [](const Config &config) {
                         return config.is("model_type", variants[size_t(K)].modelType);
                       },
                   .architectures = {},
                   .import =
                       [](Config &config, const vitrt::TensorNames *tensors) {
                         const Variant &v = variants[size_t(K)];
                         return importVariant(v, config, {tensors, keys<K>(v.model)});
                       },
                   .keys = keys<K>,
                   .title = v.title};
  for (const ClassHint &one : v.classes())
    family.architectures.push_back(one.architecture);
  return family;
}

Family hfVit() { return family<Kind::Vit>("hf-vit", "\"vit\""); }
Family hfDeit() { return family<Kind::DeiT>("hf-deit", "\"deit\""); }
Family hfVitMsn() { return family<Kind::Msn>("hf-vit-msn", "\"vit_msn\""); }
Family hfVitMae() { return family<Kind::Mae>("hf-vit-mae", "\"vit_mae\""); }
Family hfIJepa() { return family<Kind::IJepa>("hf-ijepa", "\"ijepa\""); }

} // namespace vitc::checkpoint
