"""vitc compiles Vision Transformers ahead of time, and runs what it compiled.

>>> import vitc
>>> library = vitc.compile("digits")                      # doctest: +SKIP
>>> model = library.load(device="cpu")                    # doctest: +SKIP
>>> model(model.preprocess(picture)).logits.argmax()      # doctest: +SKIP
7
"""

from __future__ import annotations

from pathlib import Path

from . import _core
from ._compile import Library, compile
from ._errors import (
    BadArgument,
    BadFile,
    CompileError,
    DeviceError,
    Error,
    NotFinite,
    OutOfMemory,
    VitcWarning,
)
from ._explain import Explanation
from ._model import Model, Outputs, Tensor, load

__version__: str = _core.runtime_version()

__all__ = [
    "BadArgument",
    "BadFile",
    "CompileError",
    "DeviceError",
    "Error",
    "Explanation",
    "Library",
    "Model",
    "NotFinite",
    "OutOfMemory",
    "Outputs",
    "Tensor",
    "VitcWarning",
    "cmake_dir",
    "compile",
    "identity",
    "include_dir",
    "load",
]


def cmake_dir() -> str:
    """The folder for CMAKE_PREFIX_PATH or vitc_DIR: ``find_package(vitc)`` then finds the compiler, the
    runtime and ``vitc_add_model()`` of this package."""
    return str(Path(__file__).parent / "lib" / "cmake" / "vitc")


def include_dir() -> str:
    """The folder of the headers: ``#include "vit/runtime.h"``, ``<vitc/dsl.h>``."""
    return str(Path(__file__).parent / "include")


def identity() -> str:
    """Which compiler this is: the version, a hash of its sources, LLVM's version."""
    return _core.identity()
