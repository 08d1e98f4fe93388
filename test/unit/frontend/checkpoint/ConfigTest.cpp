//===- ConfigTest.cpp - What a config.json may say ---------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "CheckpointTest.h"

#include <catch2/catch.hpp>

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;
using llvm::json::Array;
using llvm::json::Object;

vitc::checkpoint::Import Checkpoint::import(std::vector<std::string> outputs) const {
  auto result = vitc::checkpoint::importCheckpoint(path, {std::move(outputs)});
  INFO(result.error());
  REQUIRE(result);
  return std::move(*result);
}

namespace {
/// The error for a ViT with these changes; "no error" if there is none.
std::string vitError(const Changes &changes) {
  Checkpoint checkpoint;
  checkpoint.config(smallVit(), changes);
  return checkpoint.error();
}
std::string kernelBenchError(const Changes &changes) {
  Checkpoint checkpoint;
  checkpoint.config(smallKernelBench(), changes);
  return checkpoint.error();
}
std::string textError(const std::string &text) {
  Checkpoint checkpoint;
  checkpoint.write("config.json", text);
  return checkpoint.error();
}
std::string vitText(const Changes &changes, std::vector<std::string> outputs = {}) {
  Checkpoint checkpoint;
  checkpoint.config(smallVit(), changes);
  return checkpoint.import(std::move(outputs)).mlir();
}
} // namespace

TEST_CASE("published sizes: parameters and FLOPs of the golden models") {
  struct Case {
    const char *name;
    int64_t parameters, flops;
  };
  // Parameters as PyTorch counted them; FLOPs 2 Np 3p^2 D + L (24 S D^2 + 4 S^2 D) + 2 D C, and for
  // the encoders of KernelBench 8 D^2 + 4 D mlp per token and layer beside attention.
  for (Case c : {Case{"hf-vit", 358858, 27457536}, Case{"kernelbench-small", 90058, 2649088},
                 Case{"kernelbench-batch5", 228743, 4071104},
                 Case{"kernelbench-batch-first", 91338, 6454272},
                 Case{"wide-b16-224-full", 86567656, 35127656448}}) {
    INFO(c.name);
    auto model = vitc::checkpoint::importCheckpoint(VITC_SOURCE_DIR "/test/golden/models/" +
                                                    std::string(c.name));
    INFO(model.error());
    REQUIRE(model);
    CHECK(vitc::graph::parameters(model->graph) == c.parameters);
    CHECK(vitc::graph::flops(model->graph) == c.flops);
    CHECK(model->notes.empty());
  }
}

TEST_CASE("settings that change the computation change the IR") {
  const std::string plain = vitText({});
  CHECK_THAT(plain, Contains("vit.gelu erf") && Contains("eps 1.0e-12") &&
                        Contains("tensor<?x3x16x16xf32> {vit.name = \"pixel_values\"}") &&
                        Contains("heads 2 head_dim 16 scale 0.25 axis tokens offsets [0, 0, 0]"));
  for (const char *tanh :
       {"gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate"})
    CHECK_THAT(vitText({{"hidden_act", tanh}}), Contains("vit.gelu tanh") && !Contains("erf"));
  CHECK_THAT(vitText({{"hidden_act", "quick_gelu"}}), Contains("vit.gelu quick"));
  CHECK_THAT(vitText({{"hidden_act", "relu"}}), Contains("vit.relu") && !Contains("vit.gelu"));
  CHECK_THAT(vitText({{"hidden_act", "silu"}}), Contains("vit.silu"));
  CHECK_THAT(vitText({{"hidden_act", "swish"}}), Contains("vit.silu"));
  CHECK_THAT(vitText({{"hidden_act", "tanh"}}), Contains("vit.tanh"));
  CHECK(vitText({{"hidden_act", "gelu_python"}}) == plain);
  CHECK_THAT(vitText({{"layer_norm_eps", 1e-6}}), Contains("eps 1.0e-06") && !Contains("e-12"));
  CHECK_THAT(vitText({{"num_channels", 1}}), Contains("tensor<?x1x16x16xf32>"));
  // Height first, in the image and in the patch.
  CHECK_THAT(vitText({{"image_size", Array{16, 24}}, {"patch_size", Array{4, 8}}}),
             Contains("vit.patchify %pixel_values conv [4, 8] : tensor<?x3x16x24xf32> -> "
                      "tensor<?x12x96xf32>") &&
                 Contains("file_shape [32, 3, 4, 8]"));
  std::string noBias = vitText({{"qkv_bias", false}});
  CHECK_THAT(noBias, !Contains("attention.q_proj.bias") && !Contains("attention.k_proj.bias") &&
                         !Contains("attention.v_proj.bias") && Contains("attention.o_proj.bias"));
}

