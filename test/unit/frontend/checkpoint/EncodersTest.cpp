//===- EncodersTest.cpp - ViT's kin, DINOv2, DINOv3 --------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "CheckpointTest.h"

#include <catch2/catch.hpp>

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using llvm::json::Array;
using llvm::json::Object;
using vitc::checkpoint::Import;
using vitc::checkpoint::importCheckpoint;

namespace {
/// A small model of a class; sizes as in smallVit().
Object small(const char *type, const char *architecture) {
  Object object = smallVit();
  object["model_type"] = type;
  object["architectures"] = Array{architecture};
  return object;
}
std::string textOf(Object object, const Changes &changes = {},
                   std::vector<std::string> outputs = {}) {
  Checkpoint checkpoint;
  checkpoint.config(std::move(object), changes);
  return checkpoint.import(std::move(outputs)).mlir();
}
std::string errorOf(Object object, const Changes &changes) {
  Checkpoint checkpoint;
  checkpoint.config(std::move(object), changes);
  return checkpoint.error();
}
/// With the weights of the model as `edit` leaves them, and a last change of the config.
std::string errorWith(Object object, const std::function<void(Tensors &)> &edit,
                      const Changes &changes = {}) {
  Checkpoint checkpoint;
  checkpoint.config(Object(object));
  Tensors tensors(checkpoint.import());
  edit(tensors);
  tensors.save(checkpoint);
  checkpoint.config(std::move(object), changes);
  return checkpoint.error();
}
Object dinov2() { return small("dinov2", "Dinov2ForImageClassification"); }
Object dinov3() {
  Object object = small("dinov3_vit", "DINOv3ViTModel");
  object["num_register_tokens"] = 4;
  return object;
}
/// How often `part` stands in `text`.
int count(const std::string &text, const std::string &part) {
  int found = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size())
    ++found;
  return found;
}
} // namespace

TEST_CASE("defaults of the config classes, which saved configs leave out") {
  struct Case {
    const char *type, *architecture, *input, *eps;
    int64_t parameters;
  };
  // Parameters of 12 blocks, patches, tokens, positions and norm, summed up by hand.
  for (Case c :
       {Case{"vit", "ViTModel", "224x224", "1.0e-12", 86389248},
        Case{"deit", "DeiTModel", "224x224", "1.0e-12", 86390784},
        Case{"vit_msn", "ViTMSNModel", "224x224", "1.0e-06", 85798656},
        Case{"vit_mae", "ViTMAEModel", "224x224", "1.0e-12", 85798656},
        Case{"ijepa", "IJepaModel", "224x224", "1.0e-12", 85797120},
        Case{"dinov2", "Dinov2Model", "224x224", "1.0e-06", 85724928},
        Case{"dinov2_with_registers", "Dinov2WithRegistersModel", "224x224", "1.0e-06", 85820160},
        Case{"dinov3_vit", "DINOv3ViTModel", "224x224", "1.0e-05", 21594624}}) {
    INFO(c.type);
    Checkpoint checkpoint;
    checkpoint.config(Object{{"model_type", c.type}, {"architectures", Array{c.architecture}}});
    Import model = checkpoint.import();
    CHECK(vitc::graph::parameters(model.graph) == c.parameters);
    std::string text = model.mlir();
    CHECK_THAT(text, Contains("x3x" + std::string(c.input) + "xf32> {vit.name") &&
                         Contains("eps " + std::string(c.eps)) && Contains("vit.gelu erf"));
  }
}

