"""Compiled models that run."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import _arrays, _core, _memory
from ._errors import BadArgument, BadFile, Error, VitcWarning, renamed

Source = str | os.PathLike[str]


class Tensor(NamedTuple):
    """An input or output. Sizes that are not fixed are -1: the batch, and what depends on the
    size of the images."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class _Call(NamedTuple):
    """What is the same in all runs with arrays of one type and shape."""

    kind: _arrays.Kind
    batch: int
    size: tuple[int, int]
    shapes: list[tuple[int, ...]]


_MOST_CALLS = 256  # that a model remembers


class Outputs(Mapping[str, Any]):
    """What a model computed, by name: ``out["logits"]``, ``out.logits``, or ``out[0]``."""

    __slots__ = ("_names", "_values")

    def __init__(self, names: Sequence[str], values: Sequence[Any]) -> None:
        self._names = names
        self._values = values

    def __getitem__(self, key: str | int) -> Any:
        if isinstance(key, int):
            return self._values[key]
        try:
            return self._values[self._names.index(key)]
        except ValueError:
            raise KeyError(key) from None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"expected one of {', '.join(self._names)}, found '{name}'") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        shapes = ", ".join(
            f"{name}: {tuple(value.shape)}" for name, value in zip(self._names, self._values, strict=True)
        )
        return f"Outputs({shapes})"


