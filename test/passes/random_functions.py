#!/usr/bin/env python3
"""Random whole functions: the reference interpreter and every order of passes against plain Python.

  random_functions.py --run-functions R [--cases N] [--seed S] [--jobs J] [--vitc V --emulate N]
  random_functions.py --case SEED

A function (functions.py) has one to three inputs and outputs, branches, weights that are shared or computed
from others, attention of every kind. What it computes is known from oracle.py, which shares no code with
vitc. R runs it as it is, then after each of some pipelines: one pass alone, the passes on models in a
random order and some of those on kernels behind them, and both whole pipelines, with random options.
Everything follows from the seed, which is printed; --case prints one function with its pipelines.

With --emulate some of the functions that kernels can be built for run from end to end, too: vitc check compares
emulated kernels, in f16 or bf16 and with random options, with the same numbers. Rounding is amplified by
what a random function does next, so the tolerance only tells a wrong kernel from a rounded one.

A pipeline may refuse a function only for a reason in REFUSALS, and all refusals are counted.
"""
import argparse
import array
import collections
import concurrent.futures
import itertools
import math
import os
import random
import re
import subprocess
import sys
import tempfile

import functions
import oracle

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
import safetensors

TOLERANCE = 1e-9
EMULATED = {"f16": 0.05, "bf16": 0.3}
CHUNK = 100
MODEL = ("vit-drop-unused", "vit-prune-tokens", "cse", "vit-merge-qkv", "vit-fold-tokens", "canonicalize")
REFUSALS = (
    r"sums over \d+ columns; GPU kernels need a multiple of 8, and zeros cannot be added here because",
    r"expected an even head_dim from 2 to 256, found",
)


# Pipelines ----------------------------------------------------------------------


def precision(r):
    return f"vit-assign-precision{{dtype={r.choice(('f16', 'bf16'))}{residual(r)}}}"


def residual(r):
    return r.choice(("", " residual=f16", " residual=bf16", " residual=f32"))


def schedule_options(r):
    return r.choice(("", " force-fuse=true", " register-budget=64", " fuse-policy=keep",
                     " fuse-policy=recompute", " tile-policy=classic", " batch-invariant=true"))


def on_kernels(r):
    """Passes that follow each other in one order, up to a random one."""
    options = f"{{max-batch=4{schedule_options(r)}}}"
    passes = ["vit-hoist-weights", "vit-form-kernels", "vit-fuse" + options, "vit-share-kernels",
              "vit-select-schedules" + options, "vit-plan-memory{max-batch=4}"]
    if r.random() < 0.3:
        passes.remove("vit-fuse" + options)
    return passes[:r.randint(0, len(passes))]


def shuffled(r, regular):
    passes = [r.choice(MODEL) for _ in range(r.randint(1, 6))]
    for one in ["vit-pad-heads", "vit-pad-widths", precision(r)]:
        if r.random() < 0.6:
            passes.insert(r.randint(0, len(passes)), one)
    ready = regular and "vit-pad-widths" in passes and any("precision" in p for p in passes)
    return passes + (on_kernels(r) if ready else [])


def whole(r):
    flags = "".join(f" {flag}=true" for flag in ("no-prune", "no-fuse") if r.random() < 0.3)
    options = (f"{{dtype={r.choice(('f16', 'bf16'))}{residual(r)} max-batch=4"
               f"{schedule_options(r)}{flags}}}")
    return ["vit-model-pipeline" + options, "vit-kernel-pipeline" + options]


def pipelines(seed, regular):
    r = random.Random(f"passes {seed}")
    alone = [*MODEL, "vit-pad-heads", "vit-pad-widths", precision(r), "vit-hoist-weights", "vit-form-kernels"]
    lists = [[r.choice(alone)], shuffled(r, regular), shuffled(r, regular), whole(r)]
    return [",".join(passes) for passes in lists]


# Cases --------------------------------------------------------------------------


def case(seed):
    function = functions.Function(seed)
    outputs = ["//@ output " + " ".join(map(repr, oracle.flat(value.data))) for value in function.outputs]
    passes = ["//@ passes " + text for text in pipelines(seed, function.regular)]
    return "\n".join([f"//@ case {seed}", *outputs, *passes, function.text(), "//@ end", ""])