TEST_CASE("DeiT: two tokens, two heads and their mean") {
  Object teacher = small("deit", "DeiTForImageClassificationWithTeacher");
  std::string text = textOf(Object(teacher));
  CHECK_THAT(text,
             Contains("(tensor<?x5xf32> {vit.name = \"logits\"}, tensor<?x5xf32> {vit.name = "
                      "\"cls_logits\"}, tensor<?x5xf32> {vit.name = \"distillation_logits\"})") &&
                 Contains("token 1") && Contains("by 0.5") && Contains("file_shape [1, 6, 32]"));
  CHECK_THAT(textOf(small("deit", "DeiTForImageClassification")),
             Contains("\"classifier.weight\"") && !Contains("distillation_classifier"));
  CHECK_THAT(textOf(small("deit", "DeiTModel")), Contains("pooler_output"));
  // Without 'architectures' the file says which class it is.
  Checkpoint checkpoint;
  checkpoint.config(Object(teacher));
  Tensors(checkpoint.import()).save(checkpoint);
  checkpoint.config(std::move(teacher), {{"architectures", nullptr}});
  Import model = checkpoint.import();
  CHECK(model.architecture == "DeiTForImageClassificationWithTeacher");
  CHECK_THAT(model.notes.at(0), Contains("the file has 'cls_classifier.weight'"));
}

TEST_CASE("I-JEPA: no class token, the mean of all tokens") {
  std::string text = textOf(small("ijepa", "IJepaForImageClassification"));
  CHECK_THAT(text, Contains("vit.mean_tokens %norm from 0") && !Contains("vit.prepend") &&
                       Contains("file_shape [1, 4, 32]") && Contains("\"ijepa.layernorm.weight\""));
}

TEST_CASE("ViT-MAE: the encoder, on all patches, said in a note") {
  for (const char *architecture : {"ViTMAEModel", "ViTMAEForPreTraining"}) {
    Object object = small("vit_mae", architecture);
    object["mask_ratio"] = 0.75;
    object["decoder_hidden_size"] = 24;
    object.erase("num_labels");
    Checkpoint checkpoint;
    checkpoint.config(std::move(object));
    Tensors tensors(checkpoint.import());
    tensors.list["decoder.mask_token"] = {{1, 1, 24}};
    tensors.save(checkpoint);
    Import model = checkpoint.import();
    CHECK_THAT(model.notes.at(0),
               EndsWith("'mask_ratio': is 0.75 and not used: the encoder sees all "
                        "patches, in their order, and no decoder is built"));
    CHECK_THAT(model.notes.at(1), EndsWith("'decoder.mask_token' is not used"));
  }
}

TEST_CASE("heads that do not divide the width are what transformers 5 makes of them") {
  Object object = smallVit();
  object["num_attention_heads"] = 3;
  CHECK_THAT(errorOf(Object(object), {}), EndsWith("a divisor of 'hidden_size' 32, found 3"));
  object["head_dim"] = 10;
  CHECK_THAT(textOf(Object(object)), Contains("heads 3 head_dim 10 scale 0.3162") &&
                                         Contains("q_proj.weight\"") &&
                                         Contains("tensor<30x32xf32>"));
  // The weights say so too.
  CHECK(errorWith(Object(object), [](Tensors &) {}, {{"head_dim", nullptr}}) == "no error");
  CHECK_THAT(errorOf(smallVit(), {{"head_dim", 0}}), Contains("'head_dim': expected an integer"));
}

TEST_CASE("DINOv2: LayerScale, SwiGLU, and a head that reads two halves") {
  std::string text = textOf(dinov2());
  CHECK(count(text, "layer_scale1.lambda1\"") == 2);
  CHECK_THAT(text, Contains("tensor<5x64xf32>") && Contains("vit.mean_tokens %norm from 1") &&
                       Contains("tensor<128x32xf32>"));
  text = textOf(dinov2(), {{"mlp_ratio", 3}, {"use_swiglu_ffn", true}, {"hidden_act", "relu"}});
  CHECK_THAT(text, Contains("vit.silu") && !Contains("vit.relu") &&
                       Contains("tensor<128x32xf32>") && Contains("mlp.weights_in.weight"));
  Object gated = dinov2();
  gated["use_swiglu_ffn"] = true;
  // As transformers 5 names them, gate and the other half apart.
  CHECK(errorWith(gated, [](Tensors &t) {
          auto cut = [&](const std::string &from, const std::string &kind) {
            auto tensor = t.list.extract(from + "fc1." + kind).mapped();
            tensor.shape[0] /= 2;
            t.list[from + "gate_proj." + kind] = t.list[from + "up_proj." + kind] = tensor;
            t.rename(from + "fc2." + kind, from + "down_proj." + kind);
          };
          for (const char *layer : {"0", "1"})
            for (const char *kind : {"weight", "bias"})
              cut("dinov2.encoder.layer." + std::string(layer) + ".mlp.", kind);
        }) == "no error");
}

