#!/usr/bin/env python3
"""compare.py A B LIMIT: every tensor of A against B, relative error in the norm, at most LIMIT."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "golden"))
import safetensors

first, second = safetensors.read(sys.argv[1]), safetensors.read(sys.argv[2])
for name, tensor in first.items():
    other = second[name].values
    norm = sum(x * x for x in tensor.values) ** 0.5
    error = sum((x - y) ** 2 for x, y in zip(tensor.values, other)) ** 0.5 / norm
    print(f"{name}: {error:.3g}")
    if not error <= float(sys.argv[3]):
        sys.exit(f"{name}: {error:.3g} is above {sys.argv[3]}")
