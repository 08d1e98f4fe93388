#!/usr/bin/env python3
"""Sound models of one to three outputs pass `vitc check` in f16 and bf16, whatever cancels in them; with one
output that is off by as much as it is large they do not.

  few_values.py --vitc V [--cases N] [--seed S]
"""
import array
import json
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
import nonfinite
import random_cases
import safetensors

LINE = re.compile(r"^logits error (\S+) tolerance (\S+) (ok|FAIL)$", re.M)


def make(g, folder):
    """A random classifier of one to three classes without bias; returns how many."""
    while True:
        tensors = nonfinite.make(g, folder)
        path = os.path.join(folder, "config.json")
        with open(path) as file:
            config = json.load(file)
        if "num_labels" in config:
            break
    classes, width = g.randint(1, 3), config["hidden_size"]
    with open(path, "w") as file:
        json.dump({**config, "num_labels": classes}, file)
    rows = array.array("f", [g.gauss(0, width ** -0.5) for _ in range(classes * width)])
    tensors["classifier.weight"] = safetensors.Tensor("F32", [classes, width], rows)
    tensors["classifier.bias"] = safetensors.Tensor("F32", [classes], array.array("f", [0.0] * classes))
    safetensors.write(os.path.join(folder, "model.safetensors"), tensors)
    return classes


def check(vitc, folder, *arguments):
    done = subprocess.run([vitc, "check", folder, "--emulate", *arguments], capture_output=True, text=True)
    lines = LINE.findall(done.stdout)
    return lines[0] if len(lines) == 1 else None, done.stdout + done.stderr


def problem_of(vitc, folder):
    golden, source = os.path.join(folder, "golden.safetensors"), os.path.join(folder, "input.safetensors")
    subprocess.run([vitc, "run", folder, "--device", "reference", "--input", source, "--output", golden,
                    "--outputs", "logits"], check=True, capture_output=True)
    tensors = {**safetensors.read(source), **safetensors.read(golden)}
    for wrong in (False, True):
        if wrong:  # of the largest: what is next to nothing may be all rounding
            values = tensors["logits"].values
            values[max(range(len(values)), key=lambda i: abs(values[i]))] *= 2
        safetensors.write(golden, tensors)
        for dtype in ("f16", "bf16"):
            line, said = check(vitc, folder, "--golden", golden, "--dtype", dtype)
            if not line:
                return said
            error, tolerance, verdict = line
            print(f"  {dtype} {'wrong' if wrong else 'sound'}: error {error} tolerance {tolerance}")
            # A head that cancels to a fortieth has no digit in bf16 that is right for sure.
            if verdict != ("FAIL" if wrong else "ok") and not (wrong and float(tolerance) > 0.2):
                return said
    return ""


def case_of(vitc, folder, generator):
    classes = make(generator, folder)
    return f"{classes} classes", problem_of(vitc, folder)


if __name__ == "__main__":
    random_cases.run(6, case_of)
