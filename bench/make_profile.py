#!/usr/bin/env python3
"""One profile of what `vit-run --tune` measured of several models on one GPU.

  make_profile.py --gpu GPU TUNING.json=MODEL... -o driver/profiles/GPU.json [--vitc build/bin/vitc] [--least US]

Kernels are known by their hash and by how many rows they had, so a profile serves all models that have them, whatever
the size of their images; names are for readers. MODEL is the checkpoint whose candidates were timed. Of one kernel and
number of rows in several files the fastest stays. What takes less than `--least` microseconds (default 1.5) is left to
the model of time.
"""
import argparse
import json
import os
import subprocess


def rows_of(vitc, gpu, model, batch):
    """{kernel: rows of its largest launch, of one image}"""
    done = subprocess.run([vitc, "explain", model, "--json", "--gpu", gpu, "--max-batch", str(batch)], check=True,
                          capture_output=True, text=True)
    return {kernel["kernel"]: max(use["work"].get("rows", 1) for use in kernel["uses"])
            for kernel in json.loads(done.stdout)["kernels"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tunings", nargs="+", metavar="TUNING.json=MODEL")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--gpu", required=True)
    parser.add_argument("--vitc", default="build/bin/vitc")
    parser.add_argument("--least", type=float, default=1.5)
    arguments = parser.parse_args()
    best, head = {}, None
    for pair in arguments.tunings:
        path, model = pair.split("=", 1)
        with open(path, encoding="utf-8") as file:
            tuning = json.load(file)
        if head and head["gpu"] != tuning["gpu"]:
            raise SystemExit(f"{path}: expected measurements of {head['gpu']}, found those of {tuning['gpu']}")
        head = head or tuning
        rows = rows_of(arguments.vitc, arguments.gpu, model, max(entry["batch"] for entry in tuning["entries"]))
        for entry in tuning["entries"]:
            if entry["us"] < arguments.least:
                continue
            entry["rows"] = rows[entry["kernel"]] * entry["batch"]
            key = entry["kernel_hash"], entry["rows"]
            if key not in best or entry["us"] < best[key]["us"]:
                name = os.path.splitext(os.path.basename(path))[0]
                best[key] = {**entry, "kernel": f"{entry['kernel']} of {name}"}
    entries = sorted(best.values(), key=lambda entry: (entry["kernel"], entry["batch"]))
    with open(arguments.output, "w", encoding="utf-8") as file:
        file.write(f'{{\n  "gpu": {json.dumps(head["gpu"])},\n  "driver": {json.dumps(head["driver"])},\n'
                   '  "entries": [\n')
        file.write(",\n".join("    " + json.dumps(entry) for entry in entries))
        file.write("\n  ]\n}\n")
    print(f"{len(entries)} entries of {len({entry['kernel_hash'] for entry in entries})} kernels")


if __name__ == "__main__":
    main()
