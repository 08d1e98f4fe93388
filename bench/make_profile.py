#!/usr/bin/env python3
"""One profile of what `vit-run --tune` measured of several models on one GPU.

  make_profile.py TUNING.json... -o driver/profiles/GPU.json

Kernels are known by their hash, so a profile serves all models that have them; the names are for readers. Of one
kernel and batch in several files the fastest stays. Small kernels, whose time is the launch, are left to the model
of time: an entry needs `--least` microseconds (default 1.5).
"""
import argparse
import json
import os


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tunings", nargs="+", metavar="TUNING.json")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--least", type=float, default=1.5)
    arguments = parser.parse_args()
    best, head = {}, None
    for path in arguments.tunings:
        with open(path, encoding="utf-8") as file:
            tuning = json.load(file)
        if head and head["gpu"] != tuning["gpu"]:
            raise SystemExit(f"{path}: expected measurements of {head['gpu']}, found those of {tuning['gpu']}")
        head = head or tuning
        model = os.path.splitext(os.path.basename(path))[0]
        for entry in tuning["entries"]:
            key = entry["kernel_hash"], entry["batch"]
            if entry["us"] >= arguments.least and (key not in best or entry["us"] < best[key]["us"]):
                best[key] = {**entry, "kernel": f"{entry['kernel']} of {model}"}
    entries = sorted(best.values(), key=lambda entry: (entry["kernel"], entry["batch"]))
    with open(arguments.output, "w", encoding="utf-8") as file:
        file.write(f'{{\n  "gpu": {json.dumps(head["gpu"])},\n  "driver": {json.dumps(head["driver"])},\n  "entries": [\n')
        file.write(",\n".join("    " + json.dumps(entry) for entry in entries))
        file.write("\n  ]\n}\n")
    print(f"{len(entries)} entries of {len({entry['kernel_hash'] for entry in entries})} kernels")


if __name__ == "__main__":
    main()
