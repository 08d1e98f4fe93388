#!/usr/bin/env python3
"""Random elementwise DAGs around every kind of root: fused, unfused and reference must agree.

  random_dags.py --vitc V --random-model R [--device emulator|cpu] [--cases N] [--seed S]

The cases are those of test/models/RandomModel.h. Several share a model, so that a run of the tools serves
all of them. The f64 reference gives the expected outputs; both forms run on the emulator in f16 and bf16, or as code
for CPUs in f32 and bf16, of the best instructions that the processor has and of AVX2. A
case that fails is cut down to the fewest ops that still fail, and printed with the command that writes it.
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

LINE = re.compile(r"^(\S+) error (\S+) tolerance (\S+) (ok|FAIL)$", re.M)
PIXELS = re.compile(r"%pixel_values: tensor<\?x(\d+)x(\d+)x(\d+)xf32>")
BATCH = 2
DTYPES = {"emulator": ("f16", "bf16"), "cpu": ("f32", "bf16")}
FORMS = {"emulator": (["--emulate"], ["--emulate", "--no-fuse"]),
         "cpu": (["--device", "cpu:2"], ["--device", "cpu:2", "--no-fuse"], ["--device", "cpu:2", "--isa", "avx2"])}


class Runner:
    def __init__(self, arguments, scratch):
        self.vitc, self.random_model = arguments.vitc, arguments.random_model
        self.seed, self.scratch, self.device = arguments.seed, scratch, arguments.device
        self.roots = self.call(self.random_model, "--roots").stdout.split()

    def call(self, *command):
        return subprocess.run(command, capture_output=True, text=True, timeout=600)

    def command(self, first, count, dropped=()):
        """Writes cases [first, first + count) without the `dropped` elementwise ops."""
        return [self.random_model, str(self.seed), "--first", str(first), "--count", str(count),
                *(word for op in dropped for word in ("--drop", str(op)))]

    def pixels(self, model):
        shape = [BATCH, *map(int, PIXELS.search(model).groups())]
        g = random.Random(self.seed)
        values = array.array("f", [g.uniform(-2, 2)
                                   for _ in range(shape[0] * shape[1] * shape[2] * shape[3])])
        return {"pixel_values": safetensors.Tensor("F32", shape, values)}

    def check(self, dtype, first, count, dropped=()):
        """(failures {case: text}, kernels as text, operations by case: {case: numbers})."""
        everyone = range(first, first + count)
        label = os.path.join(self.scratch, f"{first}-{count}-{dtype}")
        written = self.call(*self.command(first, count, dropped))
        if written.returncode:
            return {case: written.stderr for case in everyone}, "", {}
        model, golden, source = label + ".mlir", label + ".safetensors", label + "-in.safetensors"
        with open(model, "w") as file:
            file.write(written.stdout)
        ops = collections.defaultdict(set)
        for case, number in re.findall(r'loc\("case\.(\d+)\.op\.(\d+)', written.stdout):
            ops[int(case)].add(int(number))
        pixels = self.pixels(written.stdout)
        safetensors.write(source, pixels)
        done = self.call(self.vitc, "run", model, "--random-weights", "--device", "reference",
                         "--no-prune", "--input", source, "--output", golden)
        if done.returncode:
            return {case: done.stderr for case in everyone}, "", ops
        tensors = safetensors.read(golden)
        safetensors.write(golden, {**tensors, **pixels})
        failures = {}
        for form in FORMS[self.device]:
            done = self.call(self.vitc, "check", model, "--golden", golden, "--random-weights",
                             "--dtype", dtype, "--no-prune", "--max-batch", "4", *form)
            lines = LINE.findall(done.stdout)
            if len(lines) != len(tensors):
                return {case: f"{form} {done.stderr[-2000:]}" for case in everyone}, "", ops
            for name, error, tolerance, verdict in lines:
                if verdict != "ok":
                    case = int(re.search(r"\d+", name)[0])
                    failures[case] = f"{' '.join(form)} {dtype} error {error} above {tolerance}"
        kernels = self.call(self.vitc, "build", model, "--emit=kernels", "--dtype", dtype,
                            "--no-prune").stdout
        return failures, kernels, ops

    def shrink(self, dtype, case):
        """The ops that can be left out of the case, which still fails."""
        dropped = []
        for op in sorted(self.check(dtype, case, 1)[2][case], reverse=True):
            if self.check(dtype, case, 1, dropped + [op])[0]:
                dropped.append(op)
        return dropped


def count_fused(text, roots, counts, dtype):
    """Adds kernels with two or more elementwise ops to `counts`."""
    for body in re.findall(r"vit\.kernel @.*?vit\.yield", text, flags=re.S):
        ops = re.findall(r"= vit\.(\w+)", body)
        of_kernel = [op for op in ops if op in roots]
        if len(ops) - len(of_kernel) >= 2:
            counts[of_kernel[0] if of_kernel else "input", dtype] += 1


def counts_below(runner, counts, dtypes):
    """Roots with too few fused kernels; prints all. Kernels are those of a GPU."""
    few = []
    print("kernels of two or more fused ops:")
    for root in runner.roots:
        for dtype in dtypes:
            print(f"  {root} {dtype}: {counts[root, dtype]}")
            if counts[root, dtype] < 40:
                few.append(f"{root} {dtype}")
    return few


def report(runner, dtype, case, text):
    print(f"case {case} ({runner.roots[case % len(runner.roots)]}): {text}")
    dropped = runner.shrink(dtype, case)
    command = runner.command(case, 1, dropped)
    print(" ".join(command), runner.call(*command).stdout, sep="\n")
    print(runner.check(dtype, case, 1, dropped)[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vitc", required=True)
    parser.add_argument("--random-model", required=True)
    parser.add_argument("--device", choices=list(FORMS), default="emulator")
    parser.add_argument("--cases", type=int, help="default: 130 for each root, which must give 40 "
                        "kernels of two or more fused ops in each type")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    counts, failed, dtypes = collections.Counter(), [], DTYPES[arguments.device]
    with tempfile.TemporaryDirectory() as scratch:
        runner = Runner(arguments, scratch)
        size = len(runner.roots)
        cases = arguments.cases or 130 * size
        print(f"seed {arguments.seed}, {cases} cases")
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            jobs = [(dtypes[first // size % 2], pool.submit(
                runner.check, dtypes[first // size % 2], first, min(size, cases - first)))
                for first in range(0, cases, size)]
        for dtype, job in jobs:
            failures, kernels, _ = job.result()
            count_fused(kernels, runner.roots, counts, dtype)
            failed += [(dtype, case, text) for case, text in failures.items()]
        for failure in failed[:3]:
            report(runner, *failure)
        few = counts_below(runner, counts, dtypes) if arguments.device == "emulator" else []
    if failed:
        sys.exit(f"{len(failed)} cases failed, seed {arguments.seed}")
    if few and not arguments.cases:
        sys.exit("fewer than 40 fused kernels for " + ", ".join(few))


if __name__ == "__main__":
    main()