def run_chunk(runner, first, count):
    """(lines that R printed, what is wrong with it or "")."""
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "cases")
        with open(path, "w") as file:
            for seed in range(first, first + count):
                file.write(case(seed))
        done = subprocess.run([runner, path], capture_output=True, text=True, errors="replace")
    lines = done.stdout.splitlines()
    if done.returncode:
        last = lines[-1] if lines else f"nothing, so at case {first}"
        return lines, f"exit {done.returncode}; the last line was: {last}\n{done.stderr[-2000:]}"
    return lines, ""


def tensor(values, shape):
    return safetensors.Tensor("F32", shape, array.array("f", values))


def emulate(vitc, seed):
    """"" or what is wrong with the kernels of a function."""
    function, r = functions.Function(seed), random.Random(f"emulate {seed}")
    dtype = r.choice(("f16", "bf16"))
    command = [vitc, "check", "MODEL", "--weights", "WEIGHTS", "--golden", "GOLDEN", "--emulate", "--dtype",
               dtype, "--max-batch", "4", "--tolerance", str(EMULATED[dtype])]
    command += [flag for flag in ("--no-prune", "--no-fuse", "--force-fuse", "--batch-invariant")
                if r.random() < 0.25]
    golden = {f"y{i}": tensor(oracle.flat(v.data), [functions.BATCH, *v.shape])
              for i, v in enumerate(function.outputs)}
    x = function.arguments[0]
    golden[x.name[1:]] = tensor(oracle.flat(x.data), [functions.BATCH, *x.shape])
    with tempfile.TemporaryDirectory() as scratch:
        names = {name: os.path.join(scratch, name.lower() + end) for name, end in
                 (("MODEL", ".mlir"), ("WEIGHTS", ".safetensors"), ("GOLDEN", ".safetensors"))}
        with open(names["MODEL"], "w") as file:
            file.write(function.text())
        safetensors.write(names["WEIGHTS"], {
            key: tensor(oracle.scrambled(key, math.prod(shape)), function.file_shape(key, shape))
            for key, shape in function.keys})
        safetensors.write(names["GOLDEN"], golden)
        done = subprocess.run([names.get(word, word) for word in command], capture_output=True, text=True)
    return f"case {seed}: {' '.join(command)}\n{done.stdout}{done.stderr}" if done.returncode else ""


def can_emulate(seed):
    """vitc check takes one input and tensors of f32; f16 holds numbers up to 65504."""
    function = functions.Function(seed)
    largest = max(abs(x) for value in function.values for x in oracle.flat(value.data))
    plain = all(value.element == "f32" for value in function.outputs)
    return function.regular and len(function.arguments) == 1 and plain and largest < 1000


def judge(line):
    """(seed, stage, "" or what is wrong, why it was refused)."""
    seed, stage, what, text = line.split(" ", 3)
    if what == "distance" and float(text) < TOLERANCE:
        return int(seed), int(stage), "", ""
    if what == "refused":
        for pattern in REFUSALS:
            if re.search(pattern, text):
                return int(seed), int(stage), "", pattern
    return int(seed), int(stage), f"{what} {text}", ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--run-functions")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1, help="of the first case; the next has the next")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--case", type=int)
    parser.add_argument("--vitc")
    parser.add_argument("--emulate", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.case is not None:
        print(case(arguments.case), end="")
        return
    failures, refused, stages = [], collections.Counter(), 0
    with concurrent.futures.ProcessPoolExecutor(arguments.jobs) as pool:
        end = arguments.seed + arguments.cases
        jobs = [pool.submit(run_chunk, arguments.run_functions, first, min(CHUNK, end - first))
                for first in range(arguments.seed, end, CHUNK)]
        for job in jobs:
            lines, problem = job.result()
            if problem:
                failures.append(problem)
            for line in lines:
                seed, stage, wrong, reason = judge(line)
                stages += 1
                refused[reason] += bool(reason)
                if wrong:
                    failures.append(f"case {seed} stage {stage}: {wrong}")
        seeds = [s for s in range(arguments.seed, end) if arguments.emulate and can_emulate(s)]
        emulated = pool.map(emulate, itertools.repeat(arguments.vitc), seeds[:arguments.emulate])
        failures += filter(None, emulated)
    for failure in failures[:20]:
        print(failure)
    print(f"seed {arguments.seed}: {arguments.cases} functions, {stages} runs, {refused.total()} refused, "
          f"{min(len(seeds), arguments.emulate)} emulated, {len(failures)} failures; random_functions.py --case N prints a function")
    for reason, count in refused.most_common():
        if count:
            print(f"  {count} refused: {reason}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
