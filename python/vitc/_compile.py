"""Compilation."""

from __future__ import annotations

import logging
import os
import re
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from . import _checkpoints, _core, _memory
from ._errors import CompileError, VitcWarning, renamed
from ._explain import Explanation
from ._model import Model, Source, Tensor, load_opened
from ._options import MoreOptions, flags_of, size_text

_log = logging.getLogger("vitc")
_MLIR_BEGINS = re.compile(r"^\s*(module|func\.func|//|#|\"builtin\.module\")")


class Library:
    """A compiled model: a static library, its header, a report, and a shared library.

    Made by :func:`vitc.compile`. It is in memory until :meth:`save` writes it.
    """

    def __init__(self, built: _core.Built, weights: Source | Mapping[str, Any] | None) -> None:
        self._built = built
        self._weights = weights
        self._opened: _core.SharedLibrary | None = None

    @property
    def name(self) -> str:
        """The name in files and in C: ``libN.a``, ``N.h``, ``N_library()``."""
        return self._built.name

    @property
    def files(self) -> list[str]:
        """Names of the files that :meth:`save` writes."""
        return self._built.files

    def read(self, file: str) -> bytes:
        """The bytes of one of the files."""
        return self._built.read(file)

    def save(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Writes all files into `folder`, which is made where it is missing; all or none."""
        self._built.save(os.fspath(folder))
        return [Path(folder) / each for each in self.files]

    def _open(self) -> _core.SharedLibrary:
        if self._opened is None:
            bytes_ = self._built.read(f"lib{self.name}.so")
            self._opened = _core.SharedLibrary.of_bytes(bytes_, self.name)
        return self._opened

    @property
    def inputs(self) -> list[Tensor]:
        """What a run reads: `pixel_values` [-1, channels, height, width]."""
        return [Tensor(*each) for each in self._open().inputs]

    @property
    def outputs(self) -> list[Tensor]:
        """What a run gives, in the order of the header."""
        return [Tensor(*each) for each in self._open().outputs]

    @property
    def labels(self) -> list[str] | None:
        """Names of classes in the order of the logits; None where they are not known."""
        return self._open().labels

    def load(
        self,
        weights: Source | Mapping[str, Any] | None = None,
        device: str = "auto",
        *,
        allow_nonfinite: bool = False,
    ) -> Model:
        """Loads the library on a device, as :func:`vitc.load` does. Without `weights` those that it
        was compiled with: embedded ones, those of the folder, or those that the module has now."""
        opened = self._open()
        if weights is None and not opened.embedded:
            weights = self._weights
        return load_opened(opened, weights, device, allow_nonfinite)

    def explain(self) -> Explanation:
        """What was decided, and why."""
        report = self._built.read(f"{self.name}.report.json").decode()
        return Explanation(self._built.table, self._built.page, report)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{each.name} {list(each.shape)}" for each in self.outputs)
        return f"<vitc.Library {self.name}: {sizes}>"


def _tell(said: list[tuple[str, str]]) -> None:
    for severity, text in said:
        if severity == "warning":
            warnings.warn(text, VitcWarning, stacklevel=5)
        else:
            _log.info("%s", text)


def _is_text(source: Any) -> bool:
    """Whether a source is .mlir text and no path."""
    return isinstance(source, str) and ("\n" in source or bool(_MLIR_BEGINS.match(source)))


def compile(
    source: Any,
    *,
    name: str = "",
    dtype: str | None = None,
    image_size: str | int | Sequence[int] | None = None,
    gpu: str | None = None,
    target: str | Sequence[str] | None = None,
    max_batch: int | None = None,
    outputs: str | Sequence[str] | None = None,
    input_type: str | None = None,
    embed_weights: bool = False,
    weights: Source | None = None,
    random_weights: bool = False,
    allow_nonfinite: bool = False,
    config: Mapping[str, Any] | None = None,
    image_processor: Any = None,
    **options: Unpack[MoreOptions],
) -> Library:
    """Compiles a model into a library for GPUs and CPUs; needs no GPU.

    `source` is the folder of a checkpoint (`config.json` and safetensors; the config alone will do),
    a ``.mlir`` file, its text, or a module of transformers, timm or torchvision, whose `config` may
    be completed here, as that of any other module whose config.json is known; `image_processor` is
    what makes its inputs of pictures.

    `dtype` is what matrix products on GPUs read: "f16" (default), "bf16", "tf32" or "f32"; CPUs
    compute in f32, or with products of bf16 for "bf16". `image_size` is that of the config, another,
    224 or (height, width), or "any". `gpu` is the device that schedules are for, "rtx4090" by
    default; `target` what code the library holds: "cuda", "cpu", both by default. `max_batch` is the
    largest batch of a run in C, 64 by default. `outputs` selects outputs by name. With
    ``input_type="u8"`` `pixel_values` are bytes that the model normalises itself.
    ``embed_weights=True`` puts the weights into the library, those of the source or of the file
    `weights`; ``random_weights=True`` such that are made from their names. Others are those of
    ``vitc build``, with ``_`` for ``-``.

    Raises :class:`vitc.CompileError` with one line: what was expected, what was found, what to do.
    """
    flags = flags_of(
        {
            "dtype": dtype,
            "image_size": None if image_size is None else size_text(image_size),
            "gpu": gpu,
            "target": target,
            "max_batch": max_batch,
            "outputs": outputs,
            "input_type": input_type,
            **options,
        }
    )
    build = _Build(name, flags, embed_weights, random_weights, allow_nonfinite, weights)
    if _checkpoints.is_module(source):
        return build.of_checkpoint(_checkpoints.of_module(source, config, image_processor))
    if config is not None or image_processor is not None:
        raise TypeError("compile(): config and image_processor are of modules; a folder has files of them")
    if _is_text(source):
        return build.of_text(source)
    return build.of_path(os.fspath(source))


class _Build:
    """One compilation, whatever the source."""

    def __init__(
        self,
        name: str,
        flags: list[tuple[str, list[str]]],
        embed: bool,
        random: bool,
        allow_nonfinite: bool,
        weights: Source | None,
    ) -> None:
        self.name = name
        self.flags = flags
        self.switches = (embed or weights is not None, random, allow_nonfinite)
        self.weights = "" if weights is None else os.fspath(weights)

    def _run(self, model: str) -> _core.Built:
        built, said = _core.build(model, self.name, self.flags, *self.switches, self.weights)
        _tell(said)
        return built

    def of_path(self, path: str) -> Library:
        built = self._run(path)
        folder = Path(path) if os.path.isdir(path) else Path(path).parent
        has_weights = not path.endswith(".mlir") and any(folder.glob("*.safetensors*"))
        return Library(built, folder if has_weights else None)

    def of_text(self, text: str) -> Library:
        with tempfile.TemporaryDirectory(prefix="vitc-") as folder:
            path = Path(folder) / f"{self.name or 'model'}.mlir"
            path.write_text(text)
            try:
                return Library(self._run(str(path)), None)
            except CompileError as error:
                raise renamed(error, f"{folder}/", "") from None

    def of_checkpoint(self, checkpoint: _checkpoints.Checkpoint) -> Library:
        embeds = self.switches[0] and not self.weights
        with (
            tempfile.TemporaryDirectory(prefix="vitc-") as outer,
            _memory.file_of(checkpoint.tensors, values=embeds) as tensors,
        ):
            folder = Path(outer) / checkpoint.name
            folder.mkdir()
            checkpoint.write(folder)
            (folder / checkpoint.weights_name).symlink_to(tensors)
            try:
                built = self._run(str(folder))
            except CompileError as error:
                raise renamed(error, f"{outer}/", "") from None
        return Library(built, checkpoint.tensors)