class Model:
    """Weights and code on one device; made by :func:`vitc.load` and :meth:`vitc.Library.load`.

    Threads may call it side by side. The interpreter's lock is not held while it computes.
    """

    def __init__(self, library: _core.SharedLibrary, loaded: _core.LoadedModel) -> None:
        self._library = library
        self._loaded = loaded
        self.inputs = [Tensor(*each) for each in library.inputs]
        self.outputs = [Tensor(*each) for each in library.outputs]
        if len(self.inputs) != 1:
            raise BadArgument(f"expected a model of one input, found {len(self.inputs)}")
        self._input = self.inputs[0]
        self._names = tuple(each.name for each in self.outputs)
        self._of_bytes = self._input.dtype == "uint8"
        self._shapes: dict[tuple[int, int], list[tuple[int, ...]]] = {}
        self._calls: dict[tuple[Any, ...], _Call] = {}
        self.labels: list[str] | None = library.labels
        self.max_batch: int = library.max_batch

    @property
    def description(self) -> str:
        """Which code runs and where: "machine code sm_89, NVIDIA ..., driver 13.0"."""
        return self._loaded.description

    @property
    def image_size(self) -> tuple[int, int] | None:
        """Height and width of the images that the model was compiled for."""
        return self._library.native_size

    def __repr__(self) -> str:
        return f"<vitc.Model {', '.join(self._names)}: {self.description}>"

    def _size_of(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Height and width of the images of an input; refuses other shapes."""
        expected = self._input.shape
        fits = len(shape) == len(expected) and all(
            wanted in (-1, found) for wanted, found in zip(expected, shape, strict=True)
        )
        if not fits:
            text = " x ".join("any" if each < 0 else str(each) for each in expected)
            raise BadArgument(
                f"{self._input.name}: expected {text}, found {' x '.join(map(str, shape)) or 'a scalar'}"
            )
        if len(shape) != 4:
            return 0, 0
        return (shape[1], shape[2]) if self._of_bytes else (shape[2], shape[3])

    def output_shapes(self, image: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Shapes of the outputs, without the batch, for images of a shape, [channels, height, width]."""
        return self._output_shapes(self._size_of((1, *image)))

    def _output_shapes(self, size: tuple[int, int]) -> list[tuple[int, ...]]:
        shapes = self._shapes.get(size)
        if shapes is None:
            shapes = [tuple(each) for each in self._loaded.output_shapes(*size)]
            self._shapes[size] = shapes
        return shapes

    def _plan(self, array: Any) -> _Call:
        """What a run with such an array needs to know; refuses others than the model reads."""
        shape = tuple(array.shape)
        size = self._size_of(shape)
        found = _arrays.dtype_name(array)
        if found != self._input.dtype:
            raise BadArgument(
                f"{self._input.name}: expected {self._input.dtype}, found {found}; convert it, for a "
                "model reads nothing else"
            )
        shapes = [(shape[0], *each) for each in self._output_shapes(size)]
        return _Call(_arrays.kind_of(array), shape[0], size, shapes)

    def __call__(self, pixel_values: Any) -> Outputs:
        """Runs the model on `pixel_values`, float32 [batch, channels, height, width], or, of a model
        compiled with ``input_type="u8"``, uint8 [batch, height, width, channels].

        Any array that speaks DLPack or the buffer protocol will do. Outputs are of the same library
        and on the same device, float32 with the batch in front: `logits` is [batch, classes],
        `last_hidden_state` [batch, tokens, width]. A batch may be of any size. On a GPU, work is
        enqueued on the current stream of the array's library; arrays of the host are copied there
        and back.
        """
        array = _arrays.as_known(pixel_values)
        key = (type(array), array.shape, array.dtype)
        call = self._calls.get(key)
        if call is None:
            if len(self._calls) >= _MOST_CALLS:
                self._calls.clear()
            call = self._calls[key] = self._plan(array)
        kind, batch, size, shapes = call
        like, array = array, kind.contiguous(array)
        results = [kind.empty(each, like) for each in shapes]
        if batch == 0:
            return Outputs(self._names, [kind.finish(each) for each in results])
        if kind.fast:
            on_host = array.device.type == "cpu"
            self._loaded.run_at(
                array.data_ptr(),
                array.nbytes,
                [(each.data_ptr(), each.nbytes) for each in results],
                on_host,
                0 if on_host else array.device.index,
                batch,
                *size,
                0 if on_host else kind.stream(array),
            )
        else:
            self._loaded.run(array, results, batch, *size, kind.stream(array))
        return Outputs(self._names, [kind.finish(each) for each in results])

    def preprocess(self, images: Any) -> Any:
        """Makes `pixel_values` of pictures as the checkpoint's own processor does, bit by bit.

        `images` is one picture or several: of Pillow, or arrays uint8 [height, width, 3] of red, green
        and blue. Gives a NumPy array float32 [pictures, channels, height, width]; uint8
        [pictures, height, width, channels] for a model compiled with ``input_type="u8"``.
        """
        several = isinstance(images, (list, tuple))
        return pixels_of(self._library, images if several else [images])

    def prepare(self, batch: int, image_size: tuple[int, int] | None = None, stream: int = 0) -> None:
        """Makes what runs of `batch` images need before the first of them: memory, and on a GPU one
        CUDA graph, which then runs by one call. `stream` is the CUDA stream of these runs."""
        size = image_size or self.image_size or (0, 0)
        self._loaded.prepare(batch, *size, stream)

    def check(self) -> str:
        """Proof that driver, device and weights compute what they should: one image through the model
        and through the library's code for CPUs. Gives the lines of a report; raises DeviceError with
        the first output that is wrong. On a GPU, weights are read again: of a file, or embedded ones."""
        return self._loaded.check()


def pixels_of(library: _core.SharedLibrary, pictures: Sequence[Any]) -> Any:
    """`pixel_values` of pictures; needs no weights and no device."""
    import numpy

    name, dtype, shape = library.inputs[0]
    native = library.native_size
    if native is None:
        raise BadArgument(f"expected a model of images, found one whose input {name} has another rank")
    height = 1 if dtype == "uint8" else 2
    sizes = [len(pictures), *shape[1:height], *native, *shape[height + 2 :]]
    values = numpy.empty(sizes, dtype)
    for picture, out in zip(pictures, values, strict=True):
        library.preprocess(_rgb(picture), out)
    return values


def _rgb(picture: Any) -> Any:
    """A picture as uint8 [height, width, 3] without gaps."""
    import numpy

    if hasattr(picture, "convert") and hasattr(picture, "mode"):  # Pillow's, which need not be there
        picture = picture.convert("RGB")
    array = numpy.asarray(picture)
    if array.dtype != numpy.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise BadArgument(
            f"expected a picture of uint8 [height, width, 3], found {array.dtype} {list(array.shape)}"
        )
    return numpy.ascontiguousarray(array)


def library_in(path: Path) -> Path:
    """The shared library that a path means: a file, or the only one of a folder."""
    if not path.is_dir():
        return path
    found = sorted(path.glob("lib*.so"))
    if len(found) != 1:
        names = ", ".join(each.name for each in found) or "none"
        raise BadFile(f"'{path}': expected one lib*.so of Library.save(), found {names}; name the file")
    return found[0]


def _weights_file(weights: Source) -> str:
    """The file that weights are in: itself, or that of a checkpoint's folder."""
    path = Path(weights)
    if not path.is_dir():
        return str(path)
    names = ["model.safetensors", "model.safetensors.index.json", "open_clip_model.safetensors"]
    for name in names:
        if (path / name).exists():
            return str(path / name)
    raise BadFile(f"'{path}': expected {' or '.join(names)} in this folder, found none")


def load_opened(
    library: _core.SharedLibrary,
    weights: Source | Mapping[str, Any] | None,
    device: str,
    allow_nonfinite: bool,
) -> Model:
    """A model of a library that is open."""
    where = None if device == "auto" else device
    if isinstance(weights, Mapping):
        with _memory.file_of(weights) as path:
            try:
                loaded, said = _core.load(library, path, where, allow_nonfinite)
            except Error as error:
                raise renamed(error, f"'{path}'", "in memory") from None
    else:
        file = None if weights is None else _weights_file(weights)
        loaded, said = _core.load(library, file, where, allow_nonfinite)
    for text in said:
        warnings.warn(text, VitcWarning, stacklevel=3)
    return Model(library, loaded)


def load(
    path: Source,
    weights: Source | Mapping[str, Any] | None = None,
    device: str = "auto",
    *,
    emulate: bool = False,
    allow_nonfinite: bool = False,
) -> Model:
    """Loads a compiled model: a shared library of :meth:`vitc.Library.save` or
    ``vitc build --shared``, or the folder that it is in.

    `weights` is a safetensors file, the folder of a checkpoint, or tensors by name, such as a
    ``state_dict()``; not needed where they are embedded. `device` is "cpu", "cpu:4" (threads),
    "cuda", "cuda:1", or "auto": a GPU if there is one that the library has code for, else the CPU.
    ``emulate=True`` runs code for GPUs on the emulator, without one; for the first model of a process.
    """
    if emulate:
        use_emulator()
        device = "cuda"
    library = _core.SharedLibrary.open(str(library_in(Path(path))))
    return load_opened(library, weights, device, allow_nonfinite)


def use_emulator() -> None:
    """Has models of CUDA run on the emulator, from now on."""
    folder = Path(__file__).parent
    _core.use_emulator(str(folder / "lib" / "emulator" / "libcuda.so.1"))
