#!/usr/bin/env python3
"""scans_to_png.py test.safetensors FOLDER [COUNT]: the scans as pictures, 8x8 in gray, with the standard library.

Files are called 000-is-7.png: the number of the scan, and what it shows."""
import json
import os
import struct
import sys
import zlib


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(pixels):
    rows = b"".join(b"\0" + pixels[i:i + 8] for i in range(0, 64, 8))
    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) +
            chunk(b"IEND", b""))


def main():
    path, folder = sys.argv[1:3]
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(length)), file.read()

    def bytes_of(name):
        begin, end = header[name]["data_offsets"]
        return data[begin:end]

    scans = bytes_of("images_u8")  # from 0 to 16
    labels = [label for (label,) in struct.iter_unpack("<i", bytes_of("labels"))]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else len(labels)
    os.makedirs(folder, exist_ok=True)
    for i in range(count):
        pixels = bytes((value * 255 + 8) // 16 for value in scans[64 * i:64 * i + 64])
        with open(os.path.join(folder, f"{i:03}-is-{labels[i]}.png"), "wb") as file:
            file.write(png(pixels))


if __name__ == "__main__":
    main()
