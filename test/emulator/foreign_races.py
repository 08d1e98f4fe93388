#!/usr/bin/env python3
"""Takes barriers out of the foreign kernels' PTX, one at a time; the emulator must find the race each leaves.

  foreign_races.py --program foreign-kernels --driver LIBRARY [--all] PTX-DIR

KERNELS says what is taken out of which kernel, and the kind of finding that must name the kernel. With --all every
barrier of every kernel is tried, and the ones that nothing misses are listed: some are superfluous, as the first of a
loop that another one closes.
"""
import argparse
import glob
import os
import re
import subprocess
import sys
import tempfile

BARRIER = r"bar\.sync|barrier\.sync\.aligned|bar\.warp\.sync"
# Kernel, pattern of the statement, which of them (counted from 0), the finding's kind.
KERNELS = [
    ("reduce_sum", BARRIER, 0, "race"),
    ("scan_block", BARRIER, 0, "race"),
    ("softmax_rows", BARRIER, 0, "race"),
    ("layer_norm", BARRIER, 0, "race"),
    ("transpose_tiled", BARRIER, 0, "race"),
    ("histogram", BARRIER, 1, "race"),
    ("bitonic_sort", BARRIER, 0, "race"),
    ("stencil2d", BARRIER, 0, "race"),
    ("gemm_tiled", BARRIER, 1, "race"),
    ("gemm_bf16", BARRIER, 0, "async"),
    ("gemm_bf16", r"cp\.async\.wait_group", 1, "async"),
    ("flash_attention", BARRIER, 1, "race"),
    ("radix_sort", BARRIER, 2, "race"),
    ("nbody", BARRIER, 1, "race"),
    ("named_barriers", BARRIER, 1, "race"),
    ("message", r"membar\.cta|fence\.\S+\.cta", 0, "race"),
    ("last_block", r"membar\.gl|fence\.\S+\.gpu", 0, "race"),
    ("triton_attention", BARRIER, 1, "race"),
    ("triton_matmul_f16", r"cp\.async\.wait_group", 0, "async"),
    ("triton_scan", BARRIER, 0, "race"),
]
STATEMENT = r"^[ \t]*(?:@!?%p\d+\s+)?(?:{})[^;]*;"


def mutants(text, pattern):
    """The text without the n-th statement of the pattern, for each n."""
    for found in re.finditer(STATEMENT.format(pattern), text, re.M):
        yield text[:found.start()] + text[found.end():]


def path_of(folder, name):
    path = os.path.join(folder, name + ".ptx")
    return path if os.path.exists(path) else os.path.join(folder, "triton", name + ".ptx")


class Runner:
    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder

    def findings(self, name, text):
        """(exit status, kinds of what was found) of the case with this PTX."""
        with open(os.path.join(self.folder, name + ".ptx"), "w") as file:
            file.write(text)
        done = subprocess.run(
            [self.arguments.program, "--driver", self.arguments.driver, "--ptx", self.folder, name],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, errors="replace",
            env={**os.environ, "VITC_EMULATOR": "threads=1"})
        return done.returncode, re.findall(r"^[\w$]+:\d+:\S+: ([\w-]+): ", done.stderr, re.M)


def run_listed(runner, folder):
    failures = 0
    for name, pattern, number, kind in KERNELS:
        with open(path_of(folder, name)) as file:
            text = file.read()
        status, before = runner.findings(name, text)
        without = list(mutants(text, pattern))
        label = f"{name} without {pattern} {number}"
        if status or before:
            problem = f"expected no finding in the kernel as it is, found {before}"
        elif number >= len(without):
            problem = f"expected {number + 1} such statements, found {len(without)}"
        else:
            status, after = runner.findings(name, without[number])
            problem = "" if status and kind in after else f"expected a finding of kind {kind}, found {after}"
        failures += bool(problem)
        print(f"{'FAIL' if problem else 'ok  '} {label}{': ' + problem if problem else ''}")
    print(f"{len(KERNELS) - failures} of {len(KERNELS)} planted races found")
    return failures


def run_all(runner, folder):
    for path in sorted(glob.glob(os.path.join(folder, "*.ptx")) + glob.glob(os.path.join(folder, "triton", "*.ptx"))):
        name = os.path.basename(path)[:-4]
        with open(path) as file:
            text = file.read()
        for pattern in (BARRIER, r"cp\.async\.wait_group", r"membar|fence"):
            results = [runner.findings(name, mutant) for mutant in mutants(text, pattern)]
            if results:
                print(f"{name}: {pattern}: " + ", ".join(
                    found[0] if found else "wrong" if status else "-" for status, found in results))
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--driver", required=True)
    parser.add_argument("--all", action="store_true", help="try every barrier")
    parser.add_argument("folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = run_all if arguments.all else run_listed
        return 1 if run(Runner(arguments, folder), arguments.folder) else 0


if __name__ == "__main__":
    sys.exit(main())
