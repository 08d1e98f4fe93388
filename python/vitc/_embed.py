"""Embeddings of a folder of pictures as a Parquet file, on one machine."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from . import _pictures
from ._errors import BadFile
from ._model import Model

Progress = Callable[[int, int, int], None]  # done, all, bad


def schema_of(width: int) -> pa.Schema:
    """One row for each picture: an embedding, or why there is none."""
    return pa.schema(
        [
            pa.field("path", pa.string(), nullable=False),
            pa.field("embedding", pa.list_(pa.float32(), width)),
            pa.field("error", pa.string()),
        ]
    )


class Rows:
    """A Parquet file that grows: rows are in parts beside it until all are there, so that what was
    computed before an interruption is not computed again. Each file appears whole or not at all."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self.folder = path.with_name(path.name + ".parts")
        self.schema = schema
        self.done: set[str] = set()
        if path.exists():
            self._check(path)
            self.done |= self._paths(path)
        for part in self.parts():
            paths = self._paths(part)
            if paths <= self.done:  # of a file that was put together before its parts were removed
                part.unlink()
            self.done |= paths

    def parts(self) -> list[Path]:
        """Those that are complete, in the order in which they were written."""
        return sorted(self.folder.glob("part-*.parquet"))

    def _check(self, path: Path) -> None:
        found = pq.read_schema(path)
        if not found.equals(self.schema):
            raise BadFile(
                f"'{path}': expected rows of {' '.join(str(self.schema).split())}, found "
                f"{' '.join(str(found.remove_metadata()).split())}; name another file with -o"
            )

    @staticmethod
    def _paths(path: Path) -> set[str]:
        return set(pq.read_table(path, columns=["path"])["path"].to_pylist())

    def append(self, table: pa.Table) -> None:
        """Writes rows as a part."""
        self.folder.mkdir(parents=True, exist_ok=True)
        numbers = [int(part.stem.partition("-")[2]) for part in self.parts()]
        target = self.folder / f"part-{max(numbers, default=-1) + 1:06}.parquet"
        temporary = target.with_suffix(".tmp")
        pq.write_table(table, temporary)
        os.replace(temporary, target)
        self.done.update(table["path"].to_pylist())

    def finish(self) -> None:
        """Puts all parts into the one file, and removes them."""
        parts = self.parts()
        if parts or not self.path.exists():
            temporary = self.path.with_name(self.path.name + ".tmp")
            with pq.ParquetWriter(temporary, self.schema) as writer:
                for source in ([self.path] if self.path.exists() else []) + parts:
                    file = pq.ParquetFile(source)
                    for batch in file.iter_batches():
                        writer.write_batch(batch.cast(self.schema))
                    file.close()
            os.replace(temporary, self.path)
        for part in parts:
            part.unlink()
        if self.folder.is_dir():
            for rest in self.folder.glob("*.tmp"):
                rest.unlink()
            self.folder.rmdir()


def table_of(schema: pa.Schema, rows: list[tuple[str, Any, str | None]]) -> pa.Table:
    """Rows of path, embedding and error as a table."""
    columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
    arrays = [
        pa.array(list(column), type=field.type) for column, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _decoded(
    files: Iterable[str], read: Callable[[str], Any], workers: int
) -> Iterator[tuple[str, Future[Any]]]:
    """Pictures in order, decoded ahead on several threads; Pillow and vitc both leave Python's lock."""
    with ThreadPoolExecutor(workers) as pool:
        ahead: deque[tuple[str, Future[Any]]] = deque()
        try:
            for file in files:
                ahead.append((file, pool.submit(read, file)))
                if len(ahead) > 4 * workers:
                    yield ahead.popleft()
            while ahead:
                yield ahead.popleft()
        finally:
            for _, future in ahead:
                future.cancel()


def compute(
    model: Model, output: str, files: Iterable[str], batch: int, workers: int
) -> Iterator[list[tuple[str, Any, str | None]]]:
    """Rows of batch after batch, in the order of the files."""
    import numpy

    def read(file: str) -> Any:
        return model.preprocess(_pictures.decode(Path(file).read_bytes()))[0]

    decoded = _decoded(files, read, workers)
    while chunk := list(islice(decoded, batch)):
        rows: list[tuple[str, Any, str | None]] = []
        good: list[tuple[int, Any]] = []
        for file, future in chunk:
            problem = future.exception()
            if problem is None:
                good.append((len(rows), future.result()))
            elif not isinstance(problem, Exception):
                raise problem
            rows.append((file, None, _pictures.reason_of(problem) if problem else None))
        if good:
            values = model(numpy.stack([pixels for _, pixels in good]))[output]
            for (place, _), value in zip(good, values, strict=True):
                rows[place] = (rows[place][0], value, None)
        yield rows


def embed(
    sources: Iterable[str | Path],
    out: str | Path,
    model: Model,
    *,
    output: str | None = None,
    batch: int = 32,
    workers: int | None = None,
    part: int = 4096,
    progress: Progress | None = None,
) -> list[tuple[str, str]]:
    """Writes a Parquet file `out` with one row for each picture of `sources`, files and folders:
    `path`, `embedding` (`output` of the model, which has one row for each picture), and `error` for
    those that cannot be read. What `out`, or an interrupted run, has already is not done again.
    Gives the bad pictures with their reasons, those of earlier runs included.
    """
    name = _pictures.embedding_of(model, output)
    width = next(each.shape[1] for each in model.outputs if each.name == name)
    rows = Rows(Path(out), schema_of(width))
    files = list(dict.fromkeys(_pictures.find(sources)))
    left = [file for file in files if file not in rows.done]
    done, bad, pending = len(files) - len(left), 0, list[tuple[str, Any, str | None]]()
    try:
        for chunk in compute(model, name, left, batch, workers or os.cpu_count() or 1):
            pending += chunk
            done += len(chunk)
            bad += sum(error is not None for _, _, error in chunk)
            if progress:
                progress(done, len(files), bad)
            if len(pending) >= part:
                rows.append(table_of(rows.schema, pending))
                pending.clear()
    finally:
        if pending:
            rows.append(table_of(rows.schema, pending))
    rows.finish()
    table = pq.read_table(out, columns=["path", "error"])
    return [(path, error) for path, error in zip(*table.to_pydict().values(), strict=True) if error]


def show(done: int, count: int, bad: int) -> None:
    """A line that overwrites itself, where somebody looks at it."""
    if sys.stderr.isatty():
        end = "\n" if done == count else ""
        print(f"\r\033[K{done} of {count} pictures, {bad} bad", end=end, file=sys.stderr, flush=True)
