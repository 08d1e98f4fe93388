#!/usr/bin/env python3
"""Pictures through the tools, against what the checkpoints' own libraries make of them.

  pictures.py values --vitc V      pixel_values of every golden picture and processor: equal bits in at least
                                   99.9 % of the values, none off by more than a level; what is planted is found
  pictures.py outputs --vitc V     the model on them, in f64 and emulated in f16
  pictures.py kinds --vitc V       every kind of file, byte by byte as Pillow decodes it; what is refused
"""
import argparse
import array
import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile

import safetensors

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pictures")
IMAGES = ("rgb.jpg", "gray.png", "rgba.png", "exif6.jpg")
MODELS = {"vit": ("pil", "torchvision"), "clip": ("pil", "torchvision"), "siglip": ("pil", "torchvision"),
          "dinov2": ("pil", "torchvision"), "timm": ("timm",)}


def run(*command, expect=0):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != expect:
        sys.exit(f"{' '.join(command)}\nexit {done.returncode}, expected {expect}\n{done.stdout}{done.stderr}")
    return done


def deviations(model):
    try:
        return json.load(open(os.path.join(FOLDER, model, "preprocessor_config.json")))["image_std"]
    except FileNotFoundError:
        return json.load(open(os.path.join(FOLDER, model, "config.json")))["pretrained_cfg"]["std"]


