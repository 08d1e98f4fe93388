#!/usr/bin/env python3
"""Writes models/hf-beit-anysize and models/hf-data2vec-anysize: small models of random weights, and what
transformers makes of images of other sizes than that of the config, with interpolate_pos_encoding.

  pip install torch transformers safetensors
  make_anysize.py models
"""
import copy
import json
import os
import sys

import torch
import transformers
from safetensors.torch import save_file

SIZES = ((32, 32), (32, 48), (40, 24), (45, 30), (56, 56))
COMMON = dict(hidden_size=48, num_hidden_layers=2, num_attention_heads=3, intermediate_size=96, image_size=32,
              patch_size=8, use_relative_position_bias=True, attn_implementation="sdpa")
MODELS = {
    "hf-beit-anysize": (transformers.BeitForImageClassification, transformers.BeitConfig(
        **COMMON, num_labels=10, use_shared_relative_position_bias=True, use_absolute_position_embeddings=True,
        use_mean_pooling=False)),
    "hf-data2vec-anysize": (transformers.Data2VecVisionForImageClassification, transformers.Data2VecVisionConfig(
        **COMMON, num_labels=10, use_mean_pooling=True)),
}


def randomize(model):
    generator = torch.Generator().manual_seed(20261130)
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            if "norm" in name and name.endswith("weight"):
                value.copy_(1 + 0.2 * noise)
            elif "lambda" in name:
                value.copy_(0.5 + 0.1 * noise)
            elif "bias_table" in name or "position" in name or "token" in name:
                value.copy_(0.7 * noise)
            elif value.ndim > 1:
                value.copy_(noise * value[0].numel() ** -0.5 * 1.2)
            else:
                value.copy_(0.1 * noise)
            value.copy_(value.half())


def logits(model, image, dtype):
    with torch.no_grad():
        return copy.deepcopy(model).to(dtype)(image.to(dtype), interpolate_pos_encoding=True).logits.double()


def main(folder):
    for name, (kind, config) in MODELS.items():
        place = os.path.join(folder, name)
        os.makedirs(place, exist_ok=True)
        model = kind(config).eval()
        randomize(model)
        weights = {key: value.half().contiguous() for key, value in model.state_dict().items()
                   if not key.endswith("relative_position_index")}
        save_file(weights, os.path.join(place, "model.safetensors"))
        config.architectures = [kind.__name__]
        with open(os.path.join(place, "config.json"), "w") as file:
            json.dump(config.to_dict(), file, indent=1)
            file.write("\n")
        files = {}
        for height, width in SIZES:
            generator = torch.Generator().manual_seed(height * 1000 + width)
            image = torch.randn(1, 3, height, width, generator=generator)
            exact = logits(model, image, torch.float64)
            errors = {}
            for text, dtype in (("f32", torch.float32), ("f16", torch.float16), ("bf16", torch.bfloat16)):
                wrong = logits(model, image, dtype)
                errors[text] = {"logits": ((wrong - exact).norm() / exact.norm()).item()}
            title = "io.safetensors" if (height, width) == SIZES[0] else f"io-{height}x{width}.safetensors"
            save_file({"pixel_values": image, "logits": exact.float(), "logits.f64": exact},
                      os.path.join(place, title))
            files[title] = {"image": [height, width], "outputs": {"logits": list(exact.shape)}, "torch_rel_err": errors}
        meta = {"source": f"transformers {transformers.__version__} {kind.__name__}",
                "outputs": files["io.safetensors"]["outputs"],
                "params": sum(value.numel() for value in model.parameters()),
                "torch_rel_err": files["io.safetensors"]["torch_rel_err"], "torch_device": "cpu", "files": files}
        with open(os.path.join(place, "meta.json"), "w") as file:
            json.dump(meta, file, indent=1)
        print(name, json.dumps({title: entry["torch_rel_err"] for title, entry in files.items()}))


main(sys.argv[1])