TEST_CASE("classes: labels, else num_labels, else two") {
  CHECK_THAT(vitText({}), Contains("tensor<?x5xf32> {vit.name = \"logits\"}"));
  CHECK_THAT(vitText({{"num_labels", nullptr}}), Contains("tensor<?x2xf32>"));
  Object labels{{"0", "a"}, {"1", "b"}, {"2", "c"}};
  CHECK_THAT(vitText({{"num_labels", nullptr}, {"id2label", Object(labels)}}),
             Contains("tensor<?x3xf32>"));
  CHECK_THAT(vitError({{"id2label", Object(labels)}}),
             EndsWith("'num_labels': expected 3, the entries of 'id2label', found 5"));
  CHECK_THAT(vitError({{"num_labels", nullptr}, {"id2label", Object()}}),
             EndsWith("'id2label': expected at least one label, found none"));
}

TEST_CASE("ViTModel gives hidden state and pooler") {
  Changes model{{"architectures", Array{"ViTModel"}}, {"num_labels", nullptr}};
  std::string text = vitText(model);
  CHECK_THAT(text, Contains("-> (tensor<?x5x32xf32> {vit.name = \"last_hidden_state\"}, "
                            "tensor<?x32xf32> {vit.name = \"pooler_output\"})") &&
                       Contains("vit.weight \"pooler.dense.weight\" aliases "
                                "[\"vit.pooler.dense.weight\"]") &&
                       Contains("vit.tanh"));
  model.push_back({"pooler_output_size", 7});
  model.push_back({"pooler_act", "relu"});
  CHECK_THAT(vitText(model),
             Contains("tensor<?x7xf32> {vit.name = \"pooler_output\"}") && Contains("vit.relu"));
}

TEST_CASE("KernelBench, bug for bug, and its twin") {
  auto text = [](const Changes &changes) {
    Checkpoint checkpoint;
    checkpoint.config(smallKernelBench(), changes);
    return checkpoint.import().mlir();
  };
  std::string bug = text({}), twin = text({{"batch_first", true}});
  CHECK_THAT(bug, Contains("vit.patchify %pixel_values unfold [8, 8]") && Contains("axis batch") &&
                      Contains("vit.relu") && Contains("vit.gelu erf") && Contains("eps 1.0e-05") &&
                      !Contains("axis tokens"));
  CHECK_THAT(bug, Contains("(tensor<?x5xf32> {vit.name = \"logits\"}, tensor<?x5x32xf32> "
                           "{vit.name = \"last_hidden_state\"})"));
  // Post-norm: the first norm reads a residual.
  CHECK_THAT(bug, Contains("vit.layer_norm %blocks.0.attn.residual"));
  CHECK_THAT(bug, Contains("vit.slice %blocks.1.attn.in_proj.bias rows 64 : tensor<96xf32>"));
  CHECK_THAT(twin, Contains("axis tokens") && !Contains("axis batch"));
  for (size_t at = 0; (at = twin.find("axis tokens", at)) != std::string::npos;)
    twin.replace(at, 11, "axis batch");
  CHECK(twin == bug);
}

