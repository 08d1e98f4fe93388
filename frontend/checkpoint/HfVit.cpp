//===- HfVit.cpp - HuggingFace ViT -----------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Defaults are those of ViTConfig, since a saved config leaves out what has its
// default. Pre-norm blocks, class token first, position table without
// resampling.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Models.h"
#include "frontend/dsl/Layers.h"
#include "weights/Safetensors.h"

#include "llvm/ADT/StringSwitch.h"

using namespace llvm;

namespace vitc {

using dsl::Activation;
using graph::Scope;
using graph::Value;

static Activation activation(Config &config, StringRef key, const char *fallback) {
  std::string name = config.text(key, fallback);
  auto kind = StringSwitch<std::optional<Activation>>(name)
                  .Cases({"gelu", "gelu_python"}, Activation::Gelu)
                  .Cases({"gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast",
                          "gelu_accurate"},
                         Activation::GeluTanh)
                  .Case("quick_gelu", Activation::GeluQuick)
                  .Case("relu", Activation::Relu)
                  .Cases({"silu", "swish"}, Activation::Silu)
                  .Case("tanh", Activation::Tanh)
                  .Default(std::nullopt);
  if (!kind && !config.failed())
    config.failFound(key, "one of gelu, gelu_python, gelu_new, gelu_pytorch_tanh, gelu_fast, "
                          "gelu_accurate, quick_gelu, relu, silu, swish, tanh");
  return kind.value_or(Activation::Gelu);
}

/// Keys of every HuggingFace config that leave the inference of an image as it is: training,
/// text generation, bookkeeping.
static void allowHarmless(Config &config) {
  config.harmless({"_name_or_path",
                   "_commit_hash",
                   "_attn_implementation",
                   "_attn_implementation_autoset",
                   "attn_implementation",
                   "attention_probs_dropout_prob",
                   "hidden_dropout_prob",
                   "initializer_range",
                   "gradient_checkpointing",
                   "chunk_size_feed_forward", // cuts the same computation into pieces
                   "encoder_stride",          // of the masked-image decoder
                   "problem_type",
                   "finetuning_task",
                   "task_specific_params",
                   "label2id",
                   "dtype",
                   "torch_dtype",
                   "transformers_version",
                   "transformers_weights",
                   "output_attentions",
                   "output_hidden_states",
                   "return_dict",
                   "return_dict_in_generate",
                   "output_scores",
                   "use_return_dict",
                   "use_cache",
                   "torchscript",
                   "use_bfloat16",
                   "tf_legacy_loss",
                   "tie_word_embeddings",
                   "tie_encoder_decoder",
                   "tokenizer_class",
                   "prefix",
                   "bos_token_id",
                   "pad_token_id",
                   "eos_token_id",
                   "sep_token_id",
                   "decoder_start_token_id",
                   "max_length",
                   "min_length",
                   "do_sample",
                   "early_stopping",
                   "num_beams",
                   "num_beam_groups",
                   "diversity_penalty",
                   "temperature",
                   "top_k",
                   "top_p",
                   "typical_p",
                   "repetition_penalty",
                   "encoder_no_repeat_ngram_size",
                   "length_penalty",
                   "no_repeat_ngram_size",
                   "bad_words_ids",
                   "num_return_sequences",
                   "forced_bos_token_id",
                   "forced_eos_token_id",
                   "remove_invalid_values",
                   "exponential_decay_length_penalty",
                   "suppress_tokens",
                   "begin_suppress_tokens"});
  config.neutral("is_encoder_decoder", false);
  config.neutral("is_decoder", false);
  config.neutral("add_cross_attention", false);
  config.neutral("cross_attention_hidden_size", nullptr);
  config.neutral("pruned_heads", json::Object());
}

/// As HuggingFace counts: the labels, else num_labels, else 2.
static int64_t classCount(Config &config) {
  config.harmless({"id2label"}); // which may be null
  const json::Object *labels = config.has("id2label") ? config.dictionary("id2label") : nullptr;
  int64_t count = config.size("num_labels", labels ? labels->size() : 2);
  if (labels && !config.failed() && count != static_cast<int64_t>(labels->size()))
    config.failFound("num_labels", Twine(labels->size()) + ", the entries of 'id2label'");
  if (labels && labels->empty())
    config.fail("id2label", "expected at least one label, found none");
  return count;
}

static std::string architectureOf(Config &config) {
  const json::Array *names = config.array("architectures");
  std::optional<StringRef> name;
  if (names && names->size() == 1)
    name = (*names)[0].getAsString();
  if (name != "ViTForImageClassification" && name != "ViTModel")
    config.failFound("architectures", R"(["ViTForImageClassification"] or ["ViTModel"])");
  return name.value_or("").str();
}

namespace {
/// The settings of ViTConfig that decide the computation.
struct Settings {
  Size image, patch;
  int64_t channels, width, layers, heads, mlp;
  double eps;
  bool qkvBias;
  Activation act;
};
} // namespace

static Settings readSettings(Config &config) {
  Settings s;
  s.image = config.sizes("image_size", 224);
  s.patch = config.sizes("patch_size", 16);
  s.channels = config.size("num_channels", 3);
  s.width = config.size("hidden_size", 768);
  s.layers = config.size("num_hidden_layers", 12, /*most=*/1000);
  s.heads = config.size("num_attention_heads", 12);
  s.mlp = config.size("intermediate_size", 3072);
  s.eps = config.positive("layer_norm_eps", 1e-12);
  s.qkvBias = config.flag("qkv_bias", true);
  s.act = activation(config, "hidden_act", "gelu");
  expectPatchesFill(config, s.image, s.patch);
  if (s.width % s.heads)
    config.failFound("num_attention_heads", "a divisor of 'hidden_size' " + Twine(s.width));
  return s;
}

/// The encoder, and its last hidden state after the final norm.
static Value encoder(graph::Graph &g, const Settings &s) {
  Value x =
      graph::input(g / "pixel_values", {graph::batch, s.channels, s.image.height, s.image.width});
  x = dsl::PatchEmbed{s.patch.height, s.patch.width, s.width}(g / "patch_embed", x);
  x = dsl::ClassToken{}(g / "cls_token", x);
  x = dsl::Position{}(g / "pos_embed", x);
  Scope blocks = g / "blocks";
  for (int64_t i = 0; i < s.layers && !g.problem.found; ++i)
    x = dsl::EncoderBlock{s.heads, s.mlp, s.eps, s.act, s.qkvBias}(blocks / i, x);
  return dsl::LayerNorm{s.eps}(g / "norm", x);
}

/// Published ViTModels come with and without a pooler; the config does not say.
static bool hasPooler(const vitrt::Safetensors *file) {
  return !file || file->find("pooler.dense.weight") || file->find("vit.pooler.dense.weight");
}

Model importHfVit(Config &config, const vitrt::Safetensors *file) {
  Model model;
  model.architecture = architectureOf(config);
  config.text("model_type");
  Settings settings = readSettings(config);
  bool classifier = model.architecture == "ViTForImageClassification";
  int64_t classes = classCount(config);
  config.harmless({"pooler_output_size"}); // which may be null
  int64_t poolerWidth =
      config.has("pooler_output_size") ? config.size("pooler_output_size") : settings.width;
  Activation poolerAct = Activation::Tanh;
  if (classifier)
    config.harmless({"pooler_act"}); // the class has no pooler
  else
    poolerAct = activation(config, "pooler_act", "tanh");
  allowHarmless(config);
  config.refuseOthers();
  if (config.failed())
    return model;

  graph::Graph &g = model.graph;
  Value hidden = encoder(g, settings);
  if (classifier) {
    model.keys = graph::hfVitKeys({"vit."});
    model.unused = {"vit.embeddings.mask_token", "vit.pooler.*", "pooler.*"};
    model.outputs = {{"logits", dsl::Head{classes}(g / "head", hidden)},
                     {"last_hidden_state", hidden, /*isDefault=*/false}};
    return model;
  }
  model.keys = graph::hfVitKeys({"", "vit."});
  model.unused = {"embeddings.mask_token", "vit.embeddings.mask_token"};
  model.outputs = {{"last_hidden_state", hidden}};
  if (hasPooler(file)) {
    Scope pooler = g / "pooler";
    Value x = graph::select(pooler / "token", hidden, 0);
    x = dsl::activate(pooler, dsl::Linear{poolerWidth}(pooler, x), poolerAct);
    model.outputs.push_back({"pooler_output", x});
  }
  return model;
}

} // namespace vitc
