#!/usr/bin/env python3
"""Runs the fuzzers of a build: on their seeds, or on and on from them.

  run.py --build BUILD --replay [NAME...]     each input once: seeds, and test/fuzz/found/NAME
  run.py --build BUILD --seconds S [NAME...]  fuzzes each for so long; a crash is kept in
                                              BUILD/fuzz/NAME and printed with its command
  run.py --build BUILD --seconds S --seed N   from another seed than 1
  -j N                                        so many at a time (default: all cores)

Seeds are files of this repository. Prints executions and coverage of each; the last line is
"N passed, N failed", and the exit code 1 if any failed.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import shlex
import shutil
import subprocess
import sys

TEST = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(TEST)
LARGEST = 64 << 10  # bytes of a seed: larger ones make every mutation slow
SEEDS = {
    "safetensors": ["test/**/*.safetensors", "examples/**/*.safetensors"],
    "config": ["test/**/config*.json", "examples/**/config.json"],
    "tables": ["test/**/*.csv", "test/**/*tun*.json", "bench/data/*.json"],
    "mlir": ["test/**/*.mlir", "docs/*.mlir"],
    "ptx": ["test/**/*.ptx"],
    "library": [],
    "pictures": ["test/golden/pictures/**/*.png", "test/golden/pictures/**/*.jpg"],
}
OPTIONS = {  # seconds for one input, MiB
    "mlir": ["-timeout=60", "-rss_limit_mb=4096", "-max_len=16384"],
    "ptx": ["-timeout=30", "-rss_limit_mb=3072", "-max_len=16384"],
}
SANITIZERS = {
    # MLIR and LLVM come without these, and containers cross the border.
    "ASAN_OPTIONS": "allow_user_poisoning=0:use_sigaltstack=0:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


def inputs(build, name):
    """The folder of the seeds, made anew."""
    folder = os.path.join(build, "fuzz", name, "seeds")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    files = [f for pattern in SEEDS[name] for f in glob.glob(os.path.join(ROOT, pattern), recursive=True)
             if os.path.isfile(f) and os.path.getsize(f) <= LARGEST]
    files += glob.glob(os.path.join(TEST, "fuzz", "found", name, "*"))
    for i, file in enumerate(sorted(files)):
        shutil.copy(file, os.path.join(folder, f"{i:03}-{os.path.basename(file)}"))
    return folder


def fuzz(build, name, arguments):
    """(good, line to print)"""
    folder, corpus = inputs(build, name), os.path.join(build, "fuzz", name)
    grown = os.path.join(corpus, "grown")
    os.makedirs(grown, exist_ok=True)
    command = [os.path.join(build, "bin", "fuzz-" + name), *OPTIONS.get(name, ["-timeout=30"]),
               f"-artifact_prefix={corpus}/", "-print_final_stats=1"]
    if arguments.replay:
        command += ["-runs=0", folder]
    else:
        command += [f"-max_total_time={arguments.seconds}", f"-seed={arguments.seed}",
                    *([f"-dict={d}"] if os.path.exists(d := os.path.join(TEST, "fuzz", name + ".dict")) else []),
                    grown, folder]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", env={**os.environ, **SANITIZERS})
    runs = re.findall(r"stat::number_of_executed_units: *(\d+)", done.stdout)
    covered = re.findall(r"cov: (\d+) ft: (\d+)", done.stdout)
    edges = re.findall(r"\((\d+) inline 8-bit counters\)", done.stdout)
    line = f"{name:12} {runs[-1] if runs else '?':>9} runs"
    if covered:
        line += f", {covered[-1][0]} of {edges[-1]} edges and {covered[-1][1]} features covered"
    if done.returncode:
        line += f"\n{done.stdout[-5000:]}\nrepeat with: {shlex.join(command)}"
    return done.returncode == 0, line


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--build", required=True, type=os.path.abspath)
    parser.add_argument("--replay", action="store_true")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-j", type=int, default=os.cpu_count())
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in SEEDS:
            parser.error(f"expected names of {', '.join(SEEDS)}, found '{name}'")
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.j) as pool:
        jobs = [pool.submit(fuzz, arguments.build, name, arguments) for name in arguments.names or SEEDS]
        for job in concurrent.futures.as_completed(jobs):
            good, line = job.result()
            passed, failed = passed + good, failed + (not good)
            print(("ok   " if good else "FAIL ") + line, flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
