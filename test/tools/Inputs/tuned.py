#!/usr/bin/env python3
"""tuned.py TUNING REPORT: every kernel of the report runs what the tuning file says.
tuned.py TUNING --log LOG: it has the fastest of each kernel and batch that vit-run --tune printed.
tuned.py TUNING --stages OUT: writes a file in which every linear has another number of stages."""
import json
import re
import sys


def fnv(text):
    value = 0xcbf29ce484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001b3 % 2**64
    return f"{value:016x}"


tuning = json.load(open(sys.argv[1]))
if sys.argv[2] == "--log":
    best = {}
    for kernel, batch, us, schedule in re.findall(r"(?m)^(\w+) batch (\d+): ([\d.]+) us with (.*)$", open(sys.argv[3]).read()):
        best.setdefault((kernel, int(batch)), []).append((float(us), schedule))
    entries = {(entry["kernel"], entry["batch"]): entry for entry in tuning["entries"]}
    if best.keys() != entries.keys() or not all(len(times) == 2 for times in best.values()):
        sys.exit(f"timed {best.keys()}, kept {entries.keys()}")
    for key, times in best.items():
        us, schedule = min(times)
        if abs(entries[key]["us"] - us) > 0.006 or (entries[key]["schedule"] != schedule and times[0][0] != times[1][0]):
            sys.exit(f"{entries[key]} is not the fastest of {times}")
    sys.exit()

if sys.argv[2] == "--stages":
    for entry in tuning["entries"]:
        if found := re.match(r"(\d+x\d+x\d+/\d+x\d+)/(\d)(.*)", entry["schedule"]):
            entry["schedule"] = f"{found[1]}/{2 if found[2] == '3' else 3}{found[3]}"
            entry["schedule_hash"] = fnv(entry["schedule"])
    json.dump(tuning, open(sys.argv[3], "w"))
    sys.exit()

report = json.load(open(sys.argv[2]))
if report["policy"] != "tuned":
    sys.exit(f"policy {report['policy']}")
for entry in tuning["entries"]:
    serving = [kernel for kernel in report["kernels"] if kernel["kernel"] == entry["kernel"]
               and any(first <= entry["batch"] <= last for first, last in kernel["batches"])]
    if len(serving) != 1 or serving[0]["schedule"] != entry["schedule"]:
        sys.exit(f"{entry} is not what runs: {serving}")
