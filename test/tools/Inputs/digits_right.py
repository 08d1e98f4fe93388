#!/usr/bin/env python3
"""digits_right.py FILE COUNT: how many lines "...-is-N.png 1 P% N" of vitc run name the digit in the file's name."""
import re
import sys

lines = re.findall(r"-is-(\d)\.png 1 [\d.]+% (\d)$", open(sys.argv[1]).read(), re.M)
print(sum(shown == found for shown, found in lines), "of", sys.argv[2], "right")
sys.exit(len(lines) != int(sys.argv[2]))
