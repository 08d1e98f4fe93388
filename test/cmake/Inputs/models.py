#!/usr/bin/env python3
"""models.py FOLDER: small models to build, all without weights unless it is said.

  vit/      ViTForImageClassification, 2 layers of width 32, one channel, class token
  weights/  the same, with model.safetensors
  batch/    the KernelBench module, whose images attend to each other
"""
import array
import json
import os
import random
import struct
import sys

HF = {"architectures": ["ViTForImageClassification"], "model_type": "vit", "image_size": 8,
      "patch_size": 4, "num_channels": 1, "hidden_size": 32, "num_attention_heads": 2,
      "intermediate_size": 48, "num_hidden_layers": 2, "hidden_act": "gelu",
      "layer_norm_eps": 1e-12, "qkv_bias": True, "id2label": {str(i): str(i) for i in range(5)}}
KERNELBENCH = {"architecture": "kernelbench_vit", "image_size": 8, "patch_size": 4,
               "num_classes": 5, "dim": 32, "depth": 1, "heads": 2, "mlp_dim": 48, "channels": 1}


def tensors():
    shapes = {"vit.embeddings.cls_token": [1, 1, 32], "vit.embeddings.position_embeddings": [1, 5, 32],
              "vit.embeddings.patch_embeddings.projection.weight": [32, 1, 4, 4],
              "vit.embeddings.patch_embeddings.projection.bias": [32],
              "vit.layernorm.weight": [32], "vit.layernorm.bias": [32],
              "classifier.weight": [5, 32], "classifier.bias": [5]}
    for i in range(2):
        layer = f"vit.layers.{i}."
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            shapes[f"{layer}attention.{name}.weight"] = [32, 32]
            shapes[f"{layer}attention.{name}.bias"] = [32]
        for name, n, k in (("mlp.fc1", 48, 32), ("mlp.fc2", 32, 48)):
            shapes[f"{layer}{name}.weight"] = [n, k]
            shapes[f"{layer}{name}.bias"] = [n]
        for name in ("layernorm_before", "layernorm_after"):
            shapes[f"{layer}{name}.weight"] = [32]
            shapes[f"{layer}{name}.bias"] = [32]
    return shapes


def write_safetensors(path, named):
    header, data = {}, b""
    for name, (shape, values) in named.items():
        raw = array.array("f", values).tobytes()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def values(shape, generator, scale=0.3):
    count = 1
    for size in shape:
        count *= size
    return shape, [generator.gauss(0, scale) for _ in range(count)]


def main(folder):
    for name, config in (("vit", HF), ("weights", HF), ("batch", KERNELBENCH)):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        with open(os.path.join(folder, name, "config.json"), "w") as file:
            json.dump(config, file)
    generator = random.Random(1)
    write_safetensors(os.path.join(folder, "weights", "model.safetensors"),
                      {name: values(shape, generator) for name, shape in tensors().items()})
    write_safetensors(os.path.join(folder, "input.safetensors"),
                      {"pixel_values": values([3, 1, 8, 8], generator, 1.0)})


main(sys.argv[1])