TEST_CASE("DINOv2 with registers: they have no positions") {
  Object object = small("dinov2_with_registers", "Dinov2WithRegistersModel");
  object.erase("num_labels");
  std::string text = textOf(Object(object));
  CHECK_THAT(text, Contains("file_shape [1, 4, 32]") && Contains("file_shape [1, 5, 32]") &&
                       Contains("tensor<?x9x32xf32> {vit.name = \"last_hidden_state\"}"));
  Checkpoint checkpoint;
  checkpoint.config(Object(object));
  vitc::checkpoint::ImportOptions options;
  options.imageSize = vitc::checkpoint::Size{24, 16};
  auto sized = importCheckpoint(checkpoint.path, options);
  REQUIRE(sized);
  CHECK_THAT(sized->mlir(), Contains("cubic antialias [2, 2] to [3, 2]"));
  // A file has those of none without rows.
  object["num_register_tokens"] = 0;
  CHECK(errorWith(object, [](Tensors &t) {
          t.list["embeddings.register_tokens"] = {{1, 0, 32}};
        }) == "no error");
}

TEST_CASE("positions of grids that are not square are resampled by nobody") {
  Changes wide = {{"image_size", Array{16, 24}}};
  CHECK_THAT(errorOf(dinov2(), wide),
             Contains("'image_size': expected a square grid of patches, found "
                      "2x3: transformers takes the square root"));
  CHECK(errorOf(smallVit(), wide) == "no error"); // nothing is resampled
  Checkpoint checkpoint;
  checkpoint.config(smallVit(), wide);
  vitc::checkpoint::ImportOptions options;
  options.imageSize = vitc::checkpoint::Size{16, 16};
  auto other = importCheckpoint(checkpoint.path, options);
  CHECK_THAT(other.error(), EndsWith("so images must have the size that it says"));
}

TEST_CASE("DINOv3: turned patches, and biases one by one") {
  std::string text = textOf(dinov3());
  // Centres of two patches, from -1 to 1; pairs of 16 columns: 4 for rows, then 4 for columns.
  CHECK_THAT(
      text,
      Contains("grid [2, 2] origin [-0.5, -0.5] step [1.0, 1.0] rows [6.283185307179586, ") &&
          Contains(", 0.0, 0.0, 0.0, 0.0] columns [0.0, 0.0, 0.0, 0.0, 6.283185307179586, ") &&
          Contains("lead 5") && !Contains("pos_embed") && !Contains("k_proj.bias"));
  CHECK_THAT(textOf(dinov3(), {{"rope_theta", 16.0}}),
             Contains("rows [6.283185307179586, 3.14159265"));
  text = textOf(dinov3(), {{"key_bias", true},
                           {"query_bias", false},
                           {"value_bias", false},
                           {"proj_bias", false},
                           {"mlp_bias", false},
                           {"use_gated_mlp", true},
                           {"hidden_act", "silu"}});
  CHECK_THAT(text, Contains("k_proj.bias") && !Contains("q_proj.bias") &&
                       !Contains("v_proj.bias") && !Contains("o_proj.bias") &&
                       !Contains("up_proj.bias") && Contains("gate_proj.weight") &&
                       Contains("vit.silu"));
  CHECK_THAT(errorOf(dinov3(), {{"hidden_size", 36}}),
             Contains("heads of a multiple of 4 columns"));
}

TEST_CASE("DINOv3: blocks are model.layer.* or layer.*, without a note") {
  for (bool published : {false, true}) {
    Checkpoint checkpoint;
    checkpoint.config(dinov3());
    Tensors tensors(checkpoint.import());
    if (published)
      tensors.renameAll(
          [](std::string name) { return name.starts_with("model.") ? name.substr(6) : name; });
    tensors.save(checkpoint);
    CHECK(checkpoint.import().notes.empty());
  }
  CHECK_THAT(errorWith(dinov3(),
                       [](Tensors &t) {
                         t.list["layer.0.norm1.weight"] = t.list["model.layer.0.norm1.weight"];
                       }),
             Contains("are names of the same"));
}

