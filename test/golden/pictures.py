#!/usr/bin/env python3
"""Pictures through the tools, against what the checkpoints' own libraries make of them.

  pictures.py values --vitc V      pixel_values of every golden picture and processor: equal bits in at least
                                   99.9 % of the values, none off by more than a level; what is planted is found
  pictures.py outputs --vitc V     the model on them, in f64 and emulated in f16
  pictures.py bytes --vitc V       models of --input-type u8: on bytes they compute what those of f32 do on these
                                   bytes normalised; also of images of any size
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


def recipe(model):
    """(factor, means, deviations)"""
    try:
        config = json.load(open(os.path.join(model, "preprocessor_config.json")))
        return config.get("rescale_factor", 1 / 255), config["image_mean"], config["image_std"]
    except FileNotFoundError:
        config = json.load(open(os.path.join(model, "config.json")))["pretrained_cfg"]
        return 1 / 255, config["mean"], config["std"]


def normalised(pixels, model):
    """[batch, channels, height, width] of bytes [batch, height, width, channels]."""
    factor, means, deviations = recipe(model)
    batch, height, width, channels = pixels.shape
    plane = height * width
    values = array.array("f", bytes(4 * len(pixels.values)))
    for i, byte in enumerate(pixels.values):
        image, rest = divmod(i, plane * channels)
        place, c = divmod(rest, channels)
        values[(image * channels + c) * plane + place] = (byte * factor - means[c]) / deviations[c]
    return safetensors.Tensor("F32", [batch, channels, height, width], values)


def check_bytes(arguments, folder, model, pixels, options, devices):
    """The f32 model in f64 says what is right; with red and blue exchanged nothing is."""
    file, out = os.path.join(folder, "f32.safetensors"), os.path.join(folder, "y.safetensors")
    safetensors.write(file, {"pixel_values": normalised(pixels, model)})
    run(arguments.vitc, "run", model, "--input", file, "--output", out, "--device", "reference")
    right = {name: tensor for name, tensor in safetensors.read(out).items()}
    swapped = safetensors.Tensor("U8", pixels.shape, array.array("B", pixels.values))
    swapped.values[0::3], swapped.values[2::3] = pixels.values[2::3], pixels.values[0::3]
    golden, wrong = os.path.join(folder, "u8.safetensors"), os.path.join(folder, "wrong.safetensors")
    safetensors.write(golden, dict(right, pixel_values=pixels))
    safetensors.write(wrong, dict(right, pixel_values=swapped))
    command = [arguments.vitc, "check", model, "--input-type", "u8", *options]
    for device in devices:
        done = run(*command, "--golden", golden, *device)
        print(f"{os.path.basename(model)} {pixels.shape} {' '.join(device)}: {done.stdout.strip().splitlines()[-1]}")
        run(*command, "--golden", wrong, *device, expect=1)
    safetensors.write(file, dict(right, pixel_values=normalised(pixels, model)))
    done = run(*command, "--golden", file, "--emulate", expect=1)
    if "'pixel_values' is F32, the model reads bytes, U8 [batch, height, width, channels]" not in done.stderr:
        sys.exit(f"expected a refusal of f32 pixels\n{done.stderr}")


def bytes_(arguments, folder):
    reference, cpu = ["--device", "reference", "--tolerance", "1e-6"], ["--device", "cpu"]
    devices = [reference, ["--emulate"], ["--emulate", "--dtype", "bf16"], ["--emulate", "--dtype", "f32"], cpu]
    out = os.path.join(folder, "x.safetensors")
    files = [os.path.join(FOLDER, "images", image) for image in IMAGES[:2]]
    for name, processors in MODELS.items():
        model = os.path.join(FOLDER, name)
        run(arguments.vitc, "preprocess", model, *files, "-o", out, "--input-type", "u8")
        pixels = safetensors.read(out)["pixel_values"]
        # Normalised they are what the checkpoint's own processor makes.
        mine = normalised(pixels, model)
        for i, image in enumerate(IMAGES[:2]):
            golden = safetensors.read(os.path.join(model, f"{image}.{processors[0]}.safetensors"))["pixel_values"]
            values = mine.values[mine.row(i)]
            equal = sum(abs(a - b) < 1e-5 for a, b in zip(values, golden.values)) / len(values)
            worst = compare(values, golden.values, name)[1]
            if pixels.dtype != "U8" or equal < 0.999 or worst > 1.001:
                sys.exit(f"{name} {image}: bytes: {equal} equal, worst {worst} levels")
        check_bytes(arguments, folder, model, pixels, [], devices)
        # From files at once.
        results = []
        for options in ["--input", out], files:
            run(arguments.vitc, "run", model, *options, "--input-type", "u8", "--emulate", "--output",
                os.path.join(folder, "z.safetensors"))
            results.append(open(os.path.join(folder, "z.safetensors"), "rb").read())
        if results[0] != results[1]:
            sys.exit(f"{name}: pictures and their bytes differ")
    # Sizes: lines that begin at multiples of 8 bytes, and anywhere.
    model = os.path.join(folder, "anysize")
    shutil.copytree(os.path.join(os.path.dirname(FOLDER), "models", "hf-vit-anysize"), model)
    json.dump({"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32},
               "rescale_factor": 1 / 255, "image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.25]},
              open(os.path.join(model, "preprocessor_config.json"), "w"))
    for height, width in (24, 40), (29, 45), (32, 32):
        levels = array.array("B", ((i * i // 7 + 31 * i) % 256 for i in range(2 * height * width * 3)))
        pixels = safetensors.Tensor("U8", [2, height, width, 3], levels)
        check_bytes(arguments, folder, model, pixels, ["--image-size", "any"],
                    [["--emulate"], ["--emulate", "--dtype", "bf16"], cpu, [*cpu, "--dtype", "bf16"]])


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
    parser.add_argument("what", choices=("values", "outputs", "bytes", "kinds"))
    parser.add_argument("--vitc", required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        {"values": values, "outputs": outputs, "bytes": bytes_, "kinds": kinds}[arguments.what](arguments, folder)


if __name__ == "__main__":
    main()
