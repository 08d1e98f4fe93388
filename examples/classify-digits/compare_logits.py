#!/usr/bin/env python3
"""compare_logits.py A.safetensors B.safetensors: how the logits of two runs differ, with the standard library."""
import array
import json
import struct
import sys


def logits_of(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        entry = json.loads(file.read(length))["logits"]
        begin, end = entry["data_offsets"]
        file.seek(8 + length + begin)
        values = array.array("f", file.read(end - begin))
    width = entry["shape"][1]
    return [values[i:i + width] for i in range(0, len(values), width)]


def main():
    first, second = map(logits_of, sys.argv[1:3])
    same = sum(a.index(max(a)) == b.index(max(b)) for a, b in zip(first, second, strict=True))
    difference = max(abs(x - y) for a, b in zip(first, second) for x, y in zip(a, b))
    print(f"{same} of {len(first)} classes are the same; the largest difference of a logit is {difference:.2g}, "
          f"of logits up to {max(abs(x) for row in first for x in row):.2g}")
    return 0 if same == len(first) else 1


if __name__ == "__main__":
    sys.exit(main())
