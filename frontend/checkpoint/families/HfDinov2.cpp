//===- HfDinov2.cpp - DINOv2 of HuggingFace, with and without registers ----===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Pre-norm blocks with LayerScale; the largest have a SwiGLU in place of the MLP. The
// classifier reads the class token beside the mean of the patches. Positions are resampled at every
// size but that of the config: bicubically, and only in models with registers antialiased.
// Registers have no positions.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Encoder.h"
#include "frontend/checkpoint/HfTensors.h"

using namespace llvm;

namespace vitc::checkpoint {

using graph::Scope;
using graph::Value;

namespace {
struct Variant {
  const char *title, *modelType, *prefix, *model, *classifier;
  int64_t patch; ///< default of the config class
  bool registers;

  SmallVector<ClassHint> classes() const { return {{classifier, "head.weight"}, {model, nullptr}}; }
};

constexpr Variant variants[] = {
    {"DINOv2", "dinov2", "dinov2.", "Dinov2Model", "Dinov2ForImageClassification", 14, false},
    {"DINOv2 with registers", "dinov2_with_registers", "dinov2_with_registers.",
     "Dinov2WithRegistersModel", "Dinov2WithRegistersForImageClassification", 16, true},
};
} // namespace

/// Files have the names of transformers 4; those of transformers 5 itself are aliases. A gate is
/// packed with what it gates, or beside it.
template <int I> static graph::KeyScheme keys(StringRef architecture) {
  const Variant &v = variants[I];
  // clang-format off
  graph::KeyScheme scheme = {{
      {"cls_token", "embeddings.cls_token"},
      {"register_tokens", "embeddings.register_tokens"},
      {"pos_embed", "embeddings.position_embeddings"},
      {"patch_embed", "embeddings.patch_embeddings.projection"},
      {"blocks.*.norm1", "encoder.layer.*.norm1"},
      {"blocks.*.norm2", "encoder.layer.*.norm2"},
      {"blocks.*.attn.q", "encoder.layer.*.attention.attention.query", {"encoder.layer.*.attention.q_proj"}},
      {"blocks.*.attn.k", "encoder.layer.*.attention.attention.key", {"encoder.layer.*.attention.k_proj"}},
      {"blocks.*.attn.v", "encoder.layer.*.attention.attention.value", {"encoder.layer.*.attention.v_proj"}},
      {"blocks.*.attn.proj", "encoder.layer.*.attention.output.dense", {"encoder.layer.*.attention.o_proj"}},
      {"blocks.*.ls1", "encoder.layer.*.layer_scale1.lambda1"},
      {"blocks.*.ls2", "encoder.layer.*.layer_scale2.lambda1"},
      {"blocks.*.mlp.gate", "encoder.layer.*.mlp.gate_proj"},
      {"blocks.*.mlp.fc1", "encoder.layer.*.mlp.fc1",
       {"encoder.layer.*.mlp.weights_in", "encoder.layer.*.mlp.up_proj"}},
      {"blocks.*.mlp.fc2", "encoder.layer.*.mlp.fc2",
       {"encoder.layer.*.mlp.weights_out", "encoder.layer.*.mlp.down_proj"}},
      {"norm", "layernorm"},
      {"head", "classifier", {}, {}, /*prefixed=*/false},
  }};
  // clang-format on
  bool bare = architecture == v.model;
  scheme.prefixes = bare ? std::vector{"", v.prefix} : std::vector{v.prefix};
  return scheme;
}

/// The MLP, or the SwiGLU, whose gate is SiLU whatever the config says of activations.
static dsl::Mlp readMlp(Config &config, const NamedTensors &tensors, int64_t width) {
  int64_t hidden = hiddenWidth(config, "mlp_ratio", width);
  dsl::Activation activation = readActivation(config, "hidden_act", "gelu");
  if (!config.flag("use_swiglu_ffn", false))
    return {hidden, activation};
  hidden = (hidden * 2 / 3 + 7) / 8 * 8;
  return {.hidden = hidden,
          .activation = dsl::Activation::Silu,
          .gate = tensors.has("blocks.0.mlp.gate.weight") ? dsl::Gate::Separate
                                                          : dsl::Gate::PackedFirst};
}

static Encoder readEncoder(Config &config, const NamedTensors &tensors, const Variant &v) {
  HfSizes s = readSizes(config, {.freeHeads = true,
                                 .queries = tensors.extent("blocks.0.attn.q.weight", 2, 0),
                                 .patch = {v.patch, v.patch},
                                 .mlp = 0, // mlp_ratio says it
                                 .eps = 1e-6});
  Encoder e;
  e.channels = s.channels;
  e.seen = s.seen;
  e.patches = {s.patch.height, s.patch.width, s.width};
  e.registers = v.registers ? config.count("num_register_tokens", 4, 4096) : 0;
  e.positions = readPositions(config, s, /*lead=*/1, /*antialias=*/v.registers, /*always=*/true);
  e.layers = s.layers;
  e.block.attention.heads = s.heads;
  e.block.attention.headDim = s.headDim;
  e.block.attention.qkvBias = config.flag("qkv_bias", true);
  e.block.mlp = readMlp(config, tensors, s.width);
  e.block.norm = {dsl::NormKind::Layer, s.eps};
  e.block.layerScale = true;
  e.norm = e.block.norm;
  return e;
}

/// A linear of the class token beside the mean of the patches: columns of its weight for each.
static Value classify(Scope s, Value hidden, int64_t lead, int64_t classes) {
  int64_t width = s.shape(hidden).width();
  Value weight = graph::weight(s / "weight", {classes, 2 * width});
  weight = graph::permute(s / "halves", graph::reshape(s / "halves", weight, {classes, 2, width}),
                          {1, 0, 2});
  weight = graph::reshape(s / "halves", weight, {2 * classes, width});
  auto part = [&](Scope place, Value x, int64_t half) {
    return graph::linear(place, x, graph::slice(place / "weight", weight, half * classes, classes));
  };
  Value token = part(s / "token", graph::select(s / "token", hidden, 0), 0);
  Value mean = part(s / "mean", graph::meanTokens(s / "mean", hidden, lead), 1);
  return graph::biasAdd(s, graph::add(s, token, mean), graph::weight(s / "bias", {classes}));
}

static ImportedGraph importVariant(const Variant &v, Config &config, const NamedTensors &tensors) {
  ImportedGraph model;
  model.architecture = readClass(config, tensors, v.classes());
  if (tensors.haveFile())
    hintSizes(config, tensors, /*lead=*/1);
  config.harmless({"model_type"}); // which found this family
  Encoder encoder = readEncoder(config, tensors, v);
  int64_t classes = readClassCount(config);
  allowHarmless(config);
  config.harmless({"layerscale_value", "drop_path_rate", "use_mask_token", // of training
                   "intermediate_size",
                   // of the class that gives feature maps to a detector
                   "apply_layernorm", "reshape_hidden_states", "stage_names", "out_features",
                   "out_indices"});
  config.refuseOthers();
  if (config.failed())
    return model;

  graph::Graph &g = model.graph;
  Encoded encoded = encode(g, encoder);
  bool classifier = model.architecture == v.classifier;
  if (classifier)
    model.outputs = {{"logits", classify(g / "head", encoded.last, encoder.lead(), classes)}};
  model.outputs.push_back({"last_hidden_state", encoded.last, !classifier});
  Value pooled = graph::select(g / "pooler", encoded.last, 0);
  model.outputs.push_back({"pooler_output", pooled, !classifier});
  addStates(model, encoder, encoded);
  for (const std::string &prefix : {std::string(), std::string(v.prefix)}) {
    model.unused.push_back(prefix + "embeddings.mask_token");
    if (v.registers && !encoder.registers) // which the file has without rows
      model.unused.push_back(prefix + "embeddings.register_tokens");
  }
  if (!classifier)
    model.unused.push_back("classifier.*");
  return model;
}

template <int I> static Family family(const char *name, const char *values) {
  const Variant &v = variants[I];
  return {.name = name,
          .key = "model_type",
          .values = values,
          .matches =
              [](const Config &config) { return config.is("model_type", variants[I].modelType); },
          .architectures = {v.classifier, v.model},
          .import =
              [](Config &config, const vitrt::TensorNames *tensors) {
                const Variant &v = variants[I];
                return importVariant(v, config, {tensors, keys<I>(v.model)});
              },
          .keys = keys<I>,
          .title = v.title};
}

Family hfDinov2() { return family<0>("hf-dinov2", "\"dinov2\""); }
Family hfDinov2Registers() { return family<1>("hf-dinov2-registers", "\"dinov2_with_registers\""); }

} // namespace vitc::checkpoint
