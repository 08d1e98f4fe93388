#!/usr/bin/env python3
"""negate_row.py IN OUT TENSOR ROW: a copy of a safetensors file with one row of a matrix negated."""
import array
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "golden"))
import safetensors

source, target, name, row = sys.argv[1:]
tensors = safetensors.read(source)
place = tensors[name].row(int(row))
tensors[name].values[place] = array.array("f", [-x for x in tensors[name].values[place]])
safetensors.write(target, tensors)