TEST_CASE("what is not understood is refused by name") {
  CHECK_THAT(vitError({{"hidden_act", "mish"}}),
             Contains("config.json': 'hidden_act': expected one of gelu, ") &&
                 EndsWith(", found \"mish\""));
  CHECK_THAT(vitError({{"model_type", "nonsense"}}),
             Contains("'model_type': expected \"vit\" or ") && EndsWith(", found \"nonsense\""));
  CHECK_THAT(vitError({{"model_type", nullptr}, {"architectures", nullptr}}),
             Contains("expected 'model_type' \"vit\"") &&
                 EndsWith("found none of them; name the class with --architecture"));
  CHECK_THAT(vitError({{"architectures", Array{"ViTForMaskedImageModeling"}}}),
             EndsWith("found [\"ViTForMaskedImageModeling\"]"));
  CHECK_THAT(vitError({{"use_layer_scale", true}}),
             EndsWith("'use_layer_scale': expected no such setting, because its effect is not "
                      "known, found true"));
  CHECK_THAT(
      vitError({{"use_layer_scale", true}, {"a_norm", 3}, {"mean_pooling", false}}),
      EndsWith("'a_norm': expected no such settings, because their effect is not known, found "
               "3, 'mean_pooling' false, 'use_layer_scale' true"));
  CHECK_THAT(vitError({{"pruned_heads", Object{{"0", Array{1}}}}}),
             EndsWith("'pruned_heads': expected {}, as other values are not supported, found "
                      "{\"0\":[1]}"));
  CHECK(vitError({{"pruned_heads", Object()}, {"is_decoder", false}}) == "no error");
  CHECK(vitError({{"hidden_dropout_prob", 0.5}, {"initializer_range", 3}}) == "no error");
  CHECK_THAT(kernelBenchError({{"pool", "mean"}}), Contains("'pool': expected no such setting"));
  CHECK_THAT(kernelBenchError({{"architecture", "vit"}}),
             Contains("'architecture': expected \"kernelbench_vit\", ") &&
                 EndsWith(", found \"vit\""));
  CHECK_THAT(kernelBenchError({{"dim", nullptr}}), EndsWith("'dim': expected a value, found none"));
}

TEST_CASE("what a config leaves out is inferred, and said") {
  auto notes = [](const std::string &text, const std::string &architecture = "") {
    Checkpoint checkpoint;
    checkpoint.write("config.json", text);
    vitc::checkpoint::ImportOptions options;
    options.architecture = architecture;
    auto model = vitc::checkpoint::importCheckpoint(checkpoint.path, options);
    if (!model)
      return "error: " + model.error();
    std::string all = model->architecture;
    for (const std::string &note : model->notes)
      all += "; " + note.substr(note.find("json': ") + 7);
    return all;
  };
  CHECK(
      notes(R"({"model_type": "vit", "id2label": {"0": "a"}})") ==
      "ViTForImageClassification; 'architectures': is missing; ViTForImageClassification is taken, "
      "because there is 'id2label'; --architecture names another");
  CHECK(notes(R"({"model_type": "vit", "architectures": null})") ==
        "ViTModel; 'architectures': is null; ViTModel is taken, because there are neither weights "
        "nor "
        "'id2label' nor 'num_labels'; --architecture names another");
  CHECK_THAT(notes(R"({"model_type": "vit", "architectures": []})"), Contains("is []; ViTModel"));
  CHECK(notes(R"({"architectures": ["ViTModel"]})") ==
        "ViTModel; 'model_type': is missing; \"vit\" is taken, as 'architectures' has ViTModel");
  CHECK(notes(R"({"model_type": "vit", "architectures": ["ViTModel"], "hidden_act": null,
                  "layer_norm_eps": null, "qkv_bias": null, "patch_size": null})") ==
        "ViTModel; 'patch_size': is null; 16x16, the default, is taken; 'layer_norm_eps': is null; "
        "1e-12, the default, is taken; 'qkv_bias': is null; true, the default, is taken; "
        "'hidden_act': is null; \"gelu\", the default, is taken");
  CHECK_THAT(
      notes(R"({"model_type": "vit", "architectures": ["ViTModel"], "hidden_size": 96,
                       "num_attention_heads": null})"),
      EndsWith(
          "'num_attention_heads': expected a number, found null; no tensor says it: write it"));
  CHECK_THAT(notes(R"({"architecture": "kernelbench_vit", "image_size": null})"),
             EndsWith("'image_size': expected a value, found null"));

  CHECK(notes(R"({"model_type": "vit", "architectures": ["ViTForMaskedImageModeling"]})",
              "ViTModel") ==
        "ViTModel; 'architectures': is [\"ViTForMaskedImageModeling\"]; --architecture ViTModel is "
        "taken instead");
  CHECK(notes("{}", "ViTModel") == "ViTModel");
  CHECK_THAT(notes("{}", "ViTModell"),
             StartsWith("error: --architecture: expected one of ViTForImageClassification, "
                        "ViTModel, ") &&
                 EndsWith(", found 'ViTModell'; did you mean ViTModel?"));
  CHECK_THAT(notes("{}", "Swin"), EndsWith("found 'Swin'"));
}

