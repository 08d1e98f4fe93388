#!/usr/bin/env python3
"""full_size.py --vitc V --models FOLDER: builds a model of each family at its publisher's size, from its config alone.

Both element types, for GPUs and CPUs, with no more said than --dtype. What such a build must keep, whatever the model:
no schedule spills, every chain of an MLP is fused, nothing is warned of, and a library without weights is below 10 MB.
FOLDER has models.py. The seconds of each build are printed; how fast a build is depends on the machine.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

MOST_BYTES = 10_000_000


def build(vitc, model, dtype, folder):
    """What is wrong with a build of `model`; empty if nothing is."""
    source, out = os.path.join(folder, model.name), os.path.join(folder, "out")
    asked = model.write(source)
    started = time.monotonic()
    done = subprocess.run(
        [vitc, "build", source, "-o", out, "--name", "built", "--dtype", dtype, "--require",
         ",".join(["no-spill", *("fuse:" + chain for chain in model.fuses)]), *asked],
        capture_output=True, text=True, check=False)
    seconds = time.monotonic() - started
    if done.returncode != 0:
        return f"exit {done.returncode}: {done.stderr.strip()}"
    size = os.path.getsize(os.path.join(out, "libbuilt.a"))
    print(f"{model.name} {dtype}: {size / 1e6:.1f} MB, {seconds:.1f} s", flush=True)
    if "warning" in done.stderr:
        return done.stderr.strip()
    return f"{size} bytes, expected less than {MOST_BYTES}" if size >= MOST_BYTES else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--vitc", required=True)
    parser.add_argument("--models", required=True, help="folder of models.py")
    arguments = parser.parse_args()
    sys.dont_write_bytecode = True
    sys.path.insert(0, arguments.models)
    import models

    failed = 0
    for model in models.MODELS:
        for dtype in ("f16", "bf16"):
            with tempfile.TemporaryDirectory() as folder:
                if wrong := build(arguments.vitc, model, dtype, folder):
                    print(f"FAILED {model.name} {dtype}: {wrong}")
                    failed += 1
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
