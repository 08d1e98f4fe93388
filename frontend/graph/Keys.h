//===- Keys.h - From names in a graph to names in a checkpoint -------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A graph calls a weight "blocks.3.attn.q.weight"; every publisher calls it
// something else. A scheme is the table between the two, and without a rule the
// graph's own name is the key.
//===----------------------------------------------------------------------===//
#ifndef VITC_FRONTEND_GRAPH_KEYS_H
#define VITC_FRONTEND_GRAPH_KEYS_H

#include "frontend/graph/Graph.h"

#include <string>

namespace vitc::graph {

/// `layer` is a weight's name or what it begins with, up to a dot; what follows is kept. One '*' in
/// it stands for one part, which takes the place of '*' in the other texts.
struct KeyRule {
  const char *layer;
  const char *key;
  const char *aliases[2] = {nullptr, nullptr};
  const char *transposed = nullptr; // stored with its two dimensions exchanged
  bool prefixed = true;             // false for what stands outside the prefix
};

/// A table, and the prefixes its keys may have: the first is the one of the key.
struct KeyScheme {
  std::vector<KeyRule> rules;
  std::vector<const char *> prefixes = {""};
};

/// The names one weight may have in a file.
struct Keys {
  std::string key;
  std::vector<std::string> aliases, transposed;
};

/// "blocks.3.attn.q.weight".
inline std::string nameOf(const Graph &graph, int name) {
  if (name < 0)
    return "";
  const NamePart &part = graph.names[name];
  std::string text = part.index >= 0 ? std::to_string(part.index) : part.text;
  return part.parent < 0 ? text : nameOf(graph, part.parent) + "." + text;
}

namespace detail {
/// Whether `name` begins with `pattern`; then what '*' stood for, and the rest of the name.
inline bool match(std::string_view pattern, std::string_view name, std::string_view &star,
                  std::string_view &rest) {
  std::size_t at = pattern.find('*');
  if (at != std::string_view::npos) {
    if (name.substr(0, at) != pattern.substr(0, at))
      return false;
    std::size_t end = std::min(name.find('.', at), name.size());
    star = name.substr(at, end - at);
    pattern = pattern.substr(at + 1);
    name = name.substr(end);
  }
  if (name.substr(0, pattern.size()) != pattern)
    return false;
  rest = name.substr(pattern.size());
  return rest.empty() || rest.front() == '.';
}

inline std::string fill(std::string_view text, std::string_view star, std::string_view rest) {
  std::string result;
  for (char c : text)
    c == '*' ? result.append(star) : result.append(1, c);
  return result.append(rest);
}
} // namespace detail

/// The keys of the weight called `name`.
inline Keys keysOf(const KeyScheme &scheme, std::string_view name) {
  Keys keys;
  for (const KeyRule &rule : scheme.rules) {
    std::string_view star, rest;
    if (!detail::match(rule.layer, name, star, rest))
      continue;
    for (const char *prefix : scheme.prefixes) {
      auto take = [&](const char *text) {
        return (rule.prefixed ? prefix : "") + detail::fill(text, star, rest);
      };
      if (keys.key.empty())
        keys.key = take(rule.key);
      else
        keys.aliases.push_back(take(rule.key));
      for (const char *alias : rule.aliases)
        if (alias)
          keys.aliases.push_back(take(alias));
      if (rule.transposed)
        keys.transposed.push_back(take(rule.transposed));
      if (!rule.prefixed)
        break;
    }
    return keys;
  }
  keys.key = name;
  return keys;
}

/// HuggingFace ViT: keys of transformers 5, aliases of transformers 4. `prefixes` is {"vit."} for
/// ViTForImageClassification, {"", "vit."} for ViTModel.
inline KeyScheme hfVitKeys(std::vector<const char *> prefixes = {"vit."}) {
  return {{
              {"cls_token", "embeddings.cls_token"},
              {"pos_embed", "embeddings.position_embeddings"},
              {"patch_embed", "embeddings.patch_embeddings.projection"},
              {"blocks.*.norm1", "layers.*.layernorm_before", {"encoder.layer.*.layernorm_before"}},
              {"blocks.*.norm2", "layers.*.layernorm_after", {"encoder.layer.*.layernorm_after"}},
              {"blocks.*.attn.q",
               "layers.*.attention.q_proj",
               {"encoder.layer.*.attention.attention.query"}},
              {"blocks.*.attn.k",
               "layers.*.attention.k_proj",
               {"encoder.layer.*.attention.attention.key"}},
              {"blocks.*.attn.v",
               "layers.*.attention.v_proj",
               {"encoder.layer.*.attention.attention.value"}},
              {"blocks.*.attn.proj",
               "layers.*.attention.o_proj",
               {"encoder.layer.*.attention.output.dense"}},
              {"blocks.*.mlp.fc1", "layers.*.mlp.fc1", {"encoder.layer.*.intermediate.dense"}},
              {"blocks.*.mlp.fc2", "layers.*.mlp.fc2", {"encoder.layer.*.output.dense"}},
              {"norm", "layernorm"},
              {"pooler", "pooler.dense"},
              {"head", "classifier", {}, nullptr, false},
          },
          std::move(prefixes)};
}

/// The KernelBench module (level 3, problem 28): names of plain modules, of the published one, and
/// of its Triton version, which stores three matrices transposed.
inline KeyScheme kernelBenchKeys() {
  return {{
      {"patch_embed.weight", "patch.weight", {"patch_to_embedding.weight"}, "patch_weight"},
      {"patch_embed.bias", "patch.bias", {"patch_to_embedding.bias", "patch_bias"}},
      {"cls_token", "cls_token"},
      {"pos_embed", "pos_embedding"},
      {"blocks.*.attn.in_proj.weight", "transformer.layers.*.self_attn.in_proj_weight"},
      {"blocks.*.attn.in_proj.bias", "transformer.layers.*.self_attn.in_proj_bias"},
      {"blocks.*.attn.proj", "transformer.layers.*.self_attn.out_proj"},
      {"blocks.*.norm1", "transformer.layers.*.norm1"},
      {"blocks.*.norm2", "transformer.layers.*.norm2"},
      {"blocks.*.mlp.fc1", "transformer.layers.*.linear1"},
      {"blocks.*.mlp.fc2", "transformer.layers.*.linear2"},
      {"head.fc1.weight", "fc1.weight", {"mlp_head.0.weight"}, "mlp_w1"},
      {"head.fc1.bias", "fc1.bias", {"mlp_head.0.bias", "mlp_b1"}},
      {"head.fc2.weight", "fc2.weight", {"mlp_head.3.weight"}, "mlp_w2"},
      {"head.fc2.bias", "fc2.bias", {"mlp_head.3.bias", "mlp_b2"}},
  }};
}

} // namespace vitc::graph
#endif // VITC_FRONTEND_GRAPH_KEYS_H
