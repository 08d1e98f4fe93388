//===- Encoder.cpp - The encoder that most families share ------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/Encoder.h"

using namespace llvm;

namespace vitc::checkpoint {

using graph::Scope;
using graph::Value;

/// Learned tokens, [1, count, width] in the file.
static Value tokenRows(Scope s, int64_t count, int64_t width) {
  return graph::weight(s, {count, width}, {1, count, width});
}

/// The tokens that may have positions.
static std::vector<Value> leadingTokens(graph::Graph &g, const Encoder &e) {
  std::vector<Value> rows;
  if (e.classToken && e.classVector)
    rows.push_back(graph::weight(g / "cls_token", {1, e.patches.width}, {e.patches.width}));
  else if (e.classToken)
    rows.push_back(tokenRows(g / "cls_token", 1, e.patches.width));
  if (e.distillationToken)
    rows.push_back(tokenRows(g / "dist_token", 1, e.patches.width));
  return rows;
}

static Value prependAll(graph::Graph &g, const Encoder &e, const std::vector<Value> &rows,
                        Value x) {
  if (rows.empty())
    return x;
  if (rows.size() == 1)
    return graph::prepend(e.classToken ? g / "cls_token" : g / "register_tokens", rows[0], x);
  Scope tokens = g / "tokens";
  return graph::prepend(tokens, graph::concat(tokens, graph::Values(rows)), x);
}

/// The rows of positions.
static Value positionTable(graph::Graph &g, const Encoder &e) {
  Scope s = g / "pos_embed";
  return e.positions ? (*e.positions)(s, e.patches.width) : e.fixedPositions(s);
}

/// Tokens before the patches, with registers and positions. Registers stand between tokens that
/// have positions, so there the table is cut and added on both sides of them. Else ops have the
/// order of the layers in the DSL, which give the same IR.
static Value embed(graph::Graph &g, const Encoder &e, Value x) {
  std::vector<Value> rows = leadingTokens(g, e);
  Scope position = g / "pos_embed";
  if (!e.registers) {
    x = prependAll(g, e, rows, x);
    if (Scope place = g / "detection_tokens"; e.detections)
      x = graph::appendTokens(place, x, tokenRows(place, e.detections, e.patches.width));
    return e.positions || e.fixedPositions ? graph::position(position, x, positionTable(g, e)) : x;
  }
  if (e.positions) {
    int64_t lead = e.positions->lead;
    Value table = positionTable(g, e);
    Value patches = lead ? graph::slice(position, table, lead, e.grid().places()) : table;
    x = graph::position(position, x, patches);
    for (int64_t i = 0; i < lead && i < int64_t(rows.size()); ++i)
      rows[i] = graph::add(position / i, rows[i], graph::slice(position / i, table, i, 1));
  }
  rows.push_back(tokenRows(g / "register_tokens", e.registers, e.patches.width));
  return prependAll(g, e, rows, x);
}

Encoded encode(graph::Graph &g, const Encoder &e) {
  Encoded result;
  Value x =
      graph::input(g / "pixel_values", {graph::batch, e.channels, e.seen.height, e.seen.width});
  x = e.patches(g / "patch_embed", x);
  if (e.patchNorm)
    x = (*e.patchNorm)(g / "patch_norm", x);
  x = embed(g, e, x);
  if (e.preNorm)
    x = (*e.preNorm)(g / "pre_norm", x);
  result.states.push_back(x);
  Scope blocks = g / "blocks";
  for (int64_t i = 0; i < e.layers && !g.problem.found; ++i) {
    dsl::Block block = e.block;
    if (e.vary)
      e.vary(blocks / i, block);
    x = block(blocks / i, x);
    result.states.push_back(x);
    if (e.between && i + 1 < e.layers)
      x = e.between(i, x);
  }
  result.last = e.norm ? (*e.norm)(g / "norm", x) : x;
  return result;
}

void addHiddenStates(ImportedGraph &model, ArrayRef<Value> states) {
  int64_t i = 0;
  for (Value state : states)
    model.outputs.push_back({{"hidden_states", i++}, state, /*isDefault=*/false});
}

void addPatchGrid(ImportedGraph &model, Value tokens, int64_t lead, graph::Grid grid) {
  Value patches = graph::gridOfTokens(model.graph / "patch_grid", tokens, lead, grid);
  model.outputs.push_back({"patch_grid", patches, /*isDefault=*/false});
}

void addStates(ImportedGraph &model, const Encoder &encoder, const Encoded &encoded) {
  addHiddenStates(model, encoded.states);
  addPatchGrid(model, encoded.last, encoder.lead(), encoder.grid());
}

} // namespace vitc::checkpoint
