#!/usr/bin/env python3
"""Builds the libraries of bench/families/compare.py from configs alone, and checks what can be checked without a GPU.

  prepare.py [--bin build/bin] [--no-measure] [--tiny] [--only NAME,...] [--out build/families]

Each model is built as a user would build it, for batches up to 64, with machine code: seconds, bytes of the
archive, launches. Limits are 20 s and 10 MB, and the fusions of its MLP are required. Models of base size
launch at most ten kernels more than ViT-B, and one more for each norm inside of a block. Then come the
libraries that travel, for batches up to 8 and of PTX alone, which the driver compiles for its device: f16 and
bf16 with schedules for the RTX 4090, f16 with those for the H200; packed, too, as OUT.tar.gz. Exit 1 if a limit
is exceeded.
"""
import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

import models

SECONDS, BYTES, MORE_LAUNCHES = 20, 10e6, 10
LIBRARIES = {"f16": ["--dtype", "f16"], "bf16": ["--dtype", "bf16"],
             "f16-h200": ["--dtype", "f16", "--gpu", "h200", "--arch", "sm_89"]}
failures = []


def fail(text):
    failures.append(text)
    print("FAIL", text, flush=True)


def build(vitc, *arguments):
    """Seconds by the clock and of processors, or None after saying what failed."""
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([vitc, "build", *arguments], capture_output=True, text=True)
    seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        fail(f"vitc build {' '.join(arguments)}: {done.stderr.strip()}")
        return None
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def launches(report, batch):
    return sum(kernel["launches"] for kernel in report["kernels"]
               if any(first <= batch <= last for first, last in kernel["batches"]))


def as_users_build(vitc, model, dtype, scratch):
    """{seconds, bytes, launches of 1 and 8}, or None."""
    folder = os.path.join(scratch, model.name)
    flags = model.write(folder)
    seconds = build(vitc, folder, *flags, "--dtype", dtype, "-o", folder, "--name", "mm",
                    "--require=" + ",".join(["no-spill", *("fuse:" + chain for chain in model.fuses)]))
    if seconds is None:
        return None
    with open(os.path.join(folder, "m.report.json"), encoding="utf-8") as file:
        report = json.load(file)
    size = os.path.getsize(os.path.join(folder, "libmm.a"))
    if seconds[0] > SECONDS:
        fail(f"{model.name} {dtype}: {seconds[0]:.1f} s, expected at most {SECONDS}")
    if size > BYTES:
        fail(f"{model.name} {dtype}: an archive of {size / 1e6:.1f} MB, expected at most {BYTES / 1e6:.0f}")
    return {"seconds": seconds, "bytes": size, "launches": [launches(report, 1), launches(report, 8)],
            "kernels": len(report["kernels"])}


def measure(vitc, chosen, scratch):
    print("| model | type | build, s | of processors | archive, MB | functions | launches at 1, 8 |")
    print("|---|---|---|---|---|---|---|")
    bases = {}
    for model in chosen:
        for dtype in ("f16", "bf16"):
            found = as_users_build(vitc, model, dtype, scratch)
            if found:
                bases.setdefault((model.name, dtype), found["launches"])
                clock, processors = found["seconds"]
                print(f"| {model.name} | {dtype} | {clock:.1f} | {processors:.1f} | {found['bytes'] / 1e6:.2f} | "
                      f"{found['kernels']} | {found['launches'][0]}, {found['launches'][1]} |", flush=True)
    return bases


def compare_launches(found):
    first = models.BASES[0]
    for dtype in ("f16", "bf16"):
        for model in models.BASES[1:]:
            counts, base = found.get((model.name, dtype)), found.get((first.name, dtype))
            if not counts or not base:
                continue
            limit = MORE_LAUNCHES + model.norms * model_layers(model)
            for batch, count, reference in zip((1, 8), counts, base):
                if count > reference + limit:
                    fail(f"{model.name} {dtype}: {count} launches at batch {batch}, {first.name} has {reference}, "
                         f"expected at most {limit} more")


def model_layers(model):
    return model.config.get("num_hidden_layers", 12)  # those of timm are of base size


def libraries(vitc, chosen, tiny, out, scratch):
    """Those that travel."""
    total = 0
    for model in chosen:
        flags = model.write(os.path.join(out, model.name), tiny)
        for kind, more in LIBRARIES.items():
            name = f"{model.name}-{kind}".replace("-", "_")
            if build(vitc, os.path.join(out, model.name), *flags, *more, "--shared", "--max-batch", "8",
                     "--ptxas", "none", "--name", name, "-o", scratch) is None:
                continue
            target = os.path.join(out, model.name, f"{kind}.so")
            shutil.copy(os.path.join(scratch, f"lib{name}.so"), target)
            total += os.path.getsize(target)
    packed, (folder, name) = out + ".tar.gz", os.path.split(out)
    subprocess.run(["tar", "-czf", packed, "-C", folder or ".", name], check=True)
    print(f"libraries for the GPU machine: {total / 1e6:.1f} MB in {out}, "
          f"{os.path.getsize(packed) / 1e6:.1f} MB in {packed}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default="build/bin", help="folder of vitc and vit-run")
    parser.add_argument("--out", default="build/families")
    parser.add_argument("--only", help="names of models, with commas")
    parser.add_argument("--tiny", action="store_true", help="small models of the same families; no limits")
    parser.add_argument("--no-measure", action="store_true", help="only the libraries that travel")
    arguments = parser.parse_args()
    vitc, out = os.path.join(arguments.bin, "vitc"), arguments.out.rstrip("/")
    only = arguments.only.split(",") if arguments.only else None
    chosen = [model for model in models.MODELS if not only or model.name in only]
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    shutil.copy(os.path.join(arguments.bin, "vit-run"), out)
    with tempfile.TemporaryDirectory() as scratch:
        if not arguments.tiny and not arguments.no_measure:
            bases = [] if only else [base for base in models.BASES if base.name not in {m.name for m in chosen}]
            compare_launches(measure(vitc, chosen + bases, scratch))
        libraries(vitc, chosen, arguments.tiny, out, scratch)
    for text in failures:
        print("FAIL", text)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
