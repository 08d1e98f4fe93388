#!/usr/bin/env python3
"""Random elementwise DAGs around every kind of root: fused, unfused and reference must agree.

  random_dags.py --vitc V [--cases N] [--seed S]

Each case is a root with one to six elementwise ops behind it (before it too, for a layer_norm), one
or two of whose values are outputs. Several cases share a model, so that a run of the tools serves all
of them. The f64 reference gives the expected outputs; both forms run on the emulator in f16 and bf16.
A case that fails is cut down to the fewest ops that still fail, and printed.
"""
import argparse
import array
import collections
import concurrent.futures
import os
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "golden"))
import safetensors

ROOTS = ["linear", "attention", "layer_norm", "patchify", "select", "prepend", "elementwise"]
LINE = re.compile(r"^(\S+) error (\S+) tolerance (\S+) (ok|FAIL)$", re.M)
IMAGE, CHANNELS, BATCH = 16, 2, 2


def tensor(shape, batch=True):
    return "tensor<" + ("?x" if batch else "") + "x".join(map(str, shape)) + "xf32>"


class Case:
    """One root and the ops around it, as data: rendering it twice gives the same text."""

    def __init__(self, number, root, generator):
        self.number, self.root = number, root
        self.tokens, self.width = 16, generator.choice([24, 32, 40, 64])
        self.before = self.after = ()
        g = generator
        if root == "linear":
            self.columns = g.choice([8, 24, 33, 50, 64, 97, self.width])
        elif root == "attention":
            self.heads, self.head_dim = g.choice([(1, 16), (1, 24), (2, 16), (1, 32), (4, 16)])
            self.width = max(self.width, self.heads * self.head_dim)
            self.columns = self.heads * self.head_dim
        elif root == "patchify":
            self.patch = [g.choice([2, 4, 8]), g.choice([2, 4, 8])]
            self.order = g.choice(["conv", "unfold"])
            self.lead = g.choice([0, 1, 3])
            self.columns = CHANNELS * self.patch[0] * self.patch[1]
        elif root == "elementwise":
            self.columns = IMAGE
        else:
            self.columns = self.width
        if root == "layer_norm":
            self.before = self.ops(g, g.randint(0, 2))
        self.after = self.ops(g, g.choice([2, 3, 3, 4, 4, 5, 6]))
        self.second_output = g.random() < 0.3

    @staticmethod
    def ops(g, count):
        """Ops as (kind, numbers): the numbers choose operands among what there is."""
        kinds = ["gelu erf", "gelu tanh", "gelu quick", "relu", "silu", "tanh", "scale", "columns",
                 "bias", "bias", "add", "add", "residual", "mul", "position"]
        return tuple((g.choice(kinds), g.random(), g.random()) for _ in range(count))

    def shape(self):
        if self.root == "select":
            return [self.columns]
        if self.root == "elementwise":
            return [CHANNELS, IMAGE, IMAGE]
        if self.root == "patchify":
            return [self.lead + IMAGE * IMAGE // (self.patch[0] * self.patch[1]), self.columns]
        if self.root == "prepend":
            return [self.tokens + 2, self.columns]
        return [self.tokens, self.columns]

    def render(self):
        """(lines, outputs [(value, shape)])."""
        n, lines = self.number, []
        self.weights = 0

        def emit(text):
            name = f"%v{n}_{len(lines)}"
            lines.append(f"    {name} = {text} loc(\"case{n}.{len(lines)}\")")
            return name

        def weight(*shape):
            self.weights += 1
            key = f"case{n}.w{self.weights}" + (".weight" if len(shape) > 1 else ".bias")
            return emit(f'vit.weight "{key}" : {tensor(shape, False)}')

        def base():
            pixels = emit(f"vit.patchify %pixel_values conv [4, 4] : {tensor([CHANNELS, IMAGE, IMAGE])}"
                          f" -> {tensor([16, CHANNELS * 16])}")
            w = weight(self.width, CHANNELS * 16)
            return emit(f"vit.linear {pixels}, {w} : {tensor([16, CHANNELS * 16])}, "
                        f"{tensor([self.width, CHANNELS * 16], False)} -> {tensor([16, self.width])}")

        def apply(op, values, shape, residual):
            kind, x, y = op
            pick = lambda r: values[int(r * len(values))]
            t, v = tensor(shape), pick(x)
            c = shape[-1]
            if kind in ("relu", "silu", "tanh") or kind.startswith("gelu"):
                return emit(f"vit.{kind} {v} : {t} -> {t}")
            if kind == "scale":
                return emit(f"vit.scale {v} by {0.25 + y:.3e} : {t} -> {t}")
            if kind == "columns":
                w = weight(c)
                return emit(f"vit.scale {v} columns {w} : {tensor([c], False)} by 2.0 : {t} -> {t}")
            if kind == "position" and len(shape) == 2:
                w = weight(*shape)
                return emit(f"vit.position {v}, {w} : {t}, {tensor(shape, False)} -> {t}")
            if kind == "residual" and residual:
                return emit(f"vit.add {v}, {residual} : {t}, {t} -> {t}")
            if kind == "add":
                return emit(f"vit.add {v}, {pick(y)} : {t}, {t} -> {t}")
            if kind == "mul":
                gate = emit(f"vit.tanh {pick(y)} : {t} -> {t}")
                return emit(f"vit.mul {v}, {gate} : {t}, {t} -> {t}")
            w = weight(c)
            return emit(f"vit.bias_add {v}, {w} : {t}, {tensor([c], False)} -> {t}")

        shape, wide = self.shape(), tensor([self.tokens, self.width])
        residual = None
        if self.root == "patchify":
            lead = f" lead {self.lead}" if self.lead else ""
            value = emit(f"vit.patchify %pixel_values {self.order} {self.patch}{lead} : "
                         f"{tensor([CHANNELS, IMAGE, IMAGE])} -> {tensor(shape)}")
        elif self.root == "elementwise":
            value = "%pixel_values"
        else:
            x = base()
            if self.columns == self.width and self.root in ("linear", "attention", "layer_norm"):
                residual = x
            if self.root == "linear":
                w = weight(self.columns, self.width)
                value = emit(f"vit.linear {x}, {w} : {wide}, {tensor([self.columns, self.width], False)}"
                             f" -> {tensor(shape)}")
            elif self.root == "attention":
                value = emit(f"vit.attention {x}, {x}, {x} heads {self.heads} head_dim {self.head_dim} "
                             f"scale {self.head_dim ** -0.5:.6e} axis tokens offsets [0, 0, 0] : "
                             f"{wide}, {wide}, {wide} -> {tensor(shape)}")
            elif self.root == "layer_norm":
                values = [x]
                for op in self.before:
                    values.append(apply(op, values, shape, x))
                s, b = weight(self.columns), weight(self.columns)
                one = tensor([self.columns], False)
                value = emit(f"vit.layer_norm {values[-1]}, {s}, {b} eps 1.0e-06 : {wide}, {one}, {one}"
                             f" -> {wide}")
            elif self.root == "select":
                value = emit(f"vit.select {x} token {self.number % 16} : {wide} -> {tensor(shape)}")
            else:
                w = weight(2, self.width)
                value = emit(f"vit.prepend {w}, {x} : {tensor([2, self.width], False)}, {wide} -> "
                             f"{tensor(shape)}")
        values = [value]
        for op in self.after:
            values.append(apply(op, values, shape, residual))
        outputs = [values[-1]]
        if self.second_output and len(values) > 2:
            outputs.append(values[-2])
        return lines, [(v, shape) for v in outputs]


def render(cases):
    lines, results = [], []
    for case in cases:
        text, outputs = case.render()
        lines += text
        results += [(f"case{case.number}{'ab'[i]}", v, s) for i, (v, s) in enumerate(outputs)]
    types = ", ".join(f'{tensor(s)} {{vit.name = "{name}"}}' for name, _, s in results)
    values = ", ".join(v for _, v, _ in results)
    plain = ", ".join(tensor(s) for _, _, s in results)
    return (f"func.func @forward(%pixel_values: {tensor([CHANNELS, IMAGE, IMAGE])} "
            f'{{vit.name = "pixel_values"}}) -> ({types}) {{\n' + "\n".join(lines) +
            f"\n    return {values} : {plain}\n}}\n")


class Runner:
    def __init__(self, vitc, scratch, seed):
        self.vitc, self.scratch = vitc, scratch
        g = random.Random(seed)
        count = BATCH * CHANNELS * IMAGE * IMAGE
        self.input = {"pixel_values": safetensors.Tensor(
            "F32", [BATCH, CHANNELS, IMAGE, IMAGE],
            array.array("f", [g.uniform(-2, 2) for _ in range(count)]))}
        self.input_path = os.path.join(scratch, "input.safetensors")
        safetensors.write(self.input_path, self.input)

    def run(self, *command):
        return subprocess.run([self.vitc, *command], capture_output=True, text=True, timeout=600)

    def check(self, label, cases, dtype):
        """(failures {case number: text}, kernels as text)."""
        model = os.path.join(self.scratch, f"{label}.mlir")
        golden = os.path.join(self.scratch, f"{label}.safetensors")
        with open(model, "w") as file:
            file.write(render(cases))
        done = self.run("run", model, "--random-weights", "--device", "reference", "--no-prune",
                        "--input", self.input_path, "--output", golden)
        if done.returncode:
            return {c.number: done.stderr for c in cases}, ""
        tensors = safetensors.read(golden)
        safetensors.write(golden, {**tensors, **self.input})
        failures = {}
        for form in ([], ["--no-fuse"]):
            done = self.run("check", model, "--golden", golden, "--random-weights", "--emulate",
                            "--dtype", dtype, "--no-prune", "--max-batch", "4", *form)
            lines = LINE.findall(done.stdout)
            if len(lines) != len(tensors):
                return {c.number: f"{form} {done.stderr[-2000:]}" for c in cases}, ""
            for name, error, tolerance, verdict in lines:
                if verdict != "ok":
                    number = int(re.search(r"\d+", name)[0])
                    failures[number] = f"{form or ['fused']} {dtype} error {error} above {tolerance}"
        kernels = self.run("build", model, "--emit=kernels", "--dtype", dtype, "--no-prune").stdout
        return failures, kernels

    def shrink(self, case, dtype):
        """The case with as few ops as still fail."""
        smaller = True
        while smaller:
            smaller = False
            for part in ("after", "before"):
                ops = getattr(case, part)
                for i in range(len(ops)):
                    setattr(case, part, ops[:i] + ops[i + 1:])
                    if (case.after or case.before) and self.check("shrink", [case], dtype)[0]:
                        smaller = True
                        break
                    setattr(case, part, ops)
                if smaller:
                    break
        return case


def count_fused(text, counts, dtype):
    """Adds kernels with two or more elementwise ops to `counts`."""
    for body in re.findall(r"vit\.kernel @.*?vit\.yield", text, flags=re.S):
        ops = re.findall(r"= vit\.(\w+)", body)
        roots = [op for op in ops if op in ROOTS]
        root = roots[0] if roots else "elementwise"
        if len(ops) - len(roots) >= 2:
            counts[root, dtype] += 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vitc", required=True)
    parser.add_argument("--cases", type=int, default=910)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    generator = random.Random(arguments.seed)
    cases = [Case(i, ROOTS[i % len(ROOTS)], generator) for i in range(arguments.cases)]
    groups = [(i, "f16" if (i // 7) % 2 else "bf16", cases[i:i + 7]) for i in range(0, len(cases), 7)]
    counts, failed = collections.Counter(), []
    with tempfile.TemporaryDirectory() as scratch:
        runner = Runner(arguments.vitc, scratch, arguments.seed)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            jobs = [(dtype, group, pool.submit(runner.check, f"group{i}", group, dtype))
                    for i, dtype, group in groups]
        for dtype, group, job in jobs:
            failures, kernels = job.result()
            count_fused(kernels, counts, dtype)
            failed += [(c, dtype, failures[c.number]) for c in group if c.number in failures]
        for case, dtype, text in failed[:3]:
            print(f"case {case.number} ({case.root}): {text}")
            print(render([runner.shrink(case, dtype)]))
            print(runner.check("shrunk", [case], dtype)[0])
    print(f"{len(cases)} cases; kernels of two or more fused ops:")
    few = []
    for root in ROOTS:
        for dtype in ("f16", "bf16"):
            print(f"  {root} {dtype}: {counts[root, dtype]}")
            if counts[root, dtype] < 40:
                few.append(f"{root} {dtype}")
    if failed:
        sys.exit(f"{len(failed)} cases failed, seed {arguments.seed}")
    if few and arguments.cases >= 900:
        sys.exit("fewer than 40 fused kernels for " + ", ".join(few))


if __name__ == "__main__":
    main()
