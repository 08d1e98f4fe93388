#!/usr/bin/env python3
"""What is no number is named: random models with a value planted that is none, or becomes none, and as many sound
ones that are not accused.

  nonfinite.py --vitc V [--cases N] [--seed S]

A case plants, in one weight, bias, norm or position of a random model, inf or NaN; or a value or a scale that f16
does not hold as a weight, in the residual stream, in the MLP or in the attention. vitc must say so when it loads
the weights, by the tensor's name, or at the first run, by op and cure; and the cure must cure. Each case also
runs as it was before.
"""
import array
import json
import math
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
import random_cases
import random_models
import safetensors

ACTIVATIONS = ["gelu", "gelu_new", "quick_gelu", "relu", "silu"]  # tanh holds everything
LARGE = 90000.0
ACCUSED = "finite"  # a word of every warning about numbers


def make(g, folder):
    """Writes config and input of a random model; returns its tensors."""
    if g.random() < 0.75:
        config = random_models.hf_config(g, large=False)
        config["hidden_act"], config["num_hidden_layers"] = g.choice(ACTIVATIONS), g.randint(1, 2)
        config["architectures"] = ["ViTForImageClassification"]
        shapes = random_models.hf_shapes(config, g)
        prefix, channels, size = "vit.", config["num_channels"], config["image_size"]
    else:
        config = random_models.kernelbench_config(g, large=False)
        shapes, prefix, channels = random_models.kernelbench_shapes(config), "", config["channels"]
        size = [config["image_size"]] * 2
    tensors = {}
    for name, shape in shapes.items():
        values = random_models.stored(g, shape, "F32", "norm" in name and name.endswith("weight"))
        full = name if name.startswith("classifier") else prefix + name
        tensors[full] = safetensors.Tensor("F32", shape, array.array("f", values))
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file)
    batch = g.randint(1, 3)
    pixels = array.array("f", [g.uniform(-1, 1) for _ in range(batch * channels * math.prod(size))])
    safetensors.write(os.path.join(folder, "input.safetensors"),
                      {"pixel_values": safetensors.Tensor("F32", [batch, channels, *size], pixels)})
    return tensors


def plant(g, tensors):
    """Spoils one tensor; returns (what was done, its name, the words that must be said)."""
    hf = any(name.startswith("vit.") for name in tensors)
    matrices = [n for n in tensors if len(tensors[n].shape) > 1 and n.endswith("weight")]
    kind = g.choice(["value", "value", "too large", "too small", "residual", "mlp", "attention"])
    if not hf and kind in ("residual", "mlp", "attention"):  # norms behind the sums hold them
        kind = "value"

    def one(name, value):
        values = tensors[name].values
        values[g.randrange(len(values))] = value
        return name
    if kind == "value":
        value = g.choice([math.inf, -math.inf, math.nan])
        return f"{value} in", one(g.choice(sorted(tensors)), value), ["not finite", "repair the checkpoint"]
    if kind == "too large":
        return "1e6 in", one(g.choice(matrices), 1e6), ["too large for f16"]
    if kind == "too small":
        name = g.choice(matrices)
        tensors[name].values = array.array("f", [x * 1e-12 for x in tensors[name].values])
        return "1e-12 times", name, ["nothing but values too small for f16"]
    layer = "vit.layers.0."
    if kind == "residual":
        name = one(layer + g.choice(["mlp.fc2.bias", "attention.o_proj.bias"]), g.choice([LARGE, -LARGE]))
        return f"a residual of {LARGE}:", name, ["although its input is finite", "use --residual f32"]
    if kind == "mlp":
        return f"a hidden value of {LARGE}:", one(layer + "mlp.fc1.bias", LARGE), ["use --dtype bf16"]
    part = g.choice("qkv")
    name = layer + f"attention.{part}_proj.bias"
    if name in tensors:
        return f"{part} of {LARGE}:", one(name, LARGE), ["use --dtype bf16"]
    name = layer + f"attention.{part}_proj.weight"
    norm = tensors[layer + "layernorm_before.bias"].values
    norm[0] = 100.0  # that column is large in every row
    width = tensors[name].shape[1]
    tensors[name].values[g.randrange(tensors[name].shape[0]) * width] = 60000.0
    return f"{part} of 6000000:", name, ["use --dtype bf16"]


def run(vitc, folder, *flags):
    done = subprocess.run([vitc, "run", folder, "--input", os.path.join(folder, "input.safetensors"), *flags],
                          capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def problems_of(vitc, folder, tensors, g):
    """(description of the case, what is wrong with what vitc says of it)."""
    def write():
        safetensors.write(os.path.join(folder, "model.safetensors"), tensors)
    write()
    code, said = run(vitc, folder, "--emulate")
    if code or ACCUSED in said:
        return "sound", f"exit code {code}\n{said}"
    what, name, words = plant(g, tensors)
    write()
    description = f"{what} {name}"
    code, said = run(vitc, folder, "--emulate")
    at_load = "use --" not in words[-1]
    if at_load:
        words = [f"'{name}'", *words]
    if code != at_load or not all(word in said for word in words):
        return description, f"exit code {code}, expected {words}\n{said}"
    if words[-1] == "repair the checkpoint":
        code, said = run(vitc, folder, "--device", "reference")
        if code != 1 or f"'{name}'" not in said:
            return description, f"the reference: exit code {code}\n{said}"
    cure = re.search(r"use (--\S+) (\S+)$", said, re.M)
    flags = []
    while cure and cure.group(2) not in flags:  # behind what was cured may be another
        flags += cure.groups()
        code, said = run(vitc, folder, "--emulate", *flags)
        cure = re.search(r"use (--\S+) (\S+)$", said, re.M)
    if not at_load and (code or ACCUSED in said):
        return description, f"{flags} cures nothing: exit code {code}\n{said}"
    return description, ""


def case_of(vitc, folder, generator):
    return problems_of(vitc, folder, make(generator, folder), generator)


if __name__ == "__main__":
    random_cases.run(14, case_of)
