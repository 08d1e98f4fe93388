#!/usr/bin/env python3
"""Seconds that vitc needs for models of many layers: time should grow as the layers do.

  build_time.py --vitc V [--layers 12,48,200,1000] [--width 768] [--keep FOLDER]

Each model is a ViT with class token and pre-norm blocks, written as .mlir text. Printed are seconds to parse it
and run the passes on models (--emit=vit), those on kernels too (--emit=kernels), to write PTX
(--emit=ptx), and for a whole build without ptxas, whose time is not vitc's; and those of a build per layer.
The smallest of three runs counts (of one from 200 layers on).
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

TOKENS, CLASSES = 197, 1000


class Model:
    """The text of a ViT-B/16 at 224 x 224, but for its width and depth."""

    def __init__(self, layers, width):
        self.lines, self.width, self.heads = [], width, width // 64
        x = self.embedding()
        for i in range(layers):
            x = self.block(f"blocks.{i}", x)
        x = self.norm("norm", x)
        row = self.op("select", f"{x} token 0", f"tensor<?x{TOKENS}x{width}xf32> -> {self.rows(width, 1)}",
                      "head.token")
        self.result = self.linear("head", row, width, CLASSES, 1)

    def rows(self, width, tokens=TOKENS):
        return f"tensor<?x{tokens}x{width}xf32>" if tokens > 1 else f"tensor<?x{width}xf32>"

    def op(self, name, text, types, place):
        value = f"%{len(self.lines)}"
        self.lines.append(f'  {value} = vit.{name} {text} : {types} loc("{place}")')
        return value

    def weight(self, place, *shape):
        return self.op("weight", f'"{place}"', f"tensor<{'x'.join(map(str, shape))}xf32>", place)

    def linear(self, place, x, columns, rows, tokens=TOKENS):
        w, b = self.weight(place + ".weight", rows, columns), self.weight(place + ".bias", rows)
        types = f"{self.rows(columns, tokens)}, tensor<{rows}x{columns}xf32> -> {self.rows(rows, tokens)}"
        y = self.op("linear", f"{x}, {w}", types, place)
        types = f"{self.rows(rows, tokens)}, tensor<{rows}xf32> -> {self.rows(rows, tokens)}"
        return self.op("bias_add", f"{y}, {b}", types, place)

    def norm(self, place, x):
        s, b = self.weight(place + ".weight", self.width), self.weight(place + ".bias", self.width)
        row, vector = self.rows(self.width), f"tensor<{self.width}xf32>"
        return self.op("layer_norm", f"{x}, {s}, {b} eps 1.0e-12", f"{row}, {vector}, {vector} -> {row}", place)

    def embedding(self):
        width, patches = self.width, self.rows(self.width, TOKENS - 1)
        x = self.op("patchify", "%image conv [16, 16]", "tensor<?x3x224x224xf32> -> tensor<?x196x768xf32>",
                    "patch.rows")
        x = self.linear("patch", x, 768, width, TOKENS - 1)
        cls, table = self.weight("cls", 1, width), self.weight("position", TOKENS, width)
        x = self.op("prepend", f"{cls}, {x}", f"tensor<1x{width}xf32>, {patches} -> {self.rows(width)}", "cls")
        return self.op("position", f"{x}, {table}",
                       f"{self.rows(width)}, tensor<{TOKENS}x{width}xf32> -> {self.rows(width)}", "position")

    def block(self, place, x):
        row, width = self.rows(self.width), self.width
        h = self.norm(place + ".norm1", x)
        q, k, v = (self.linear(f"{place}.attn.{name}", h, width, width) for name in "qkv")
        a = self.op("attention", f"{q}, {k}, {v} heads {self.heads} head_dim 64 scale 0.125 axis tokens "
                    "offsets [0, 0, 0]", f"{row}, {row}, {row} -> {row}", place + ".attn")
        a = self.linear(place + ".attn.proj", a, width, width)
        x = self.op("add", f"{x}, {a}", f"{row}, {row} -> {row}", place + ".attn.residual")
        h = self.norm(place + ".norm2", x)
        h = self.linear(place + ".mlp.fc1", h, width, 4 * width)
        wide = self.rows(4 * width)
        h = self.op("gelu", f"erf {h}", f"{wide} -> {wide}", place + ".mlp.gelu")
        h = self.linear(place + ".mlp.fc2", h, 4 * width, width)
        return self.op("add", f"{x}, {h}", f"{row}, {row} -> {row}", place + ".mlp.residual")

    def text(self):
        return "\n".join(['func.func @forward(%image: tensor<?x3x224x224xf32> {vit.name = "pixel_values"}) -> '
                          f'(tensor<?x{CLASSES}xf32> {{vit.name = "logits"}}) {{', *self.lines,
                          f"  return {self.result} : tensor<?x{CLASSES}xf32>", "}", ""])


def seconds(runs, command):
    times = []
    for _ in range(runs):
        start = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True)
        times.append(time.monotonic() - start)
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return min(times)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vitc", required=True)
    parser.add_argument("--layers", default="12,48,200,1000")
    parser.add_argument("--width", type=int, default=768, help="a multiple of 64")
    parser.add_argument("--keep", help="folder for the models")
    arguments = parser.parse_args()
    print(f"{'layers':>6} {'vit':>8} {'kernels':>8} {'ptx':>8} {'build':>8} {'ms/layer':>9}")
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or scratch
        for layers in map(int, arguments.layers.split(",")):
            path = os.path.join(folder, f"layers{layers}.mlir")
            with open(path, "w") as file:
                file.write(Model(layers, arguments.width).text())
            build, runs = [arguments.vitc, "build", path, "--ptxas", "none"], 3 if layers < 200 else 1
            times = [seconds(runs, [*build, f"--emit={level}", "-o", os.path.join(scratch, "text")])
                     for level in ("vit", "kernels", "ptx")]
            times.append(seconds(runs, [*build, "--name", "mm", "-o", os.path.join(scratch, "out")]))
            print(f"{layers:6}", *(f"{t:8.2f}" for t in times), f"{1000 * times[-1] / layers:9.1f}", flush=True)


if __name__ == "__main__":
    main()