TEST_CASE("sizes of the wrong kind, sign or magnitude are refused by name") {
  const char *range = "'hidden_size': expected an integer from 1 to 16777216, found ";
  CHECK_THAT(vitError({{"hidden_size", -32}}), EndsWith(range + std::string("-32")));
  CHECK_THAT(vitError({{"hidden_size", 0}}), EndsWith(range + std::string("0")));
  CHECK_THAT(vitError({{"hidden_size", "32"}}), EndsWith(range + std::string("\"32\"")));
  CHECK_THAT(vitError({{"hidden_size", 32.5}}), EndsWith(range + std::string("32.5")));
  CHECK_THAT(vitError({{"hidden_size", 1e30}}), EndsWith(range + std::string("1e+30")));
  CHECK_THAT(vitError({{"hidden_size", Array{32}}}), EndsWith(range + std::string("[32]")));
  CHECK_THAT(vitError({{"num_hidden_layers", 1000000000}}),
             EndsWith("'num_hidden_layers': expected an integer from 1 to 1000, found 1000000000"));
  CHECK_THAT(vitError({{"num_attention_heads", 3}}),
             EndsWith("'num_attention_heads': expected a divisor of 'hidden_size' 32, found 3"));
  CHECK(vitError({{"image_size", 20}}) == "no error"); // PyTorch drops what fills no patch
  CHECK_THAT(vitError({{"image_size", 4}}),
             EndsWith("'image_size': expected an image of one patch, 8x8, at least, found 4x4"));
  CHECK_THAT(kernelBenchError({{"image_size", 20}}),
             EndsWith("'image_size': expected multiples of the patch size 8x8, found 20x20"));
  CHECK_THAT(vitError({{"image_size", Array{16, 16, 16}}}), EndsWith("found [16,16,16]"));
  CHECK_THAT(vitError({{"patch_size", 0}}), EndsWith("or [height, width], found 0"));
  CHECK_THAT(vitError({{"layer_norm_eps", 0}}),
             EndsWith("'layer_norm_eps': expected a positive number, found 0"));
  CHECK_THAT(vitError({{"qkv_bias", 1}}), EndsWith("'qkv_bias': expected true or false, found 1"));
  CHECK_THAT(vitError({{"hidden_size", 16777216}, {"num_attention_heads", 1}}),
             Contains("elements up to 1099511627776"));
  CHECK_THAT(
      vitError({{"image_size", 1000000}}),
      EndsWith("'image_size': expected an image of at most 65536x65536, found 1000000x1000000"));
  CHECK_THAT(vitError({{"image_size", 65536}, {"patch_size", 1}, {"num_channels", 16777216}}),
             Contains("pixel_values: vit.input expected positive sizes and elements up to"));
  CHECK_THAT(kernelBenchError({{"heads", 5}}), EndsWith("a divisor of 'dim' 32, found 5"));
}

