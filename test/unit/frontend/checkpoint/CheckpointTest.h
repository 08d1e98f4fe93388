//===- CheckpointTest.h - Checkpoint directories made for a test -----------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef VITC_TEST_UNIT_CHECKPOINTTEST_H
#define VITC_TEST_UNIT_CHECKPOINTTEST_H

#include "frontend/checkpoint/Import.h"
#include "weights/Safetensors.h"

#include "llvm/Support/JSON.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <unistd.h>

/// Members of a JSON object; null removes one.
using Changes = std::vector<std::pair<std::string, llvm::json::Value>>;

/// A directory that goes away with its files.
struct Checkpoint {
  Checkpoint() {
    char name[] = "/tmp/vitc-checkpoint-XXXXXX";
    path = mkdtemp(name);
  }
  ~Checkpoint() { std::filesystem::remove_all(path); }

  void write(const std::string &name, const std::string &bytes) const {
    std::ofstream(path + "/" + name, std::ios::binary) << bytes;
  }
  /// Writes config.json: a JSON object with some members changed.
  void config(llvm::json::Object base, const Changes &changes = {}) const {
    for (const auto &[key, value] : changes) {
      base.erase(key);
      if (value != nullptr)
        base[key] = value;
    }
    std::string text;
    llvm::raw_string_ostream(text) << llvm::json::Value(std::move(base));
    write("config.json", text);
  }
  vitc::checkpoint::Import import(std::vector<std::string> outputs = {}) const;
  /// The error of the import; "no error" if it succeeds.
  std::string error(std::vector<std::string> outputs = {}) const {
    auto result = vitc::checkpoint::importCheckpoint(path, {std::move(outputs)});
    return result ? "no error" : result.error();
  }

  std::string path;
};

/// The tensors of a file; names and shapes may be changed before it is written.
struct Tensors {
  struct Tensor {
    std::vector<int64_t> shape;
    vitrt::FileType type = vitrt::FileType::F16;
  };
  std::map<std::string, Tensor> list;

  /// Every tensor that a model wants, under its key.
  explicit Tensors(const vitc::checkpoint::Import &model) {
    std::vector<char> alive = vitc::graph::live(model.graph);
    for (size_t i = 0; i < model.graph.nodes.size(); ++i) {
      const vitc::graph::Node &node = model.graph.nodes[i];
      if (node.op != vitc::graph::Op::Weight || !alive[i])
        continue;
      const auto &shape = node.fileShape.rank ? node.fileShape : node.shape;
      std::string name = vitc::graph::nameOf(model.graph, node.name);
      list[vitc::graph::keysOf(model.printing.keys, name).key] = {
          std::vector(shape.dims, shape.dims + shape.rank)};
    }
  }
  void rename(const std::string &from, const std::string &to) {
    auto tensor = list.extract(from);
    tensor.key() = to;
    list.insert(std::move(tensor));
  }
  /// Applies `to` to every name.
  void renameAll(const std::function<std::string(std::string)> &to) {
    auto old = std::move(list);
    list.clear();
    for (auto &[name, tensor] : old)
      list[to(name)] = tensor;
  }
  void save(const Checkpoint &checkpoint) const {
    std::vector<uint8_t> zeros;
    std::vector<vitrt::NewTensor> tensors;
    for (const auto &[name, tensor] : list) {
      size_t bytes = vitrt::sizeOf(tensor.type);
      for (int64_t size : tensor.shape)
        bytes *= size;
      zeros.resize(std::max(zeros.size(), bytes));
    }
    for (const auto &[name, tensor] : list)
      tensors.push_back({name, tensor.type, tensor.shape, zeros.data()});
    (void)vitrt::writeSafetensors(checkpoint.path + "/model.safetensors", tensors);
  }
};

/// A small ViTForImageClassification and a small KernelBench module.
inline llvm::json::Object smallVit() {
  return llvm::json::Object{{"architectures", llvm::json::Array{"ViTForImageClassification"}},
                            {"model_type", "vit"},
                            {"hidden_size", 32},
                            {"num_hidden_layers", 2},
                            {"num_attention_heads", 2},
                            {"intermediate_size", 48},
                            {"image_size", 16},
                            {"patch_size", 8},
                            {"num_labels", 5}};
}
inline llvm::json::Object smallKernelBench() {
  return llvm::json::Object{{"architecture", "kernelbench_vit"},
                            {"image_size", 16},
                            {"patch_size", 8},
                            {"num_classes", 5},
                            {"dim", 32},
                            {"depth", 2},
                            {"heads", 4},
                            {"mlp_dim", 48},
                            {"channels", 3}};
}

#endif // VITC_TEST_UNIT_CHECKPOINTTEST_H
