"""Makes a program of the example in the comment of a generated header.

Usage: example.py HEADER > PROGRAM

The lines of the comment that are indented are code; the names in its arrays `in` and `out` are buffers of
the caller, `batch` its number of images. The program returns 0 if every call did what it should.
"""
import os
import re
import sys

text = open(sys.argv[1]).read()
comment = text[:text.index("*/")]
lines = re.findall(r"^ \*   (.*)$", comment, re.M)
buffers = [name for part in re.findall(r"void \*(?:in|out)\[\] = \{(.*)\}", comment)
           for name in part.split(", ")]
name = os.path.splitext(os.path.basename(sys.argv[1]))[0]
if not lines or not buffers:
    sys.exit(f"{sys.argv[1]}: expected an example in the first comment, found none")
print(f"#include <stdio.h>\n#include <string.h>\n#include \"{name}.h\"\n\nint main(void) {{\n  enum {{ batch = 2 }};")
for buffer in buffers:
    print(f"  static float {buffer}[batch * {name}_{buffer}_size];")
print("\n".join("  " + line for line in lines))
print("  return strlen(vit_last_error()) != 0;\n}")
