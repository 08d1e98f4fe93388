#!/usr/bin/env python3
"""full_size.py --vitc V --models FOLDER [--only NAME,...]: builds models at their publishers' sizes, from configs alone.

FOLDER has models.py. Each is built as a user would build it, in f16, for GPUs and CPUs and batches up to 64. Then,
whatever the model: no schedule spills, every chain of an MLP is fused, nothing is warned of, a library without weights
is below 10 MB, and models of base size launch at most ten kernels more than ViT-B, and one more for each norm inside of
a block. Seconds are printed, by the clock and of processors; they depend on the machine.
"""
import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

MOST_BYTES, MORE_LAUNCHES, BATCHES = 10e6, 10, (1, 8)
failures = []


def fail(text):
    failures.append(text)
    print("FAIL", text, flush=True)


def launches(report, batch):
    return sum(kernel["launches"] for kernel in report["kernels"]
               if any(first <= batch <= last for first, last in kernel["batches"]))


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def build(vitc, model, dtype):
    """Launches at each of BATCHES; None if there is no library."""
    name = f"{model.name} {dtype}"
    with tempfile.TemporaryDirectory() as folder:
        asked = model.write(folder)
        start, before = time.monotonic(), processor_seconds()
        done = subprocess.run(
            [vitc, "build", folder, *asked, "--dtype", dtype, "-o", folder, "--name", "built",
             "--require=" + ",".join(["no-spill", *("fuse:" + chain for chain in model.fuses)])],
            capture_output=True, text=True, check=False)
        clock, processors = time.monotonic() - start, processor_seconds() - before
        if done.returncode or "warning" in done.stderr:
            fail(f"{name}: exit {done.returncode}: {done.stderr.strip()}")
        if done.returncode:
            return None
        with open(os.path.join(folder, "built.report.json"), encoding="utf-8") as file:
            report = json.load(file)
        size = os.path.getsize(os.path.join(folder, "libbuilt.a"))
    if size >= MOST_BYTES:
        fail(f"{name}: an archive of {size / 1e6:.1f} MB, expected less than {MOST_BYTES / 1e6:.0f}")
    counts = [launches(report, batch) for batch in BATCHES]
    print(f"| {model.name} | {dtype} | {clock:.1f} | {processors:.1f} | {size / 1e6:.2f} | {len(report['kernels'])} | "
          f"{', '.join(map(str, counts))} |", flush=True)
    return counts


def compare_launches(base, counts, model):
    limit = MORE_LAUNCHES + model.norms * model.config.get("num_hidden_layers", 12)  # timm's are of base size
    for batch, count, reference in zip(BATCHES, counts, base):
        if count > reference + limit:
            fail(f"{model.name}: {count} launches at batch {batch}, ViT-B has {reference}, expected at most "
                 f"{limit} more")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--vitc", required=True)
    parser.add_argument("--models", required=True, help="folder of models.py")
    parser.add_argument("--only", help="names of models, with commas")
    arguments = parser.parse_args()
    sys.dont_write_bytecode = True
    sys.path.insert(0, arguments.models)
    import models

    only = arguments.only.split(",") if arguments.only else None
    print("| model | type | build, s | of processors | archive, MB | functions | launches at 1, 8 |")
    print("|---|---|---|---|---|---|---|")
    first = models.BASES[0]
    base = build(arguments.vitc, first, "f16")
    for model in models.BASES[1:]:
        if not only or model.name in only:
            counts = build(arguments.vitc, model, "f16")
            if base and counts:
                compare_launches(base, counts, model)
    done = {model.name for model in models.BASES}
    for model in models.MODELS:
        if model.name not in done and (not only or model.name in only):
            build(arguments.vitc, model, "f16")
    largest = models.MODELS[-1]  # has the most kernels, and in bf16 more
    if not only or largest.name in only:
        build(arguments.vitc, largest, "bf16")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
