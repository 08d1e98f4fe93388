#!/usr/bin/env python3
"""tuned.py TUNING REPORT: every kernel of the report runs what the tuning file says.
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
    serving = [kernel for kernel in report["kernels"] if kernel["kernel"] == entry["kernel"] and kernel["part"] == 0
               and any(first <= entry["batch"] <= last for first, last in kernel["batches"])]
    if len(serving) != 1 or serving[0]["schedule"] != entry["schedule"]:
        sys.exit(f"{entry} is not what runs: {serving}")
