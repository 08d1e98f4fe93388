//===- HfConfig.cpp - Settings that HuggingFace configs share --------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/HfConfig.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <fmt/format.h>

using namespace llvm;

namespace vitc::checkpoint {

using dsl::Activation;

void allowHarmless(Config &config) {
  // clang-format off
  config.harmless({
      // bookkeeping
      "_name_or_path", "_commit_hash", "_attn_implementation", "_attn_implementation_autoset",
      "attn_implementation", "dtype", "torch_dtype", "transformers_version", "transformers_weights",
      "label2id", "problem_type", "finetuning_task", "task_specific_params", "tokenizer_class",
      "prefix", "torchscript", "use_bfloat16", "tf_legacy_loss",
      // training; encoder_stride is of the masked-image decoder
      "attention_probs_dropout_prob", "hidden_dropout_prob", "initializer_range",
      "attention_dropout", "dropout", "drop_path_rate", "initializer_factor",
      "gradient_checkpointing", "tie_word_embeddings", "tie_encoder_decoder", "encoder_stride",
      // what is returned; chunks cut the same computation into pieces
      "output_attentions", "output_hidden_states", "return_dict", "return_dict_in_generate",
      "output_scores", "use_return_dict", "use_cache", "chunk_size_feed_forward",
      // text generation
      "bos_token_id", "pad_token_id", "eos_token_id", "sep_token_id", "decoder_start_token_id",
      "max_length", "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups",
      "diversity_penalty", "temperature", "top_k", "top_p", "typical_p", "repetition_penalty",
      "encoder_no_repeat_ngram_size", "length_penalty", "no_repeat_ngram_size", "bad_words_ids",
      "num_return_sequences", "forced_bos_token_id", "forced_eos_token_id",
      "remove_invalid_values", "exponential_decay_length_penalty", "suppress_tokens",
      "begin_suppress_tokens",
  });
  // clang-format on
  config.neutral("is_encoder_decoder", false);
  config.neutral("is_decoder", false);
  config.neutral("add_cross_attention", false);
  config.neutral("cross_attention_hidden_size", nullptr);
  config.neutral("pruned_heads", json::Object());
}

std::string readArchitecture(Config &config, ArrayRef<StringRef> known, StringRef guess,
                             const std::string &why) {
  const json::Array *names = config.array("architectures");
  std::optional<StringRef> name;
  if (names && names->size() == 1)
    name = (*names)[0].getAsString();
  if (!config.wantedArchitecture.empty()) {
    if (config.has("architectures") && name != config.wantedArchitecture)
      config.note("architectures",
                  fmt::format("is {}; --architecture {} is taken instead",
                              config.found("architectures"), config.wantedArchitecture));
    return config.wantedArchitecture;
  }
  if (!config.has("architectures") || (names && names->empty())) {
    config.note("architectures",
                fmt::format("is {}; {} is taken, because {}; --architecture names another",
                            config.found("architectures"), guess.str(), why));
    return guess.str();
  }
  if (name && is_contained(known, *name))
    return name->str();
  auto listed = map_range(known, [](StringRef one) { return "[\"" + one.str() + "\"]"; });
  config.fail("architectures",
              fmt::format("expected {}, found {}{}", join(listed, " or "),
                          config.found("architectures"),
                          names && names->size() > 1 ? "; name one with --architecture" : ""));
  return "";
}

Activation readActivation(Config &config, StringRef key, const char *fallback) {
  // clang-format off
  static constexpr std::pair<const char *, Activation> known[] = {
      {"gelu",              Activation::Gelu},
      {"gelu_python",       Activation::Gelu},
      {"gelu_new",          Activation::GeluTanh},
      {"gelu_pytorch_tanh", Activation::GeluTanh},
      {"gelu_python_tanh",  Activation::GeluTanh},
      {"gelu_fast",         Activation::GeluTanh},
      {"gelu_accurate",     Activation::GeluTanh},
      {"quick_gelu",        Activation::GeluQuick},
      {"relu",              Activation::Relu},
      {"silu",              Activation::Silu},
      {"swish",             Activation::Silu},
      {"tanh",              Activation::Tanh},
  };
  // clang-format on
  std::string name = config.text(key, fallback);
  for (auto [text, activation] : known)
    if (name == text)
      return activation;
  if (!config.failed())
    config.failFound(key, "one of " + join(make_first_range(known), ", "));
  return Activation::Gelu;
}

int64_t readClassCount(Config &config) {
  config.harmless({"id2label"}); // which may be null
  const json::Object *labels = config.has("id2label") ? config.dictionary("id2label") : nullptr;
  int64_t count = config.size("num_labels", labels ? labels->size() : 2);
  if (labels && !config.failed() && count != static_cast<int64_t>(labels->size()))
    config.failFound("num_labels", fmt::format("{}, the entries of 'id2label'", labels->size()));
  if (labels && labels->empty())
    config.fail("id2label", "expected at least one label, found none");
  return count;
}

HfSizes readEncoderSizes(Config &config, const HfSizes &defaults, StringRef epsKey) {
  HfSizes s = defaults;
  s.patch = config.sizes("patch_size", defaults.patch);
  s.channels = config.size("num_channels", defaults.channels);
  s.width = config.size("hidden_size", defaults.width);
  s.layers = config.size("num_hidden_layers", defaults.layers, /*most=*/1000);
  if (config.found("num_attention_heads") == "null" && s.width != defaults.width)
    config.fail("num_attention_heads",
                "expected a number, found null; no tensor says it: write it");
  s.heads = config.size("num_attention_heads", defaults.heads);
  if (defaults.mlp)
    s.mlp = config.size("intermediate_size", defaults.mlp);
  s.eps = config.positive(epsKey, defaults.eps);
  s.headDim = std::max<int64_t>(1, s.width / s.heads);
  if (defaults.freeHeads) {
    if (config.has("head_dim")) {
      s.headDim = config.size("head_dim");
      return s;
    }
    config.harmless({"head_dim"}); // which may be null
    if (s.headDim * s.heads == defaults.queries)
      return s;
  }
  config.expectDivides("num_attention_heads", s.heads, "hidden_size", s.width);
  return s;
}

HfSizes readSizes(Config &config, const HfSizes &defaults, StringRef epsKey) {
  Size image = config.sizes("image_size", defaults.image);
  HfSizes s = readEncoderSizes(config, defaults, epsKey);
  s.image = image;
  s.seen = config.imageSize("image_size", s.image, s.patch);
  return s;
}

int64_t hiddenWidth(Config &config, StringRef key, int64_t width, double fallback) {
  constexpr int64_t most = 1 << 28;
  double hidden = double(width) * config.positive(key, fallback);
  if (hidden >= 1 && hidden <= double(most))
    return static_cast<int64_t>(hidden);
  config.failFound(key, fmt::format("a factor that makes 1 to {} of the width {}", most, width));
  return 1;
}

void expectSquare(Config &config, StringRef key, Size size) {
  if (size.height != size.width)
    config.failFound(key, "height and width that are equal, as this model's own code asks for");
}

dsl::PositionTable readPositions(Config &config, const HfSizes &s, int64_t lead, bool antialias,
                                 bool always) {
  graph::Grid learned = gridOf(s.image, s.patch);
  if (learned.height != learned.width && (always || !(s.seen == s.image)))
    config.fail("image_size",
                fmt::format("expected a square grid of patches, found {}x{}: transformers takes "
                            "the square root of their number for both sides when it resamples the "
                            "positions{}",
                            learned.height, learned.width,
                            always ? "" : ", so images must have the size that it says"));
  return {gridOf(s.seen, s.patch), learned, lead, {graph::Filter::Cubic, antialias}};
}

graph::Grid gridOf(Size image, Size patch) {
  return {image.height / patch.height, image.width / patch.width};
}

} // namespace vitc::checkpoint
