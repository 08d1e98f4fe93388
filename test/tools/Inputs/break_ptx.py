#!/usr/bin/env python3
"""break_ptx.py KERNEL IN OUT: subtracts where the kernel whose name has KERNEL first adds an f32 behind
its products."""
import re
import sys

name, source, target = sys.argv[1:]
text = open(source).read()
start = re.search(r"\.entry \S*" + name, text).start()
end = text.find(".entry", start + 10)
body = text[start:end if end > 0 else len(text)]
products = body.rfind("mma.sync") + 1
edited, count = re.subn(r"\badd((?:\.rn)?(?:\.ftz)?\.f32)", r"sub\1", body[products:], count=1)
edited = body[:products] + edited
if not count:
    sys.exit(f"no addition in the kernel '{name}'")
open(target, "w").write(text.replace(body, edited))
