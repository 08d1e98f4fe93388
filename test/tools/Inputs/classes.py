#!/usr/bin/env python3
"""classes.py VITC MODEL PICTURE... FILE: embeddings of pictures, as if they were of texts that name them."""
import json
import os
import struct
import subprocess
import sys

vitc, model, *pictures, out = sys.argv[1:]
subprocess.run([vitc, "run", model, *pictures, "--device", "reference", "--output", out], check=True,
               stdout=subprocess.DEVNULL)
with open(out, "rb") as file:
    (length,) = struct.unpack("<Q", file.read(8))
    header, data = json.loads(file.read(length)), file.read()
entry = header["image_embeds"]
begin, end = entry["data_offsets"]
data = data[begin:end]
entry["data_offsets"] = [0, end - begin]
names = [f"a photo of {os.path.basename(picture)}" for picture in pictures]
size = len(data)
header = {"__metadata__": {"classes": json.dumps(names)}, "text_embeds": entry,
          "logit_scale": {"dtype": "F32", "shape": [], "data_offsets": [size, size + 4]}}
text = json.dumps(header).encode()
with open(out, "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data + struct.pack("<f", 8.0))
