//===- Keys.h - From names in a graph to names in a checkpoint -------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A graph calls a weight "blocks.3.attn.q.weight"; every publisher calls it
// something else. A scheme is the table between the two, one for each family of
// checkpoints, and without a rule the graph's own name is the key.
//===----------------------------------------------------------------------===//
#ifndef VITC_GRAPH_KEYS_H
#define VITC_GRAPH_KEYS_H

#include "vitc/graph/Graph.h"

#include <string>

namespace vitc::graph {

/// `layer` is a weight's name or what it begins with, up to a dot; what follows is kept. Each '*'
/// in it stands for one part, which takes the place of the same '*' in the other texts.
struct KeyRule {
  const char *layer;
  const char *key;
  std::vector<const char *> aliases = {};
  std::vector<const char *> transposed = {}; // stored with the two dimensions exchanged
  bool prefixed = true;                      // false for what stands outside the prefix
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
/// Whether `name` begins with `pattern`; then what each '*' stood for, and the rest of the name.
inline bool match(std::string_view pattern, std::string_view name,
                  std::vector<std::string_view> &stars, std::string_view &rest) {
  for (char c : pattern) {
    if (c == '*') {
      std::size_t end = std::min(name.find('.'), name.size());
      stars.push_back(name.substr(0, end));
      name.remove_prefix(end);
    } else if (name.empty() || name.front() != c) {
      return false;
    } else {
      name.remove_prefix(1);
    }
  }
  rest = name;
  return rest.empty() || rest.front() == '.';
}

inline std::string fill(std::string_view text, const std::vector<std::string_view> &stars,
                        std::string_view rest) {
  std::string result;
  std::size_t star = 0;
  for (char c : text)
    c == '*' && star < stars.size() ? result.append(stars[star++]) : result.append(1, c);
  return result.append(rest);
}
} // namespace detail

/// The keys of the weight called `name`.
inline Keys keysOf(const KeyScheme &scheme, std::string_view name) {
  Keys keys;
  for (const KeyRule &rule : scheme.rules) {
    std::vector<std::string_view> stars;
    std::string_view rest;
    if (!detail::match(rule.layer, name, stars, rest))
      continue;
    for (const char *prefix : scheme.prefixes) {
      auto take = [&](const char *text) {
        return (rule.prefixed ? prefix : "") + detail::fill(text, stars, rest);
      };
      if (keys.key.empty())
        keys.key = take(rule.key);
      else
        keys.aliases.push_back(take(rule.key));
      for (const char *alias : rule.aliases)
        keys.aliases.push_back(take(alias));
      for (const char *turned : rule.transposed)
        keys.transposed.push_back(take(turned));
      if (!rule.prefixed)
        break;
    }
    return keys;
  }
  keys.key = name;
  return keys;
}

} // namespace vitc::graph
#endif // VITC_GRAPH_KEYS_H
