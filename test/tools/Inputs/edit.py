#!/usr/bin/env python3
"""edit.py IN TENSOR EXPRESSION OUT: a copy of a safetensors file in which every value x of a tensor, at index i,
is EXPRESSION."""
import array
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "golden"))
sys.dont_write_bytecode = True
import safetensors

source, name, expression, target = sys.argv[1:]
tensors = safetensors.read(source)
old = tensors[name].values
new = [eval(expression, {"x": x, "i": i, "inf": math.inf, "nan": math.nan}) for i, x in enumerate(old)]
tensors[name].values = array.array(old.typecode, new)
safetensors.write(target, tensors)
