"""Reads and writes safetensors with the standard library alone."""
import array
import json
import struct

CODES = {"F64": "d", "F32": "f", "I64": "q", "I32": "i", "U8": "B"}


class Tensor:
    def __init__(self, dtype, shape, values):
        self.dtype, self.shape, self.values = dtype, list(shape), values

    def row(self, index):
        """Slice of `values` that holds row `index` of a matrix (or element `index` of a vector)."""
        width = 1
        for size in self.shape[1:]:
            width *= size
        return slice(index * width, (index + 1) * width)


def read(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        if entry["dtype"] == "F16":
            values = array.array("f", struct.unpack(f"<{(end - begin) // 2}e", data[begin:end]))
        elif entry["dtype"] == "BF16":
            halves = array.array("H", data[begin:end])
            values = array.array("f", struct.pack(f"<{len(halves)}I", *(half << 16 for half in halves)))
        else:
            values = array.array(CODES[entry["dtype"]], data[begin:end])
        tensors[name] = Tensor(entry["dtype"], entry["shape"], values)
    return tensors


def to_bytes(tensor):
    if tensor.dtype == "F16":
        return struct.pack(f"<{len(tensor.values)}e", *tensor.values)
    if tensor.dtype == "BF16":  # round to nearest even
        out = array.array("H")
        for (bits,) in struct.iter_unpack("<I", array.array("f", tensor.values).tobytes()):
            out.append((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16)
        return out.tobytes()
    return tensor.values.tobytes()


def write(path, tensors):
    header, blobs, offset = {}, [], 0
    for name, tensor in tensors.items():
        blob = to_bytes(tensor)
        header[name] = {"dtype": tensor.dtype, "shape": tensor.shape,
                        "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
