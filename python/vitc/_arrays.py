"""Arrays of other libraries: what a model reads, and outputs of the same kind.

NumPy, PyTorch, CuPy and JAX are known by name, and imported only by whoever gave one of their
arrays. Everything else that speaks DLPack or the buffer protocol is read, too; its outputs are NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ._errors import BadArgument


class Kind(NamedTuple):
    """How a library makes arrays, and where its work stands in line."""

    name: str
    contiguous: Callable[[Any], Any]
    empty: Callable[[Sequence[int], Any], Any]  # float32, on the device of the array given
    stream: Callable[[Any], int]  # of its device, on which it works now; 0 for the host
    finish: Callable[[Any], Any]  # an array that empty() made, for the caller
    fast: bool = False  # arrays tell their addresses by data_ptr()


def _no_stream(_: Any) -> int:
    return 0


def _same(array: Any) -> Any:
    return array


def _numpy() -> Kind:
    import numpy

    return Kind(
        "numpy",
        numpy.ascontiguousarray,
        lambda shape, _: numpy.empty(shape, numpy.float32),
        _no_stream,
        _same,
    )


def _torch() -> Kind:
    import torch

    def stream(array: Any) -> int:
        if not array.is_cuda:
            return 0
        return int(torch.cuda.current_stream(array.device).cuda_stream)

    def empty(shape: Sequence[int], like: Any) -> Any:
        return torch.empty(shape, dtype=torch.float32, device=like.device)

    return Kind("torch", lambda array: array.contiguous(), empty, stream, _same, fast=True)


def _cupy() -> Kind:
    import cupy

    return Kind(
        "cupy",
        cupy.ascontiguousarray,
        lambda shape, _: cupy.empty(shape, cupy.float32),
        lambda _: int(cupy.cuda.get_current_stream().ptr),
        _same,
    )


def _jax() -> Kind:
    import jax.numpy
    import numpy

    def contiguous(array: Any) -> Any:
        if any(device.platform != "cpu" for device in array.devices()):
            raise BadArgument(
                "expected a jax.Array on the CPU, found one of a device whose memory JAX does not "
                "lend out to be written; pass it through torch or cupy by DLPack"
            )
        return numpy.asarray(array)

    return Kind(
        "jax",
        contiguous,
        lambda shape, _: numpy.empty(shape, numpy.float32),
        _no_stream,
        jax.numpy.asarray,
    )


_MAKERS: dict[str, Callable[[], Kind]] = {
    "numpy": _numpy,
    "torch": _torch,
    "cupy": _cupy,
    "jax": _jax,
    "jaxlib": _jax,
}
_KINDS: dict[type, Kind] = {}


def kind_of(array: Any) -> Kind:
    """The kind of an array, by the package of its type or of one that it is derived from."""
    kind = _KINDS.get(type(array))
    if kind is None:
        packages = [each.__module__.partition(".")[0] for each in type(array).__mro__]
        make = next((_MAKERS[package] for package in packages if package in _MAKERS), _numpy)
        kind = _KINDS[type(array)] = make()
    return kind


def as_known(array: Any) -> Any:
    """An array with a shape and a dtype: itself, or NumPy's view of what it speaks."""
    if hasattr(array, "shape") and hasattr(array, "dtype"):
        return array
    import numpy

    if hasattr(array, "__dlpack__"):
        return numpy.from_dlpack(array)
    try:
        return numpy.asarray(memoryview(array))
    except TypeError:
        raise BadArgument(
            "expected an array that speaks DLPack or the buffer protocol, as NumPy's and "
            f"PyTorch's, found {type(array).__name__}"
        ) from None


def dtype_name(array: Any) -> str:
    """ "float32", also of torch.float32."""
    return str(array.dtype).rpartition(".")[2]