TEST_CASE("files that are no config") {
  CHECK_THAT(textError(""), EndsWith("expected a JSON object, found an empty file"));
  CHECK_THAT(textError("[]"), EndsWith("expected a JSON object at the top"));
  CHECK_THAT(textError("{\"a\": 1"), Contains("is not JSON: [1:"));
  CHECK_THAT(textError("{\"a\": \xff}"), Contains("is not JSON: "));
  CHECK_THAT(textError(std::string(1000000, '[')),
             EndsWith("expected JSON nested at most 64 deep, found 1000000 levels"));
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(smallVit());
  CHECK(textError("\xef\xbb\xbf" + text) == "no error");
  std::string wide = "\xff\xfe";
  for (char c : text)
    wide += {c, '\0'};
  CHECK_THAT(textError(wide),
             EndsWith("expected JSON text, found text in UTF-16; save it in UTF-8"));
  CHECK_THAT(textError(wide.substr(2)), EndsWith("found text in UTF-16; save it in UTF-8"));
  CHECK_THAT(
      textError("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"),
      Contains("config.json': expected JSON text, found a git-lfs pointer; run git lfs pull"));
  CHECK_THAT(textError("<!DOCTYPE html><html>"), Contains("found an HTML page; "));
  CHECK_THAT(textError("{\"b\": \"NaN\",\n \"a\": NaN}"),
             EndsWith("is not JSON: line 2, column 7: NaN in 'a', which JSON does not have"));
  CHECK_THAT(textError("{\"a\": [0.5, -Infinity]}"), Contains("column 13: -Infinity in 'a', "));
  CHECK_THAT(textError("{\"a\": 1, \"b\": {\"c\": 2, \"c\": 3}}"),
             EndsWith("'c' stands twice, again at byte 23; leave one out"));
  CHECK_THAT(textError("{\"hidden_size\": 1, \"hidden_siz\\u0065\": 2}"),
             Contains("'hidden_size' stands twice"));
  CHECK_THAT(textError("{\"model_type\": null}"), Contains("expected 'model_type' \"vit\""));
  Checkpoint none;
  CHECK_THAT(none.error(), EndsWith("expected a config.json in this directory, found none"));
  std::filesystem::create_directory(none.path + "/config.json");
  CHECK_THAT(none.error(), EndsWith("config.json': expected a file, found a directory"));
  namespace fs = std::filesystem;
  fs::remove(none.path + "/config.json");
  fs::create_symlink("nowhere.json", none.path + "/config.json");
  CHECK_THAT(none.error(), EndsWith("is a link to 'nowhere.json', which is not there"));
  fs::remove(none.path + "/config.json");
  fs::create_symlink("config.json", none.path + "/config.json");
  CHECK_THAT(none.error(), EndsWith("cannot be read: too many levels of symbolic links"));
  fs::create_symlink("loop", none.path + "/loop");
  CHECK_THAT(vitc::checkpoint::importCheckpoint(none.path + "/loop").error(),
             EndsWith("cannot be read: too many levels of symbolic links"));
  Checkpoint linked;
  std::ofstream(linked.path + "/config.json") << text;
  fs::create_symlink("gone", linked.path + "/model.safetensors");
  CHECK_THAT(linked.error(),
             EndsWith("model.safetensors': is a link to 'gone', which is not there"));
  auto missing = vitc::checkpoint::importCheckpoint(none.path + "/nowhere");
  CHECK_THAT(missing.error(), EndsWith("found no such file"));
}

TEST_CASE("a config cut anywhere is an error of one line") {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(smallVit());
  for (size_t size = 0; size < text.size(); ++size) {
    std::string error = textError(text.substr(0, size));
    CHECK_THAT(error, Contains("config.json': ") && !Contains("\n"));
  }
}

TEST_CASE("long and unprintable values stay one line") {
  std::string error = vitError({{"model_type", std::string(1000, 'x') + "\n\x01"}});
  CHECK(error.size() < vitError({{"model_type", "x"}}).size() + 80);
  CHECK_THAT(vitError({{"a\nb", 1}}), !Contains("\n"));
}
