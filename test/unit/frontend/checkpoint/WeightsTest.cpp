//===- WeightsTest.cpp - Weight files against models -------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "CheckpointTest.h"

#include <catch2/catch.hpp>

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using llvm::json::Array;

namespace {

/// A checkpoint with the weights of its model, changed by `edit`.
struct Edited : Checkpoint {
  Edited(llvm::json::Object object, const std::function<void(Tensors &)> &edit) {
    config(std::move(object));
    Tensors tensors(import());
    edit(tensors);
    tensors.save(*this);
  }
};

llvm::json::Object vitModel() {
  llvm::json::Object object = smallVit();
  object["architectures"] = Array{"ViTModel"};
  return object;
}

std::string vitError(const std::function<void(Tensors &)> &edit) {
  return Edited(smallVit(), edit).error();
}
std::string kernelBenchError(const std::function<void(Tensors &)> &edit) {
  return Edited(smallKernelBench(), edit).error();
}

const char *fc1 = "vit.layers.0.mlp.fc1.weight";

/// The name that transformers 4 gave a tensor of transformers 5.
std::string oldName(std::string name) {
  const std::pair<std::string, std::string> rules[] = {
      {"layers.", "encoder.layer."},
      {"attention.q_proj", "attention.attention.query"},
      {"attention.k_proj", "attention.attention.key"},
      {"attention.v_proj", "attention.attention.value"},
      {"attention.o_proj", "attention.output.dense"},
      {"mlp.fc1", "intermediate.dense"},
      {"mlp.fc2", "output.dense"}};
  for (const auto &[from, to] : rules)
    if (size_t at = name.find(from); at != std::string::npos)
      name.replace(at, from.size(), to);
  return name;
}

} // namespace

TEST_CASE("weights under their own keys fit") {
  CHECK(vitError([](Tensors &) {}) == "no error");
  CHECK(kernelBenchError([](Tensors &) {}) == "no error");
  CHECK(Edited(vitModel(), [](Tensors &) {}).error() == "no error");
}

TEST_CASE("names of transformers 4, with and without prefix, are read") {
  CHECK(oldName(fc1) == "vit.encoder.layer.0.intermediate.dense.weight");
  CHECK(vitError([](Tensors &t) { t.renameAll(oldName); }) == "no error");
  CHECK(Edited(vitModel(), [](Tensors &t) { t.renameAll(oldName); }).error() == "no error");
  auto prefixed = [](std::string name) { return "vit." + name; };
  CHECK(Edited(vitModel(), [&](Tensors &t) { t.renameAll(prefixed); }).error() == "no error");
  CHECK(Edited(vitModel(), [&](Tensors &t) {
          t.renameAll(prefixed);
          t.renameAll(oldName);
        }).error() == "no error");
}

TEST_CASE("KernelBench: the published module's names, and Triton's, stored transposed") {
  CHECK(kernelBenchError([](Tensors &t) {
          for (const char *kind : {".weight", ".bias"}) {
            t.rename("patch" + std::string(kind), "patch_to_embedding" + std::string(kind));
            t.rename("fc1" + std::string(kind), "mlp_head.0" + std::string(kind));
            t.rename("fc2" + std::string(kind), "mlp_head.3" + std::string(kind));
          }
        }) == "no error");
  auto triton = [](Tensors &t) {
    const std::pair<const char *, const char *> names[] = {
        {"patch", "patch_weight"}, {"fc1", "mlp_w1"}, {"fc2", "mlp_w2"}};
    for (auto [from, to] : names) {
      t.rename(from + std::string(".weight"), to);
      std::swap(t.list[to].shape[0], t.list[to].shape[1]);
    }
    t.rename("patch.bias", "patch_bias");
    t.rename("fc1.bias", "mlp_b1");
    t.rename("fc2.bias", "mlp_b2");
  };
  CHECK(kernelBenchError(triton) == "no error");
  CHECK_THAT(kernelBenchError([&](Tensors &t) {
               triton(t);
               t.list["mlp_w1"].shape = {48, 32};
             }),
             EndsWith("'mlp_w1' is 48x32, the model expects 32x48"));
}

