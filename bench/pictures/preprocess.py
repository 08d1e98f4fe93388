#!/usr/bin/env python3
"""vitc preprocess beside Pillow: a JPEG of 12 megapixels to 224x224, as a processor of CLIP does it.

  pip install pillow==13.0.0 numpy
  preprocess.py --vitc build/bin/vitc [--pictures 16]

Prints the milliseconds of a picture: Pillow in one process, where it is started already, against vitc less
its start with one small picture; both read the same files from memory. Values are compared, too.
"""
import argparse
import json
import os
import struct
import subprocess
import tempfile
import time

import numpy as np
from PIL import Image, ImageOps

MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)


def photo(path, seed):
    """Noise of all wavelengths, as photos have it."""
    random, (height, width) = np.random.default_rng(seed), (3000, 4000)
    light = np.zeros((height, width, 3), np.float32)
    for octave in range(2, 11):
        rough = random.normal(size=(max(2, 3 << octave - 2), 1 << octave, 3)).astype(np.float32)
        for c in range(3):
            smooth = Image.fromarray(rough[..., c]).resize((width, height), Image.BICUBIC)
            light[..., c] += np.asarray(smooth) * (60 / octave**1.2)
    light = 0.7 * light.mean(axis=2, keepdims=True) + 0.3 * light + 128
    light += random.normal(size=(height, width, 1)) * 2
    Image.fromarray(light.clip(0, 255).astype(np.uint8)).save(path, quality=90)


def pillow(path):
    picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    width, height = picture.size
    size = (int(224 * width / height), 224) if width > height else (224, int(224 * height / width))
    pixels = np.asarray(picture.resize(size, Image.BICUBIC))
    top, left = (size[1] - 224) // 2, (size[0] - 224) // 2
    pixels = (pixels[top:top + 224, left:left + 224].astype(np.float64) * (1 / 255)).astype(np.float32)
    return np.ascontiguousarray(((pixels - MEAN) / STD).transpose(2, 0, 1))


def checkpoint(folder):
    config = {"architectures": ["CLIPVisionModelWithProjection"], "model_type": "clip_vision_model",
              "hidden_size": 64, "num_attention_heads": 1, "num_hidden_layers": 1, "intermediate_size": 64,
              "patch_size": 32, "image_size": 224, "projection_dim": 64}
    processor = {"image_processor_type": "CLIPImageProcessor"}
    for name, value in (("config.json", config), ("preprocessor_config.json", processor)):
        with open(os.path.join(folder, name), "w") as file:
            json.dump(value, file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--vitc", required=True)
    parser.add_argument("--pictures", type=int, default=16)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint(folder)
        files = [os.path.join(folder, f"{i}.jpg") for i in range(min(arguments.pictures, 4))]
        for i, file in enumerate(files):
            photo(file, i)
        many = [files[i % len(files)] for i in range(arguments.pictures)]
        Image.new("RGB", (8, 8)).save(os.path.join(folder, "small.jpg"))
        out = os.path.join(folder, "x.safetensors")

        def vitc(paths):
            start = time.perf_counter()
            subprocess.run([arguments.vitc, "preprocess", folder, *paths, "-o", out, "--quiet"], check=True)
            return time.perf_counter() - start

        def own(paths):
            start = time.perf_counter()
            for path in paths:
                pillow(path)
            return time.perf_counter() - start

        for name, paths in (("one picture", many[:1]), (f"{len(many)} pictures", many)):
            start = min(vitc([os.path.join(folder, "small.jpg")]) for _ in range(5))
            mine = (min(vitc(paths) for _ in range(5)) - start) / len(paths)
            theirs = min(own(paths) for _ in range(5)) / len(paths)
            print(f"{name}: Pillow {1e3 * theirs:.1f} ms, vitc {1e3 * mine:.1f} ms each, {theirs / mine:.2f} x")
        with open(out, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            file.read(length)
            values = np.frombuffer(file.read(), np.float32).reshape(-1, 3, 224, 224)
        equal = np.mean([np.mean(values[i] == pillow(path)) for i, path in enumerate(many)])
        print(f"{100 * equal:.3f} % of the values are equal")


if __name__ == "__main__":
    main()
