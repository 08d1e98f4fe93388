#!/usr/bin/env python3
"""input.py FILE NAME SIZE...: a safetensors file with one f32 tensor of random values."""
import random
import sys

from models import values, write_safetensors

file, name, *shape = sys.argv[1:]
write_safetensors(file, {name: values([int(size) for size in shape], random.Random(2), 1.0)})
