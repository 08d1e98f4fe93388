"""Tensors in memory as a file of safetensors that lies in memory, too: nothing is copied to a disk."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

from . import _arrays
from ._errors import BadFile

# Names of types as NumPy, PyTorch and ml_dtypes have them, and as safetensors does; bytes of a value.
_TYPES = {
    "float64": ("F64", 8),
    "float32": ("F32", 4),
    "float16": ("F16", 2),
    "bfloat16": ("BF16", 2),
    "int64": ("I64", 8),
    "int32": ("I32", 4),
    "int16": ("I16", 2),
    "int8": ("I8", 1),
    "uint8": ("U8", 1),
    "bool": ("BOOL", 1),
}


def _bytes_of(value: Any) -> Any:
    """The bytes of an array, on the host; copied only where they have gaps or lie on a device."""
    kind = _arrays.kind_of(value)
    if kind.name == "torch":
        import torch

        return value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
    if kind.name == "cupy":
        value = value.get()
    import numpy

    return numpy.ascontiguousarray(value).reshape(-1).view(numpy.uint8)


def _header(tensors: Mapping[str, Any]) -> tuple[bytes, list[tuple[int, Any]], int]:
    """The head of the file, where each tensor goes behind it, and how many bytes all are."""
    entries, places, end = {}, [], 0
    for name, value in tensors.items():
        dtype = _arrays.dtype_name(value)
        if dtype not in _TYPES:
            raise BadFile(f"'{name}' has type {dtype}, expected one of {', '.join(_TYPES)}")
        kind, item = _TYPES[dtype]
        begin, end = end, end + math.prod(value.shape) * item
        entries[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": [begin, end]}
        places.append((begin, value))
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text, places, end


def _write(file: int, data: Any, offset: int) -> None:
    view = memoryview(data)
    while view:
        count = os.pwrite(file, view, offset)
        view, offset = view[count:], offset + count


@contextlib.contextmanager
def file_of(tensors: Mapping[str, Any], *, values: bool = True) -> Iterator[str]:
    """The path of a file that has the tensors, while the context lasts. Without `values` it has their
    names, types and shapes, and takes no memory for zeros in their place."""
    head, places, size = _header(tensors)
    file = os.memfd_create("tensors")
    try:
        os.ftruncate(file, len(head) + size)
        _write(file, head, 0)
        if values:
            for begin, value in places:
                _write(file, _bytes_of(value), len(head) + begin)
        yield f"/proc/self/fd/{file}"
    finally:
        os.close(file)
