//===- main.cpp - Write a model of the DSL as IR ---------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
//   write-model digits > digits.mlir
//   vitc build digits.mlir -o out
//
// Weights get the keys of HuggingFace checkpoints where a layer has one there,
// so digits.mlir runs with the published digits weights.
//===----------------------------------------------------------------------===//
#include "Models.h"

#include <cstdio>
#include <string_view>

namespace {
struct Model {
  std::string_view name;
  vitc::dsl::Graph (*build)();
};
constexpr Model all[] = {
    {"digits", models::digits}, {"vit-b16", models::vitB16}, {"gated", models::gated}};
} // namespace

int main(int argc, char **argv) {
  vitc::dsl::PrintOptions options;
  options.keys = vitc::dsl::hfVitKeys();
  for (const Model &model : all)
    if (argc == 2 && model.name == argv[1])
      return std::fputs(vitc::dsl::printMlir(model.build(), options).c_str(), stdout) < 0;
  std::fprintf(stderr, "usage: write-model digits|vit-b16|gated > model.mlir\n");
  return 2;
}
