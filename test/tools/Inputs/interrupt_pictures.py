#!/usr/bin/env python3
"""interrupt_pictures.py OUTPUT VITC MODEL PICTURE: interrupts a run on many pictures, and expects that what was
printed is what the output file holds."""
import json
import re
import signal
import struct
import subprocess
import sys

output, vitc, model, picture = sys.argv[1:]
many = 8000
process = subprocess.Popen(
    [vitc, "run", model, *[picture] * many, "--batch", "1", "--top", "1", "--device", "reference",
     "--output", output], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
lines = [process.stdout.readline() for _ in range(20)]  # the first names the device
process.send_signal(signal.SIGINT)
rest, errors = process.stdout.read(), process.stderr.read()
process.wait(timeout=60)
done = len(lines) - 1 + rest.count("\n")
if process.returncode != 1:
    sys.exit(f"exit code {process.returncode}, expected 1")
found = re.fullmatch(rf"vitc: interrupted, (\d+) of {many} pictures are done\n", errors)
if not found or int(found[1]) != done or not 19 <= done < many:
    sys.exit(f"{done} pictures were printed\n{errors}")
with open(output, "rb") as file:
    (length,) = struct.unpack("<Q", file.read(8))
    rows = json.loads(file.read(length))["logits"]["shape"][0]
if rows != done:
    sys.exit(f"{done} pictures were printed, {rows} are in the file")
print("what is done is kept")
