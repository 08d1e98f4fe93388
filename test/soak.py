#!/usr/bin/env python3
"""The random tests, round after round with fresh seeds, until the time is up.

  soak.py --build BUILD --minutes M [--fuzzers BUILD]

The fuzzers are those of another build, with sanitizers. Scripts take --seed; test cases of Catch2 with the tag [random], in whatever executable, read
VITC_TEST_SEED and VITC_TEST_COUNT. Every seed is printed, and for what fails its output and the command
that repeats it. The last line counts: "N passed, N failed"; exit code 1 if anything failed.
"""
import argparse
import glob
import os
import random
import shlex
import subprocess
import sys
import time

TEST = os.path.dirname(os.path.abspath(__file__))
COUNT = "2000"  # what a test case of C++ is asked to try
COUNTS = {"runtime: rounds of loads": "10000"}  # by the beginning of its name


def suites(build, fuzzers):
    """(name, function of a seed that gives environment and command)."""
    tool = lambda name: os.path.join(build, "bin", name)
    script = lambda *path: [sys.executable, os.path.join(TEST, *path)]
    vitc, model = ["--vitc", tool("vitc")], os.path.join(TEST, "golden", "models", "hf-vit")
    yield "fused kernels", lambda seed: ({}, [
        *script("codegen", "nvptx", "random_dags.py"), *vitc, "--random-model",
        tool("vitc-random-model"), "--cases", "64", "--seed", str(seed)])
    yield "random models", lambda seed: ({}, [
        *script("golden", "random_models.py"), *vitc, "--cases", "4", "--seed", str(seed)])
    yield "planted numbers that are none", lambda seed: ({}, [
        *script("tools", "nonfinite.py"), *vitc, "--cases", "50", "--seed", str(seed)])
    yield "random functions", lambda seed: ({}, [
        *script("passes", "random_functions.py"), "--run-functions", tool("vitc-run-functions"),
        *vitc, "--cases", "3000", "--emulate", "30", "--seed", str(seed)])
    yield "few outputs", lambda seed: ({}, [
        *script("tools", "few_values.py"), *vitc, "--cases", "20", "--seed", str(seed)])
    yield "planted bugs", lambda seed: ({}, [
        *script("emulator", "mutants.py"), *vitc, "--vit-run", tool("vit-run"), "--seed", str(seed),
        model])
    yield "bent files", lambda seed: (environment(seed, "200"), [
        *script("tools", "bad_input.py"), tool("vitc"), tool("vit-run"), model,
        "BadInput.test_random_damage"])
    for unit in sorted(glob.glob(tool("unit-*"))):
        listed = subprocess.run([unit, "--list-test-names-only", "[random]"], capture_output=True,
                                text=True)
        for case in filter(None, listed.stdout.split("\n")):
            count = next((COUNTS[begin] for begin in COUNTS if case.startswith(begin)), COUNT)
            yield case, lambda seed, unit=unit, case=case, count=count: (
                environment(seed, count), [unit, case.replace(",", "\\,")])
    for fuzzer in sorted(glob.glob(os.path.join(fuzzers, "bin", "fuzz-*"))) if fuzzers else []:
        name = os.path.basename(fuzzer).removeprefix("fuzz-")
        yield "fuzzer " + name, lambda seed, name=name: ({}, [
            *script("fuzz", "run.py"), "--build", fuzzers, "--seconds", "120", "--seed", str(seed),
            name])


def environment(seed, count):
    return {"VITC_TEST_SEED": str(seed), "VITC_TEST_COUNT": count}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--fuzzers", type=os.path.abspath)
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    end = time.monotonic() + 60 * arguments.minutes
    everything, passed, failed = list(suites(build, arguments.fuzzers)), 0, 0
    while time.monotonic() < end:
        for name, make in everything:
            if time.monotonic() >= end:
                break
            seed = random.SystemRandom().randrange(1 << 31)
            variables, command = make(seed)
            start = time.monotonic()
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  errors="replace", env={**os.environ, **variables})
            good = done.returncode == 0
            passed, failed = passed + good, failed + (not good)
            print(f"{'ok  ' if good else 'FAIL'} {name}, seed {seed} "
                  f"({time.monotonic() - start:.0f} s)", flush=True)
            if not good:
                words = [f"{key}={value}" for key, value in variables.items()] + command
                print(done.stdout[-6000:], f"repeat with: {shlex.join(words)}", sep="\n", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
