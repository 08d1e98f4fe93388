#!/usr/bin/env python3
"""Writes pictures/kinds: small pictures of every kind, and kinds.json with what Pillow makes of them.

  pip install pillow==13.0.0 numpy
  make_kinds.py pictures/kinds

kinds.json: {file: {"size": [width, height], "sha256": of the RGB bytes, "stored": the same without the
orientation of the file}}; of files that vitc refuses {"refused": text in its message}.
"""
import hashlib
import io
import json
import os
import struct
import sys
import zlib

import numpy as np
from PIL import Image, ImageOps

random = np.random.default_rng(3)
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def packed(samples, bits):
    if bits == 16:
        return b"".join(struct.pack(">H", value) for value in samples)
    text = "".join(format(value, f"0{bits}b") for value in samples)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))


def png(width, height, bits, colour, interlaced=False, extra=b""):
    values = random.integers(0, 1 << bits, (height, width, CHANNELS[colour]))
    if colour == 0 and bits == 16:
        values[::2] %= 256  # what is not white
    raw = b""
    for x0, y0, dx, dy in ADAM7 if interlaced else ((0, 0, 1, 1),):
        part = values[y0::dy, x0::dx]
        if part.shape[1]:
            raw += b"".join(b"\0" + packed([int(v) for v in row.ravel()], bits) for row in part)
    palette = b""
    if colour == 3:
        palette = chunk(b"PLTE", random.integers(0, 256, 3 << bits, dtype=np.uint8).tobytes())
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + palette + extra +
            chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


def exif(orientation, end="<"):
    return ((b"II*\0" if end == "<" else b"MM\0*") + struct.pack(end + "IH", 8, 1) +
            struct.pack(end + "HHIHHI", 0x112, 3, 1, orientation, 0, 0))


def jpeg(picture, **options):
    file = io.BytesIO()
    picture.save(file, "JPEG", **options)
    return file.getvalue()


def saved(picture, form, **options):
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def readable():
    for colour, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16))):
        for bits in depths:
            name = {0: "gray", 2: "rgb", 3: "palette", 4: "gray-alpha", 6: "rgba"}[colour]
            yield f"{name}-{bits}.png", png(13, 11, bits, colour)
            yield f"{name}-{bits}-interlaced.png", png(13, 11, bits, colour, True)
    yield "palette-transparent.png", png(9, 5, 4, 3, extra=chunk(b"tRNS", bytes([0, 100, 200])))
    yield "rgb-transparent.png", png(9, 5, 8, 2, extra=chunk(b"tRNS", bytes([0, 100, 0, 1, 0, 3])))
    yield "gamma.png", png(9, 5, 8, 2, extra=chunk(b"gAMA", struct.pack(">I", 100000)))
    yield "one-pixel.png", png(1, 1, 8, 2)
    for orientation in range(10):
        data = exif(orientation, "<>"[orientation % 2])
        yield f"exif-{orientation}.png", png(7, 5, 8, 2, extra=chunk(b"eXIf", data))
    hills = np.add.outer(np.arange(29) * 6, np.arange(37) * 3)[..., None]
    picture = Image.fromarray((hills + random.integers(0, 60, (29, 37, 3))).clip(0, 255).astype(np.uint8))
    yield "animated.png", saved(picture, "PNG", save_all=True, append_images=[picture.transpose(0)])
    for quality, subsampling in ((30, "4:4:4"), (75, "4:2:2"), (90, "4:2:0")):
        name = f"{quality}-{subsampling.replace(':', '')}.jpg"
        yield name, jpeg(picture, quality=quality, subsampling=subsampling)
    yield "progressive.jpg", jpeg(picture, progressive=True)
    yield "restarts.jpg", jpeg(picture, restart_marker_rows=1)
    yield "gray.jpg", jpeg(picture.convert("L"))
    yield "cmyk.jpg", jpeg(picture.convert("CMYK"))
    yield "cmyk-progressive.jpg", jpeg(picture.convert("CMYK"), progressive=True)
    for orientation in range(1, 9):
        yield f"exif-{orientation}.jpg", jpeg(picture, exif=b"Exif\0\0" + exif(orientation))
    data, plain = b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="6"/>', jpeg(picture)
    yield "xmp-6.jpg", plain[:2] + b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data + plain[2:]
    yield "one-pixel.jpg", jpeg(picture.crop((0, 0, 1, 1)))
    yield "behind-the-end.jpg", plain + b"more"
    yield "jpeg-called.png", plain


def refused():
    picture = Image.fromarray(random.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    whole, progressive, flat = jpeg(picture), jpeg(picture, progressive=True), png(13, 11, 8, 2)
    yield "truncated.jpg", whole[:len(whole) * 3 // 4], "truncated"
    yield "no-end.jpg", whole[:-2], "truncated"
    yield "truncated-progressive.jpg", progressive[:len(progressive) * 3 // 4], "truncated"
    yield "truncated.png", flat[:len(flat) // 2], "truncated"
    yield "no-end.png", flat[:-12], "truncated"
    yield "broken.png", flat[:60] + b"\0\0\0\0" + flat[64:], "damaged"
    yield "a.gif", saved(picture, "GIF"), "found a GIF"
    yield "webp.png", saved(picture, "WEBP"), "found a WebP picture"
    yield "empty.png", b"", "found an empty file"
    yield "text.png", b"no picture at all", "found another file"
    header = struct.pack(">IIBBBBB", 100000, 100000, 8, 2, 0, 0, 0)
    yield "bomb.png", (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) +
                       chunk(b"IDAT", zlib.compress(bytes(100)))), "has 100000x100000 pixels"


def main():
    folder, expected = sys.argv[1], {}
    for name, data in readable():
        picture = Image.open(io.BytesIO(data))
        stored, upright = picture.convert("RGB"), ImageOps.exif_transpose(picture).convert("RGB")
        expected[name] = {"size": upright.size, "sha256": hashlib.sha256(upright.tobytes()).hexdigest(),
                          "stored": hashlib.sha256(stored.tobytes()).hexdigest()}
        open(os.path.join(folder, name), "wb").write(data)
    for name, data, text in refused():
        expected[name] = {"refused": text}
        open(os.path.join(folder, name), "wb").write(data)
    with open(os.path.join(folder, "kinds.json"), "w") as file:
        json.dump(expected, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
