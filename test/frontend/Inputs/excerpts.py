#!/usr/bin/env python3
"""excerpts.py MARKDOWN SOURCE...: every block of C++ in a page stands, line by line, in one of the sources."""
import re
import sys

page, *sources = sys.argv[1:]
texts = [re.sub(r"[ \\]+\n", "\n", open(source).read()) for source in sources]
blocks = re.findall(r"^```cpp\n(.*?)^```$", open(page).read(), flags=re.M | re.S)
missing = [block for block in blocks if not any(block in text for text in texts)]
for block in missing:
    print(f"{page}: in none of {', '.join(sources)}:\n{block}")
sys.exit(1 if missing or not blocks else 0)
