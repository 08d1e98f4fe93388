#!/usr/bin/env python3
"""Builds the libraries of bench/families/compare.py from configs alone.

  prepare.py [--bin build/bin] [--tiny] [--only NAME,...] [--out build/families]

They are for batches up to 8 and of PTX alone, which the driver compiles for its device: f16 and bf16 with schedules for
the RTX 4090, f16 with those for the H200; packed, too, as OUT.tar.gz. Exit 1 if a build fails. What a user's build of
each takes and has is seen by test/golden/full_size.py.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

import models

LIBRARIES = {"f16": ["--dtype", "f16"], "bf16": ["--dtype", "bf16"],
             "f16-h200": ["--dtype", "f16", "--gpu", "h200", "--arch", "sm_89"]}
failures = []


def fail(text):
    failures.append(text)
    print("FAIL", text, flush=True)


def build(vitc, *arguments):
    """Whether it succeeds; says what failed."""
    done = subprocess.run([vitc, "build", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        fail(f"vitc build {' '.join(arguments)}: {done.stderr.strip()}")
    return done.returncode == 0


def libraries(vitc, chosen, tiny, out, scratch):
    """Those that travel."""
    total = 0
    for model in chosen:
        flags = model.write(os.path.join(out, model.name), tiny)
        for kind, more in LIBRARIES.items():
            name = f"{model.name}-{kind}".replace("-", "_")
            if not build(vitc, os.path.join(out, model.name), *flags, *more, "--shared", "--max-batch", "8",
                         "--ptxas", "none", "--name", name, "-o", scratch):
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
    parser.add_argument("--tiny", action="store_true", help="small models of the same families")
    arguments = parser.parse_args()
    vitc, out = os.path.join(arguments.bin, "vitc"), arguments.out.rstrip("/")
    only = arguments.only.split(",") if arguments.only else None
    chosen = [model for model in models.MODELS if not only or model.name in only]
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    shutil.copy(os.path.join(arguments.bin, "vit-run"), out)
    with tempfile.TemporaryDirectory() as scratch:
        libraries(vitc, chosen, arguments.tiny, out, scratch)
    for text in failures:
        print("FAIL", text)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