TEST_CASE("missing, extra, mis-shaped and doubled tensors are named with shapes") {
  CHECK_THAT(vitError([](Tensors &t) { t.list.erase(fc1); }),
             Contains("weights '") && EndsWith("model.safetensors': 'vit.layers.0.mlp.fc1.weight' "
                                               "is missing, the model expects 48x32"));
  CHECK_THAT(vitError([](Tensors &t) { t.list["vit.extra"] = {{3, 4}}; }),
             EndsWith("'vit.extra' (3x4) is not a tensor of this model"));
  CHECK_THAT(vitError([](Tensors &t) { t.list[fc1].shape = {32, 48}; }),
             EndsWith("'vit.layers.0.mlp.fc1.weight' is 32x48, the model expects 48x32"));
  CHECK_THAT(vitError([](Tensors &t) { t.list["vit.embeddings.cls_token"].shape = {1, 32}; }),
             EndsWith("'vit.embeddings.cls_token' is 1x32, the model expects 1x1x32"));
  CHECK_THAT(vitError([](Tensors &t) { t.list[oldName(fc1)] = t.list[fc1]; }),
             EndsWith("'vit.layers.0.mlp.fc1.weight' and "
                      "'vit.encoder.layer.0.intermediate.dense.weight' are names of the same "
                      "weight, expected one of them"));
  CHECK_THAT(vitError([](Tensors &t) { t.list[fc1].type = vitrt::FileType::I32; }),
             EndsWith("'vit.layers.0.mlp.fc1.weight' has type I32, the model expects F64, F32, F16 "
                      "or BF16"));
}

TEST_CASE("names inside wrappers of training are read, with a note") {
  auto under = [](const std::string &prefix) {
    return Edited(smallVit(), [&](Tensors &t) {
      t.list["vit.embeddings.mask_token"] = {{1, 1, 32}};
      t.renameAll([&](const std::string &name) { return prefix + name; });
    });
  };
  for (const char *prefix : {"module.", "_orig_mod.", "model.", "module._orig_mod.",
                             "_orig_mod.module.", "model.module._orig_mod."}) {
    INFO(prefix);
    vitc::checkpoint::Import imported = under(prefix).import();
    REQUIRE(imported.notes.size() == 2);
    CHECK_THAT(imported.notes[0], EndsWith("mask_token' is not used"));
    CHECK_THAT(imported.notes[1], EndsWith("model.safetensors': names of tensors begin with '" +
                                           std::string(prefix) + "', which is left out"));
  }
  CHECK_THAT(under("backbone.").error(), EndsWith("is missing, the model expects 32x3x8x8"));
  // A part that was compiled, and old names in a wrapper.
  Edited part(smallVit(),
              [](Tensors &t) { t.rename(fc1, "vit.layers.0._orig_mod.mlp.fc1.weight"); });
  CHECK_THAT(part.import().notes.at(0),
             Contains("words of wrappers, as in 'vit.layers.0._orig_mod."));
  CHECK(vitError([](Tensors &t) {
          t.renameAll([](const std::string &name) { return "module." + oldName(name); });
        }) == "no error");
  CHECK(Edited(vitModel(), [](Tensors &t) {
          t.renameAll([](const std::string &name) { return "model.vit." + name; });
        }).error() == "no error");
}

TEST_CASE("a tensor with and without wrapper is an error") {
  CHECK_THAT(
      vitError([](Tensors &t) { t.list["module." + std::string(fc1)] = t.list[fc1]; }),
      EndsWith("'vit.layers.0.mlp.fc1.weight' and 'module.vit.layers.0.mlp.fc1.weight' are names "
               "of the same tensor, expected one of them"));
  CHECK_THAT(vitError([](Tensors &t) { t.list["module." + oldName(fc1)] = t.list[fc1]; }),
             Contains("are names of the same weight"));
  CHECK_THAT(vitError([](Tensors &t) { t.list["module.extra"] = {{3}}; }),
             EndsWith("'module.extra' (3) is not a tensor of this model"));
}

TEST_CASE("sizes that the config leaves out are those of the tensors, with a note") {
  Edited model(smallVit(), [](Tensors &) {});
  llvm::json::Object object = smallVit();
  for (const char *key : {"hidden_size", "num_hidden_layers", "intermediate_size", "image_size",
                          "patch_size", "num_labels", "architectures"})
    object.erase(key);
  object["hidden_size"] = nullptr;
  model.config(std::move(object));
  vitc::checkpoint::Import imported = model.import();
  CHECK(imported.architecture == "ViTForImageClassification");
  std::string all;
  for (const std::string &note : imported.notes)
    all += note.substr(note.find("json': ") + 7) + "\n";
  CHECK(all ==
        "'architectures': is missing; ViTForImageClassification is taken, because the file has "
        "'classifier.weight'; --architecture names another\n"
        "'image_size': is missing; 16 is taken, as the tensors have it\n"
        "'patch_size': is missing; 8 is taken, as the tensors have it\n"
        "'hidden_size': is null; 32 is taken, as the tensors have it\n"
        "'num_hidden_layers': is missing; 2 is taken, as the tensors have it\n"
        "'intermediate_size': is missing; 48 is taken, as the tensors have it\n"
        "'num_labels': is missing; 5 is taken, as the tensors have it\n");
  Edited plain(vitModel(), [](Tensors &t) {
    for (const char *layer : {"0", "1"})
      for (const char *name : {"q_proj", "k_proj", "v_proj"})
        t.list.erase("layers." + std::string(layer) + ".attention." + name + ".bias");
  });
  CHECK(plain.import().architecture == "ViTModel");
  object = vitModel();
  object.erase("architectures");
  plain.config(std::move(object));
  imported = plain.import();
  REQUIRE(imported.notes.size() == 2);
  CHECK_THAT(imported.notes[0],
             Contains("ViTModel is taken, because the file has no 'classifier.weight'"));
  CHECK_THAT(imported.notes[1], Contains("'qkv_bias': is missing; 0 is taken"));
}