TEST_CASE("hidden states and the grid of patches can be asked for") {
  std::string text = textOf(dinov3(), {}, {"hidden_states.0", "hidden_states.2", "patch_grid"});
  CHECK_THAT(text,
             Contains("(tensor<?x9x32xf32> {vit.name = \"hidden_states.0\"}, tensor<?x9x32xf32> "
                      "{vit.name = \"hidden_states.2\"}, tensor<?x2x2x32xf32> {vit.name = "
                      "\"patch_grid\"})") &&
                 Contains("vit.slice_tokens %norm from 5"));
  Checkpoint checkpoint;
  checkpoint.config(dinov3());
  CHECK_THAT(checkpoint.error({"hidden_states.3"}),
             EndsWith("expected one of last_hidden_state, pooler_output, hidden_states.0 to "
                      "hidden_states.2, patch_grid, found 'hidden_states.3'"));
}

TEST_CASE("a checkpoint of something else is told what it is") {
  CHECK_THAT(errorOf(smallVit(), {{"model_type", "resnet"}}),
             EndsWith(", found \"resnet\", a ResNet"));
  CHECK_THAT(errorOf(Object{{"_class_name", "UNet2DConditionModel"}}, {}),
             EndsWith("'_class_name': expected the config of a Vision Transformer, found that of "
                      "UNet2DConditionModel of diffusers"));
  struct Case {
    std::vector<const char *> tensors;
    const char *model;
  };
  for (const Case &c :
       {Case{{"text_model.encoder.layers.0.mlp.fc1.weight"}, "a text encoder of CLIP or SigLIP"},
        Case{{"model.bbox_predictor.layers.0.weight", "model.query_position_embeddings.weight"},
             "a DETR, which detects objects"},
        Case{{"layer1.0.conv1.weight"}, "a ResNet"},
        Case{{"down_blocks.0.resnets.0.conv1.weight", "mid_block.resnets.0.conv1.weight"},
             "a UNet of diffusers"},
        Case{{"blocks.0.attn.qkv.weight", "patch_embed.proj.weight"},
             "a ViT with the names of timm"}}) {
    INFO(c.model);
    std::string known = errorWith(smallVit(), [&](Tensors &t) {
      t.list.clear();
      for (const char *name : c.tensors)
        t.list[name] = {{4}};
    });
    CHECK_THAT(known, Contains("is missing") &&
                          EndsWith("; the tensors are those of " + std::string(c.model)));
    std::string unknown = errorWith(smallVit(),
                                    [&](Tensors &t) {
                                      t.list.clear();
                                      for (const char *name : c.tensors)
                                        t.list[name] = {{4}};
                                    },
                                    {{"model_type", nullptr}, {"architectures", nullptr}});
    CHECK_THAT(unknown, EndsWith("; its tensors are those of " + std::string(c.model)));
  }
  // Without a config the tensors are all that there is.
  Checkpoint bare;
  bare.config(smallVit());
  Tensors tensors(bare.import());
  tensors.list.clear();
  tensors.list["layer1.0.conv1.weight"] = {{4}};
  tensors.save(bare);
  std::filesystem::remove(bare.path + "/config.json");
  CHECK_THAT(bare.error(), EndsWith("found none, and the tensors are those of a ResNet, whose "
                                    "settings they do not tell"));
  // Models of one library share names, so what is missing decides.
  std::string kin = errorWith(small("vit", "ViTModel"), [](Tensors &) {},
                              {{"model_type", "dinov2"}, {"architectures", Array{"Dinov2Model"}}});
  CHECK_THAT(kin, EndsWith("; the tensors are those of a ViT of transformers"));
  CHECK_THAT(errorWith(smallVit(), [](Tensors &t) { t.list.erase("vit.layernorm.bias"); }),
             EndsWith("is missing, the model expects 32"));
}
