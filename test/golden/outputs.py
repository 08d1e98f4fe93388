#!/usr/bin/env python3
"""Every output of every golden model, alone: passes drop what the others needed, and weights with it.

  outputs.py MODELS --vitc V --vit-run R [--all]

For each model with weights, output, form (pruned, --no-prune, --no-fuse) and type (f16, bf16; pruned also tf32 and f32)
the model is run from its file by vitc check, and a library is built that runs with the file and with random weights; another
one embeds the file. All are compared with the f64 reference. Models whose weights come from their names are built,
which executes every check of a library, but not run. Without --all, each output of the small models has one
form and type, so that all forms and types have their turn.
"""
import argparse
import concurrent.futures
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile

import safetensors

FORMS = {"pruned": [], "unpruned": ["--no-prune"], "unfused": ["--no-fuse"]}
DTYPES = {"f16": "2e-3", "bf16": "2e-2", "tf32": "2e-3", "f32": "1e-5"}
# Beside those of the golden file. An encoder's numbered states and its grid stand for all of their kind.
OUTPUTS = {"kernelbench_vit": ["logits", "last_hidden_state"],
           "ViTForImageClassification": ["logits", "last_hidden_state"],
           "DeiTForImageClassificationWithTeacher": ["cls_logits", "distillation_logits"],
           "Dinov2WithRegistersForImageClassification": ["last_hidden_state", "hidden_states.0"],
           "DINOv3ViTModel": ["hidden_states.1", "patch_grid"]}
# What no kernel does yet, by the model's name: remove the line when one does.
REFUSED = {}


def run(*command, refused=None):
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if refused and done.returncode == 1 and re.search(refused, done.stderr):
        return done.stderr
    if done.returncode or refused:
        raise RuntimeError(f"{' '.join(command)}\nexit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def first_of(directory, *names):
    """The path of the first that is there, else of the first."""
    paths = [os.path.join(directory, name) for name in names]
    return next(filter(os.path.exists, paths), paths[0])


class Case:
    """One output of a model, with what the reference computes of two images."""

    def __init__(self, arguments, directory, output, scratch):
        self.vitc, self.vit_run = arguments.vitc, arguments.vit_run
        self.model, self.output = directory, output
        self.label = f"{os.path.basename(directory)} {output}"
        self.scratch = os.path.join(scratch, self.label.replace(" ", "-"))
        os.mkdir(self.scratch)
        self.weights = first_of(directory, "model.safetensors", "open_clip_model.safetensors")
        self.small = os.path.exists(self.weights) and os.path.basename(directory) not in REFUSED
        self.expected = {}

    def prepare(self):
        if not self.small:
            return
        images = safetensors.read(os.path.join(self.model, "io.safetensors"))["pixel_values"]
        source = os.path.join(self.scratch, "input.safetensors")
        safetensors.write(source, {"pixel_values": images})
        for name, flags in (("file", []), ("random", ["--random-weights"])):
            path = os.path.join(self.scratch, name + ".safetensors")
            run(self.vitc, "run", self.model, "--outputs", self.output, "--device", "reference", *flags,
                "--input", source, "--output", path)
            safetensors.write(path, {**safetensors.read(path), "pixel_values": images})
            self.expected[name] = path

    def build(self, form, dtype, *flags):
        refused = REFUSED.get(os.path.basename(self.model))
        folder = os.path.join(self.scratch, "-".join([form, dtype, *flags]))
        run(self.vitc, "build", self.model, "--outputs", self.output, "--dtype", dtype, *FORMS[form],
            "--target", "cuda", "--shared", "--max-batch", "5", "--ptxas", "none", "--name", "mm", "-o", folder, *flags,
            refused=refused)
        if refused:
            print(f"{self.label} {form} {dtype}: refused, as expected", flush=True)
        return os.path.join(folder, "libmm.so")

    def check(self, form, dtype):
        library = self.build(form, dtype)
        if not self.small:
            return
        tolerance = ["--tolerance", DTYPES[dtype], "--emulate"]
        checks = {
            "in vitc": [self.vitc, "check", self.model, "--outputs", self.output, "--dtype", dtype,
                        *FORMS[form], *tolerance, "--golden", self.expected["file"]],
            "with its file": [self.vit_run, library, "--weights", self.weights, *tolerance, "--check",
                              self.expected["file"]],
            "with random weights": [self.vit_run, library, "--random-weights", *tolerance, "--check",
                                    self.expected["random"]],
            "embedded": [self.vit_run, self.build(form, dtype, "--embed-weights"), *tolerance, "--check",
                         self.expected["file"]],
        }
        for how, command in checks.items():
            found = re.findall(r"^(\S+) error (\S+) .* (ok|FAIL)$", run(*command), re.M)
            if [name for name, _, _ in found] != [self.output] or found[0][2] != "ok":
                raise RuntimeError(f"{' '.join(command)}\nexpected {self.output} ok, found {found}")
            print(f"{self.label} {form} {dtype} {how}: {found[0][1]}", flush=True)


def outputs_of(directory):
    config = json.load(open(first_of(directory, "config.json", "open_clip_config.json")))
    meta = json.load(open(os.path.join(directory, "meta.json")))
    name = config.get("architecture") or (config.get("architectures") or [""])[0]
    return list(dict.fromkeys([*meta.get("outputs", []), *OUTPUTS.get(name, [])]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("models")
    parser.add_argument("--vitc", required=True)
    parser.add_argument("--vit-run", required=True)
    parser.add_argument("--all", action="store_true")
    arguments = parser.parse_args()
    directories = sorted(os.path.join(arguments.models, name) for name in os.listdir(arguments.models))
    with tempfile.TemporaryDirectory() as scratch, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        cases = [Case(arguments, directory, output, scratch)
                 for directory in directories for output in outputs_of(directory)]
        if not arguments.all:
            cases = [case for case in cases if case.small]
        list(pool.map(Case.prepare, cases))
        jobs = []
        for number, case in enumerate(cases):
            forms = [(form, dtype) for form, dtype in itertools.product(FORMS, DTYPES)
                     if form == "pruned" or dtype not in ("tf32", "f32")]
            for form in forms if arguments.all else [forms[number % len(forms)]]:
                jobs.append((case, form, pool.submit(case.check, *form)))
        failed = 0
        for case, form, job in jobs:
            try:
                job.result()
            except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(f"FAIL {case.label} {' '.join(form)}: {error}")
    print(f"{len(jobs) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