TEST_CASE("without qkv bias a bias is an extra tensor") {
  llvm::json::Object object = smallVit();
  object["qkv_bias"] = false;
  Edited model(std::move(object),
               [](Tensors &t) { t.list["vit.layers.0.attention.q_proj.bias"] = {{32}}; });
  CHECK_THAT(model.error(),
             EndsWith("'vit.layers.0.attention.q_proj.bias' (32) is not a tensor of this model"));
}

TEST_CASE("known unused tensors are a note") {
  Edited model(smallVit(), [](Tensors &t) {
    t.list["vit.embeddings.mask_token"] = {{1, 1, 32}};
    t.list["vit.pooler.dense.bias"] = {{32}};
  });
  vitc::checkpoint::Import imported = model.import();
  REQUIRE(imported.notes.size() == 2);
  CHECK_THAT(imported.notes[0], EndsWith("'vit.embeddings.mask_token' is not used"));
  CHECK_THAT(imported.notes[1], EndsWith("'vit.pooler.dense.bias' is not used"));
  CHECK_THAT(imported.mlir(), Contains("attributes {vit.ignored = [\"vit.embeddings.mask_token\", "
                                       "\"vit.pooler.*\", \"pooler.*\"]}"));
  CHECK(imported.weights == model.path + "/model.safetensors");
}

TEST_CASE("whether ViTModel has a pooler is decided by its file") {
  Edited model(vitModel(), [](Tensors &t) {
    t.list.erase("pooler.dense.weight");
    t.list.erase("pooler.dense.bias");
  });
  vitc::checkpoint::Import imported = model.import();
  CHECK(imported.availableOutputs == std::vector<std::string>{"last_hidden_state",
                                                              "hidden_states.0", "hidden_states.1",
                                                              "hidden_states.2", "patch_grid"});
  CHECK_THAT(imported.mlir(), !Contains("pooler_output"));
  CHECK_THAT(model.error({"pooler_output"}),
             EndsWith("outputs: expected one of last_hidden_state, hidden_states.0 to "
                      "hidden_states.2, patch_grid, "
                      "found 'pooler_output'"));
}

TEST_CASE("outputs are selected by name, and weights of the others are ignored") {
  Edited model(vitModel(), [](Tensors &) {});
  vitc::checkpoint::Import imported = model.import({"last_hidden_state"});
  CHECK(imported.notes.size() == 2);
  CHECK_THAT(imported.mlir(), Contains("\"pooler.dense.weight\"") && !Contains("vit.tanh") &&
                                  Contains("-> (tensor<?x5x32xf32> {vit.name = "
                                           "\"last_hidden_state\"})"));
  Edited classifier(smallVit(), [](Tensors &) {});
  CHECK(classifier.import().graph.outputs.size() == 1);
  imported = classifier.import({"last_hidden_state", "logits"});
  CHECK(imported.graph.outputs.size() == 2);
  CHECK(vitc::checkpoint::listOutputs(imported.availableOutputs) ==
        "logits, last_hidden_state, hidden_states.0 to hidden_states.2, patch_grid");
  CHECK(vitc::graph::nameOf(imported.graph, imported.graph.outputs[0].name) == "last_hidden_state");
  CHECK_THAT(
      classifier.error({"nothing"}),
      EndsWith(
          "outputs: expected one of logits, last_hidden_state, hidden_states.0 to hidden_states.2, "
          "patch_grid, found 'nothing'"));
  CHECK_THAT(classifier.error({"logits", "logits"}), EndsWith("once, found 'logits' twice"));
}

TEST_CASE("pickles and broken weight files are refused") {
  Checkpoint pickle;
  pickle.config(smallVit());
  pickle.write("pytorch_model.bin", "PK\3\4");
  CHECK_THAT(pickle.error(), Contains("pytorch_model.bin' is a pickle") && Contains("python3 -c"));
  auto direct = vitc::checkpoint::importCheckpoint(pickle.path + "/pytorch_model.bin");
  CHECK_THAT(direct.error(), Contains("is a pickle"));
  Checkpoint broken;
  broken.config(smallVit());
  broken.write("model.safetensors", "x");
  CHECK_THAT(broken.error(), Contains("model.safetensors'"));
  CHECK(vitc::checkpoint::importCheckpoint(broken.path, {{}, /*checkWeights=*/false}));
  Checkpoint directory;
  directory.config(smallVit());
  std::filesystem::create_directory(directory.path + "/model.safetensors");
  CHECK_THAT(directory.error(), Contains("directory"));
}
