//===- TimmSwin.cpp - timm's SwinTransformer -------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Stages of blocks whose attention is within windows, every second one of them
// shifted; between stages four patches become one.
//===----------------------------------------------------------------------===//
#include "frontend/checkpoint/timm/Parts.h"

#include <fmt/format.h>

using namespace llvm;

namespace vitc::checkpoint {

using graph::Grid;
using graph::Scope;
using graph::Value;

static constexpr StringRef classes[] = {"SwinTransformer"};

static graph::KeyScheme keys(StringRef) {
  return {{
      {"patch_embed.weight", "patch_embed.proj.weight"},
      {"patch_embed.bias", "patch_embed.proj.bias"},
  }};
}

namespace {
struct Stage {
  int64_t depth, heads, hidden;
  Grid grid, window;
};

struct Settings {
  timm::Sizes sizes;
  std::vector<Stage> stages;
  dsl::Norm norm;
  int64_t headDim; ///< 0: that of the width
  bool qkvBias;
};
} // namespace

/// A list with a positive number for each of `count` stages, or, unless `count` is 0, a number for
/// all.
static std::vector<int64_t> readList(Config &args, StringRef key, size_t count) {
  if (!args.members().getArray(key))
    return std::vector<int64_t>(std::max<size_t>(count, 1), args.size(key));
  std::vector<int64_t> list;
  for (const json::Value &value : *args.array(key))
    list.push_back(value.getAsInteger().value_or(0));
  bool positive = all_of(list, [](int64_t n) { return n > 0 && n <= 1 << 20; });
  if (!positive || list.empty() || (count && list.size() != count)) {
    args.failFound(key, count ? fmt::format("{} positive numbers, one for each stage", count)
                              : "positive numbers");
    list.assign(std::max<size_t>(count, 1), 1);
  }
  return list;
}

/// A number, [height, width], or a window for each stage.
static std::vector<Grid> readWindows(Config &args, size_t stages) {
  const json::Array *list = args.members().getArray("window_size");
  if (!list || (list->size() == 2 && (*list)[0].getAsInteger())) {
    Size size = args.sizes("window_size");
    return std::vector<Grid>(stages, Grid{size.height, size.width});
  }
  std::vector<Grid> windows;
  for (int64_t size : readList(args, "window_size", stages))
    windows.push_back({size, size});
  return windows;
}

/// A window that is no smaller than the grid is the grid.
static Grid clamped(Grid window, Grid grid) {
  return {std::min(window.height, grid.height), std::min(window.width, grid.width)};
}

static Grid halved(Grid grid) { return {(grid.height + 1) / 2, (grid.width + 1) / 2}; }

static Settings readSettings(Config &args) {
  Settings s = {};
  s.sizes = timm::readSizes(args);
  std::vector<int64_t> depths = readList(args, "depths", 0);
  std::vector<int64_t> heads = readList(args, "num_heads", depths.size());
  std::vector<Grid> windows = readWindows(args, depths.size());
  s.headDim = args.count("head_dim", 0);
  s.qkvBias = args.flag("qkv_bias", true);
  s.norm = timm::readNorm(args, "norm_layer", {dsl::NormKind::Layer, 1e-5});
  args.neutral("global_pool", "avg");
  args.neutral("always_partition", false);
  args.neutral("embed_layer", "PatchEmbed");
  args.harmless({"strict_img_size", "dynamic_img_size"}); // what a run may get
  args.refuseAnySize("img_size", "its attention is in windows, which must fill the image");
  if (args.failed())
    return s;
  Grid grid = gridOf(s.sizes.seen, s.sizes.patch), learned = gridOf(s.sizes.image, s.sizes.patch);
  int64_t width = s.sizes.width;
  for (size_t i = 0; i < depths.size(); ++i, width *= 2) {
    if (i) {
      grid = halved(grid);
      learned = halved(learned);
    }
    Grid window = clamped(windows[i], grid);
    auto refuseFilling = [&](const std::string &found) {
      args.fail("img_size", fmt::format("expected images whose patches need no filling, found "
                                        "{}x{}, where stage {} has {}x{} tokens{}",
                                        s.sizes.seen.height, s.sizes.seen.width, i, grid.height,
                                        grid.width, found));
    };
    if (grid.height % window.height || grid.width % window.width)
      refuseFilling(fmt::format(" and windows of {}x{}", window.height, window.width));
    else if (i + 1 < depths.size() && (grid.height % 2 || grid.width % 2))
      refuseFilling(" to merge by four");
    if (!s.headDim && width % heads[i])
      args.failFound("num_heads", fmt::format("a divisor of the width {} of stage {}", width, i));
    if (!(window == clamped(windows[i], learned)))
      args.fail("img_size", fmt::format("expected images whose stage {} is no smaller than its "
                                        "window, as the table of positions is not resampled, "
                                        "found {}x{}",
                                        i, s.sizes.seen.height, s.sizes.seen.width));
    s.stages.push_back({depths[i], heads[i], hiddenWidth(args, "mlp_ratio", width), grid, window});
  }
  return s;
}

static Value attention(Scope s, Value x, const Settings &settings, const Stage &stage,
                       bool shifted) {
  Grid window = stage.window, grid = stage.grid;
  Scope at = s / "relative_position_bias_table";
  Value table = graph::weight(at, {(2 * window.height - 1) * (2 * window.width - 1), stage.heads});
  dsl::Attention attention = {.heads = stage.heads,
                              .qkvBias = settings.qkvBias,
                              .headDim = settings.headDim,
                              .weights = dsl::QkvWeights::Packed};
  attention.how.bias = graph::relativeBias(at, table, window, /*lead=*/0, window.places());
  if (!(window == grid)) {
    attention.how.grid = grid;
    attention.how.window = window;
    if (shifted) { // along axes that have more than one window
      attention.how.shift[0] = window.height < grid.height ? window.height / 2 : 0;
      attention.how.shift[1] = window.width < grid.width ? window.width / 2 : 0;
    }
  }
  return attention(s, x);
}

static Value block(Scope s, Value x, const Settings &settings, const Stage &stage, bool shifted) {
  Scope attn = s / "attn", feed = s / "mlp";
  Value h = attention(attn, settings.norm(s / "norm1", x), settings, stage, shifted);
  x = dsl::residual(attn / "residual", x, h);
  h = dsl::Mlp{stage.hidden}(feed, settings.norm(s / "norm2", x));
  return dsl::residual(feed / "residual", x, h);
}

static ImportedGraph importGraph(Config &config, const vitrt::TensorNames *) {
  ImportedGraph model;
  model.architecture = config.textOf("architecture").value_or("");
  Config args = timm::readArguments(config, *timm::findArchitecture(model.architecture));
  Settings settings = readSettings(args);
  args.refuseOthers();
  config.take(args);
  if (config.failed())
    return model;
  config.neutral("num_features", settings.sizes.width << (settings.stages.size() - 1));
  if (config.failed())
    return model;

  graph::Graph &g = model.graph;
  const timm::Sizes &sizes = settings.sizes;
  Value x = timm::embed(
      g, {.sizes = sizes, .patchNorm = settings.norm, .classToken = false, .positions = false});
  int64_t width = sizes.width;
  for (auto [i, stage] : enumerate(settings.stages)) {
    Scope s = g / "layers" / static_cast<int64_t>(i);
    if (i) {
      Scope merge = s / "downsample";
      x = graph::mergePatches(merge, x, settings.stages[i - 1].grid);
      x = settings.norm(merge / "norm", x);
      width *= 2;
      x = dsl::Linear{width, /*bias=*/false}(merge / "reduction", x);
    }
    for (int64_t b = 0; b < stage.depth && !g.problem.found; ++b)
      x = block(s / "blocks" / b, x, settings, stage, b % 2);
  }
  x = settings.norm(g / "norm", x);
  Value pooled = graph::meanTokens(g / "pool", x, 0);
  if (sizes.classes)
    model.outputs.push_back({"logits", dsl::Linear{sizes.classes}(g / "head" / "fc", pooled)});
  Value patches = graph::gridOfTokens(g / "patch_grid", x, 0, settings.stages.back().grid);
  model.outputs.push_back({"pooler_output", pooled, /*isDefault=*/sizes.classes == 0});
  model.outputs.push_back({"last_hidden_state", x, /*isDefault=*/false});
  model.outputs.push_back({"patch_grid", patches, /*isDefault=*/false});
  return model;
}

Family timmSwin() {
  return {.name = "timm-swin",
          .key = "architecture",
          .values = "\"swin_tiny_patch4_window7_224\" and others of timm's SwinTransformer",
          .matches = [](const Config &config) { return timm::namesClass(config, classes); },
          .architectures = {},
          .import = importGraph,
          .keys = keys,
          .source = "timm",
          .title = "Swin",
          .summary = "`SwinTransformer`, by architecture"};
}

} // namespace vitc::checkpoint
