"""Embeddings of many pictures on many machines, by Ray Data.

Decoding runs on CPUs, each actor has a model on its GPU or its share of the CPUs, and Parquet files get one
row for each picture. What a folder has already is not done again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
import pyarrow as pa
import pyarrow.parquet as pq
import ray
import ray.data

from . import _core, _pictures
from ._compile import Library
from ._embed import schema_of
from ._errors import BadArgument
from ._model import Model, library_in, load_opened, pixels_of


class _Source:
    """How a process gets the model: by a path that each machine sees, or as bytes that Ray carries."""

    def __init__(self, model: str | os.PathLike[str] | Library, weights: Any, device: str) -> None:
        self.device = device
        self.weights = weights
        if isinstance(model, Library):
            self.name = model.name
            self.bytes = ray.put(model.read(f"lib{model.name}.so"))
        else:
            self.name = ""
            self.path = os.path.abspath(library_in(Path(model)))

    def library(self) -> _core.SharedLibrary:
        """The library alone."""
        if self.name:
            return _core.SharedLibrary.of_bytes(ray.get(self.bytes), self.name)
        return _core.SharedLibrary.open(self.path)

    def model(self) -> Model:
        """The model, with its weights on the device."""
        return load_opened(self.library(), self.weights, self.device, False)


class _Decoder:
    """Makes pixel values of files. A row of a bad one has zeros for them, for a column has one shape."""

    def __init__(self, source: _Source) -> None:
        self.library = source.library()

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        try:
            pixels, error = pixels_of(self.library, [_pictures.decode(row["bytes"])]), ""
        except Exception as problem:  # whatever a picture does, is said of that picture
            pixels = pixels_of(self.library, [numpy.zeros((1, 1, 3), numpy.uint8)])
            error = _pictures.reason_of(problem)
        return {"path": row["path"], "pixels": pixels[0], "error": error}


class _Embedder:
    """Runs batches on the device of an actor."""

    def __init__(self, source: _Source, output: str) -> None:
        self.model = source.model()
        self.output = output
        width = next(each.shape[1] for each in self.model.outputs if each.name == output)
        self.schema = schema_of(width)

    def __call__(self, batch: dict[str, Any]) -> pa.Table:
        good = numpy.array([not error for error in batch["error"]])
        embeddings: list[Any] = [None] * len(good)
        if good.any():
            values = self.model(numpy.ascontiguousarray(batch["pixels"][good]))[self.output]
            for place, value in zip(numpy.flatnonzero(good), values, strict=True):
                embeddings[place] = value
        columns = [list(batch["path"]), embeddings, [error or None for error in batch["error"]]]
        arrays = [pa.array(column, field.type) for column, field in zip(columns, self.schema, strict=True)]
        return pa.Table.from_arrays(arrays, schema=self.schema)


def _rows_in(out: Path) -> list[tuple[str, str | None]]:
    """Path and error of all rows of a folder of Parquet files."""
    rows: list[tuple[str, str | None]] = []
    for file in sorted(out.glob("*.parquet")):
        columns = pq.read_table(file, columns=["path", "error"]).to_pydict()
        rows += zip(columns["path"], columns["error"], strict=True)
    return rows


def embed(
    paths: Sequence[str | os.PathLike[str]] | str | os.PathLike[str],
    model: str | os.PathLike[str] | Library,
    out: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    output: str | None = None,
    device: str = "cpu:1",
    actors: int = 1,
    decoders: int = 1,
    batch: int = 32,
) -> list[tuple[str, str]]:
    """Writes Parquet files into the folder `out`, one row for each picture of `paths`, files and folders:
    `path` from the root on, `embedding` (`output` of the model), and `error` for those that cannot be read.

    `model` is a compiled model, by a path that every machine sees or as a :class:`vitc.Library`, whose
    weights are embedded or `weights`. `actors` processes run it, each on a GPU of its own for
    ``device="cuda"``, or on as many CPUs as ``device="cpu:4"`` has threads; `decoders` processes decode.
    Gives the bad pictures with their reasons. Pictures that `out` has rows of are left out, so the same
    call goes on with what was interrupted.
    """
    if not device.startswith(("cpu:", "cuda")):
        raise BadArgument(f"expected device cpu:THREADS or cuda, found '{device}'")
    on_gpu = device.startswith("cuda")
    sources = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    files = [os.path.abspath(file) for file in dict.fromkeys(_pictures.find(map(Path, sources)))]
    folder = Path(os.path.abspath(out))
    done = {path for path, _ in _rows_in(folder)}
    left = [file for file in files if file not in done]
    source = _Source(model, weights, device)
    name = _pictures.embedding_of(source.library(), output)
    if left:
        read = ray.data.read_binary_files(left, include_paths=True)
        decoder: Any = _Decoder  # a class for actors, which Ray's types of map() do not know
        pixels = read.map(decoder, fn_constructor_args=(source,), concurrency=decoders)
        rows = pixels.map_batches(
            _Embedder,
            fn_constructor_args=(source, name),
            batch_size=batch,
            concurrency=actors,
            num_cpus=1 if on_gpu else int(device.partition(":")[2]),
            num_gpus=1 if on_gpu else 0,
        )
        rows.write_parquet(str(folder))
    return sorted((path, error) for path, error in _rows_in(folder) if error)
