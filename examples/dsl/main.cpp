//===- main.cpp - Write a model of the DSL as IR ---------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//   write-model digits > digits.mlir
//   vitc build digits.mlir -o out
//
// Weights get the names that they have in HuggingFace checkpoints of ViT, so
// digits.mlir runs with those of examples/classify-digits.
//===----------------------------------------------------------------------===//
#include "Models.h"

#include <cstdio>
#include <string_view>

namespace {
// Left the names of layers, right those of a checkpoint; what stands in no line keeps its own.
// clang-format off
const vitc::dsl::KeyScheme keys = {{
    {"cls_token", "embeddings.cls_token"},
    {"pos_embed", "embeddings.position_embeddings"},
    {"patch_embed", "embeddings.patch_embeddings.projection"},
    {"blocks.*.norm1", "layers.*.layernorm_before"},
    {"blocks.*.norm2", "layers.*.layernorm_after"},
    {"blocks.*.attn.q", "layers.*.attention.q_proj"},
    {"blocks.*.attn.k", "layers.*.attention.k_proj"},
    {"blocks.*.attn.v", "layers.*.attention.v_proj"},
    {"blocks.*.attn.proj", "layers.*.attention.o_proj"},
    {"blocks.*.mlp", "layers.*.mlp"},
    {"norm", "layernorm"},
    {"head", "classifier", {}, {}, /*prefixed=*/false},
}, /*prefixes=*/{"vit."}};
// clang-format on

struct Example {
  std::string_view name;
  std::string (*print)(const vitc::dsl::PrintOptions &);
};
using vitc::dsl::printMlir;
constexpr Example all[] = {{"digits", printMlir<models::digits>},
                           {"vit-b16", printMlir<models::vitB16>},
                           {"gated", printMlir<models::gated>},
                           {"tied", printMlir<models::tied>}};
} // namespace

int main(int argc, char **argv) {
  vitc::dsl::PrintOptions options;
  options.keys = keys;
  for (const Example &example : all)
    if (argc == 2 && example.name == argv[1])
      return std::fputs(example.print(options).c_str(), stdout) < 0;
  std::fprintf(stderr, "usage: write-model digits|vit-b16|gated|tied > model.mlir\n");
  return 2;
}
