#!/usr/bin/env python3
"""What schedules of a model's kernels took on a device: data for the model of time.

Joins the logs of `vit-run --tune` with what `vitc explain --json` says of each kernel's launches:
  sweep.py VITC h200 sm_89 vitb=CONFIG_DIR:vitb.log vitl=CONFIG_DIR:vitl.log > bench/data/h200-sweep.csv
A log may also be the tuning file that vit-run wrote, which has the fastest schedules alone. The compiler must
be of the commit whose candidates were timed, or one that makes the same kernels. Schedules that split K were
left out of h200-sweep.csv (grep -v " splits "): they took two launches then, and take one since. Columns:

  model, kernel   names
  batch           images
  schedule        as files and reports write it, bound on registers last
  us              of all launches of the kernel in one run, each in a row of equal ones: the median
  samples         measurements of it: candidates of other kernels repeat the schedules of this one
  uses            the launches, joined by ';': how many, then the numbers of passes/cost/Work.h that are
                  not as by default
"""
import collections
import csv
import json
import re
import statistics
import subprocess
import sys

LINE = re.compile(r"(\S+) batch (\d+): ([\d.]+) us with (.+)")


def measurements(path):
    """(kernel, batch, schedule): microseconds, in the order of the file."""
    found = collections.defaultdict(list)
    with open(path) as file:
        if path.endswith(".json"):
            for entry in json.load(file)["entries"]:
                found[entry["kernel"], entry["batch"], entry["schedule"]].append(entry["us"])
            return found
        for line in file:
            if match := LINE.match(line):
                kernel, batch, us, schedule = match.groups()
                found[kernel, int(batch), schedule].append(float(us))
    return found


def uses(vitc, model, gpu, arch, most):
    """Kernel: its launches as the cost model sees them."""
    command = [vitc, "explain", model, "--json", "--ptxas", "none", "--gpu", gpu, "--arch", arch,
               "--max-batch", str(most)]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {kernel["kernel"]: ";".join(text(use) for use in kernel["uses"])
            for kernel in report["kernels"]}


def text(use):
    fields = sorted(use["work"].items(), key=lambda field: (field[0] != "family", field[0]))
    return " ".join([str(use["count"])] + [f"{name}={value}" for name, value in fields])


def main(vitc, gpu, arch, *models):
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow("model kernel batch schedule us samples uses".split())
    for argument in models:
        name, paths = argument.split("=")
        config, log = paths.split(":")
        points = measurements(log)
        known = uses(vitc, config, gpu, arch, max(batch for _, batch, _ in points))
        for (kernel, batch, schedule), times in sorted(points.items()):
            table.writerow([name, kernel, batch, schedule, f"{statistics.median(times):.2f}",
                            len(times), known[kernel]])


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
