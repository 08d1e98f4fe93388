#!/usr/bin/env python3
"""first.py COUNT IN OUT: the first COUNT images of a safetensors file, and what else it has of them."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "golden"))
import safetensors

count, source, target = int(sys.argv[1]), *sys.argv[2:]
tensors = safetensors.read(source)
for tensor in tensors.values():
    tensor.values = tensor.values[:len(tensor.values) // tensor.shape[0] * count]
    tensor.shape[0] = count
safetensors.write(target, tensors)