def compare(found, golden, model):
    """(part of values with equal bits, largest difference in levels)"""
    equal = sum(a == b for a, b in zip(found, golden))
    plane = len(golden) // 3
    worst = max(abs(a - b) * 255 * deviations(model)[i // plane] for i, (a, b) in enumerate(zip(found, golden)))
    return equal / len(golden), worst


def values(arguments, folder):
    out = os.path.join(folder, "x.safetensors")
    for model, processors in MODELS.items():
        for processor in processors:
            files = [os.path.join(FOLDER, "images", image) for image in IMAGES]
            run(arguments.vitc, "preprocess", os.path.join(FOLDER, model), *files, "-o", out,
                "--processor", processor)
            found = safetensors.read(out)["pixel_values"]
            for i, image in enumerate(IMAGES):
                golden = safetensors.read(os.path.join(FOLDER, model, f"{image}.{processor}.safetensors"))
                golden = golden["pixel_values"]
                if found.shape[1:] != golden.shape[1:]:
                    sys.exit(f"{model} {image}: shape {found.shape}, expected {golden.shape}")
                equal, worst = compare(found.values[found.row(i)], golden.values, model)
                print(f"{model} {image} {processor}: {100 * equal:.2f} % equal, worst {worst:.3f} levels")
                if equal < 0.999 or worst > 1.001:
                    sys.exit("expected 99.9 % equal and at most one level")
    # The other processor's values are told from these, and so is a picture that lies on its side.
    for other, image in (("vit", "rgb.jpg"), ("clip", "exif6.jpg")):
        run(arguments.vitc, "preprocess", os.path.join(FOLDER, other), os.path.join(FOLDER, "images", image),
            "-o", out)
        golden = safetensors.read(os.path.join(FOLDER, other, f"{image}.torchvision.safetensors"))
        equal, worst = compare(safetensors.read(out)["pixel_values"].values, golden["pixel_values"].values, other)
        if equal > 0.999 or worst > 1.001:
            sys.exit(f"{other}: pil and torchvision: {equal} equal, worst {worst}")


def relative(found, golden):
    difference = sum((a - b) ** 2 for a, b in zip(found, golden))
    return math.sqrt(difference / sum(b * b for b in golden))


def outputs(arguments, folder):
    out = os.path.join(folder, "y.safetensors")
    devices = ((["--device", "reference"], 1e-6), (["--emulate"], 2e-3))
    for model, processors in MODELS.items():
        files = [os.path.join(FOLDER, "images", image) for image in IMAGES]
        for processor in processors:
            for device, tolerance in devices if processor == processors[0] else devices[:1]:
                done = run(arguments.vitc, "run", os.path.join(FOLDER, model), *files, "--output", out,
                           "--processor", processor, *device)
                found = safetensors.read(out)
                for i, image in enumerate(IMAGES):
                    golden = safetensors.read(
                        os.path.join(FOLDER, model, f"{image}.{processor}.safetensors"))
                    name = next(name for name in golden if name.endswith(".f64"))
                    mine = found[name[:-4]]
                    # An emulated CLIP of one layer normalises little: its own tolerance, as `check` has it.
                    error = relative(mine.values[mine.row(i)], golden[name].values)
                    print(f"{model} {image} {processor} {device[0]}: {name} error {error:.2e}")
                    if not error <= tolerance:
                        sys.exit(f"expected at most {tolerance}\n{done.stdout}")
    # The values that the golden file has, in f64: nothing is lost between them and the model.
    for model, processors in MODELS.items():
        for image in IMAGES:
            golden = os.path.join(FOLDER, model, f"{image}.{processors[0]}.safetensors")
            run(arguments.vitc, "check", os.path.join(FOLDER, model), "--golden", golden, "--device", "reference")


CONFIG = {"architectures": ["ViTModel"], "model_type": "vit", "hidden_size": 8, "num_attention_heads": 1,
          "num_hidden_layers": 1, "intermediate_size": 8, "patch_size": 1, "num_channels": 3}
TIMM = {"architecture": "vit_tiny_patch16_224", "num_classes": 1,
        "model_args": {"patch_size": 1, "embed_dim": 8, "num_heads": 1, "depth": 1}}


def checkpoint(folder, size, timm):
    """A model that reads pictures of this size as they are, or timm's, which does not turn them."""
    width, height = size
    config = dict(CONFIG, image_size=[height, width])
    if timm:
        cfg = {"input_size": [3, height, width], "crop_pct": 1.0, "crop_mode": "squash", "mean": [0, 0, 0],
               "std": [1, 1, 1], "num_classes": 1}
        config = dict(TIMM, pretrained_cfg=cfg)
        config["model_args"] = dict(config["model_args"], img_size=[height, width])
    else:
        processor = {"image_processor_type": "ViTImageProcessor", "do_resize": False, "do_rescale": False,
                     "do_normalize": False}
        json.dump(processor, open(os.path.join(folder, "preprocessor_config.json"), "w"))
    json.dump(config, open(os.path.join(folder, "config.json"), "w"))


def decoded(vitc, folder, file, size, timm=False):
    """SHA-256 of the RGB bytes that vitc makes of a file."""
    model, out = os.path.join(folder, "model"), os.path.join(folder, "x.safetensors")
    os.makedirs(model, exist_ok=True)
    checkpoint(model, size, timm)
    run(vitc, "preprocess", model, file, "-o", out)
    shutil.rmtree(model)
    pixels = safetensors.read(out)["pixel_values"].values
    plane = len(pixels) // 3
    scale = 255 if timm else 1
    levels = [int(round(pixels[c * plane + i] * scale)) for i in range(plane) for c in range(3)]
    return hashlib.sha256(array.array("B", levels).tobytes()).hexdigest()


def kinds(arguments, folder):
    expected = json.load(open(os.path.join(FOLDER, "kinds", "kinds.json")))
    good = []
    for name, entry in expected.items():
        file = os.path.join(FOLDER, "kinds", name)
        if "refused" in entry:
            done = run(arguments.vitc, "preprocess", os.path.join(FOLDER, "vit"), file, "-o",
                       os.path.join(folder, "no.safetensors"), expect=1)
            lines = done.stderr.splitlines()
            if len(lines) != 2 or not lines[0].startswith(f"vitc: {file}: ") or entry["refused"] not in lines[0]:
                sys.exit(f"{name}: expected '{entry['refused']}' in one line\n{done.stderr}")
            if os.path.exists(os.path.join(folder, "no.safetensors")):
                sys.exit(f"{name}: expected no output")
            continue
        good.append(file)
        if decoded(arguments.vitc, folder, file, entry["size"]) != entry["sha256"]:
            sys.exit(f"{name}: is not what Pillow makes of it")
        if entry["stored"] != entry["sha256"] and entry["size"][0] == entry["size"][1]:
            sys.exit(f"{name}: a square says nothing of its orientation")
    # timm does not turn pictures.
    for name in ("exif-6.jpg", "exif-3.png"):
        size = expected[name]["size"]
        size = size[::-1] if "6" in name else size
        if decoded(arguments.vitc, folder, os.path.join(FOLDER, "kinds", name), size, True) != \
                expected[name]["stored"]:
            sys.exit(f"{name}: timm does not turn it")
    print(f"{len(good)} kinds as Pillow has them, {len(expected) - len(good)} refused")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("values", "outputs", "kinds"))
    parser.add_argument("--vitc", required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        {"values": values, "outputs": outputs, "kinds": kinds}[arguments.what](arguments, folder)


if __name__ == "__main__":
    main()
