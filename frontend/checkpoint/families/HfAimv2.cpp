//===- HfAimv2.cpp - HuggingFace AIMv2 -------------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Aimv2VisionModel and Aimv2Model, whose config has a tower of text too, which
// is not read. RMS norms, one of them before positions are added, and gated
// MLPs. A learned query that no linear projects pools the tokens. Positions are
// learned for one grid, or, in the native form, waves for any grid: sines and
// cosines along x, then along y.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/HfTower.h"

#include <cmath>
#include <fmt/format.h>

using namespace llvm;

namespace vitc::checkpoint {

using graph::Scope;
using graph::Value;

static constexpr const char *visionName = "Aimv2VisionModel", *wholeName = "Aimv2Model";
static constexpr TowerTypes types = {"aimv2_vision_model", "aimv2"};

static graph::KeyScheme keys(StringRef architecture) {
  // clang-format off
  graph::KeyScheme scheme = {{
      {"patch_embed", "embeddings.patch_embed"},
      {"patch_norm", "embeddings.rms_norm"},
      {"pos_embed", "embeddings.position_embedding.weight"},
      {"blocks.*.norm1", "encoder.layers.*.rms_norm1"},
      {"blocks.*.norm2", "encoder.layers.*.rms_norm2"},
      {"blocks.*.attn.q", "encoder.layers.*.attention.q_proj"},
      {"blocks.*.attn.k", "encoder.layers.*.attention.k_proj"},
      {"blocks.*.attn.v", "encoder.layers.*.attention.v_proj"},
      {"blocks.*.attn.proj", "encoder.layers.*.attention.out_proj"},
      {"blocks.*.mlp.gate", "encoder.layers.*.ffn.gate_proj"},
      {"blocks.*.mlp.fc1", "encoder.layers.*.ffn.up_proj"},
      {"blocks.*.mlp.fc2", "encoder.layers.*.ffn.down_proj"},
      {"norm", "rms_norm"},
      {"pool.probe", "head.cls_token"},
      {"pool.attn.k", "head.k_proj"},
      {"pool.attn.v", "head.v_proj"},
      {"pool.attn.proj", "head.output_proj"},
      {"projection", "visual_projection", {}, {}, /*prefixed=*/false},
  }};
  // clang-format on
  scheme.prefixes =
      architecture == visionName ? std::vector{"", "vision_model."} : std::vector{"vision_model."};
  return scheme;
}

namespace {
/// The settings of Aimv2VisionConfig.
struct Settings {
  Encoder encoder;
  bool pools = true;
};
} // namespace

/// Learned positions are for one grid: the model's own code resamples none.
static void expectLearnedGrid(Config &config, const HfSizes &s) {
  graph::Grid learned = gridOf(s.image, s.patch), seen = gridOf(s.seen, s.patch);
  if (!config.failed() && !(learned == seen))
    config.fail("image_size",
                fmt::format("expected images of {}x{} patches, for which positions were learned, "
                            "as 'is_native' is false, found {}x{} patches",
                            learned.height, learned.width, seen.height, seen.width));
}

/// [sin x, cos x, sin y, cos y], a quarter of the width each.
static Value waves(Scope s, graph::Grid grid, int64_t width) {
  int64_t quarter = width / 4;
  std::vector<double> rows(2 * quarter), columns(2 * quarter);
  for (int64_t i = 0; i < quarter; ++i)
    columns[i] = rows[quarter + i] = 1 / std::pow(10000.0, static_cast<double>(i) / quarter);
  Value table = graph::ropeTable(s, grid, 0, {.rows = rows, .columns = columns});
  // Its columns are (axis, wave, cos or sin); they become (axis, sin or cos, wave).
  int64_t places = grid.places();
  table = graph::permute(s, graph::reshape(s, table, {places, 2, quarter, 2}), {3, 0, 1, 2});
  table = graph::concat(s, {graph::slice(s, table, 1, 1), graph::slice(s, table, 0, 1)});
  return graph::reshape(s, graph::permute(s, table, {1, 2, 0, 3}), {places, width});
}

static Settings readSettings(Config &config) {
  HfSizes s = readSizes(
      config,
      {.patch = {14, 14}, .width = 1024, .layers = 24, .heads = 8, .mlp = 2816, .eps = 1e-5},
      "rms_norm_eps");
  expectSquare(config, "image_size", s.image);
  expectSquare(config, "patch_size", s.patch);
  Encoder e = encoderOf(config, s, /*lead=*/0, "silu");
  e.block.norm.kind = dsl::NormKind::Rms;
  e.norm = e.patchNorm = e.block.norm;
  e.block.attention.qkvBias = e.block.attention.projBias = config.flag("qkv_bias", false);
  e.block.mlp.bias = config.flag("mlp_bias", false);
  e.block.mlp.gate = dsl::Gate::Separate;
  if (!config.flag("is_native", false)) {
    config.refuseAnySize("image_size", "its own library does not resample learned positions");
    expectLearnedGrid(config, s);
  } else {
    if (s.width % 4)
      config.failFound("hidden_size", "a multiple of 4, for the waves of 'is_native'");
    e.positions = std::nullopt;
    e.fixedPositions = [grid = e.grid(), width = s.width](Scope at) {
      return waves(at, grid, width);
    };
  }
  return {e, config.flag("use_head", true)};
}

/// What the learned query finds.
static Value poolTokens(graph::Graph &g, const Encoder &e, Value hidden) {
  dsl::AttentionPool pool = {e.block.attention, dsl::Mlp{/*hidden=*/0}, dsl::Norm()};
  pool.attention.projectsQuery = false;
  pool.attention.projBias = true;
  return pool(g / "pool", hidden);
}

static ImportedGraph importGraph(Config &config, const vitrt::TensorNames *file) {
  ImportedGraph model;
  NamedTensors tensors(file, keys(visionName));
  bool whole = hasTowers(config, types);
  const ClassHint known[] = {{wholeName, "projection.weight"}, {visionName, nullptr}};
  model.architecture = whole ? readClass(config, tensors, known)
                             : readClass(config, tensors, ArrayRef(known).take_back(1));
  bool projects = model.architecture == wholeName;
  Settings settings;
  readTower(config, types, tensors, /*lead=*/0,
            [&](Config &part) { settings = readSettings(part); });
  int64_t width = whole ? config.size("projection_dim", 512) : 0;
  if (whole)
    config.harmless({"logit_scale_init_value", "max_logit_scale"}); // of the comparison with text
  readClasses(config, /*classifies=*/false);
  allowHarmless(config);
  config.refuseOthers();
  if (!settings.pools && projects)
    config.fail("vision_config", fmt::format("expected 'use_head' true, found false: {} compares "
                                             "what it pools",
                                             wholeName));
  if (config.failed())
    return model;

  graph::Graph &g = model.graph;
  Encoded encoded = encode(g, settings.encoder);
  Value pooled = settings.pools ? poolTokens(g, settings.encoder, encoded.last) : Value();
  if (projects) {
    Value embeds = dsl::Linear{width, /*bias=*/false}(g / "projection", pooled);
    model.outputs = {{"image_embeds", dsl::l2Normalise(g / "normalise", embeds)},
                     {"image_features", embeds, /*isDefault=*/false}};
  }
  model.outputs.push_back({"last_hidden_state", encoded.last, !projects});
  if (settings.pools)
    model.outputs.push_back({"pooler_output", pooled, !projects});
  addStates(model, settings.encoder, encoded);
  model.unused = besideTower();
  if (!projects)
    model.unused.push_back("visual_projection.weight");
  return model;
}

Family hfAimv2() {
  return {.name = "hf-aimv2",
          .key = "model_type",
          .values = "\"aimv2_vision_model\" or \"aimv2\"",
          .matches =
              [](const Config &config) {
                return config.is("model_type", types.tower) || config.is("model_type", types.whole);
              },
          .architectures = {visionName, wholeName},
          .import = importGraph,
          .keys = keys,
          .title = "AIMv2, its tower of images"};
}

} // namespace vitc::checkpoint
