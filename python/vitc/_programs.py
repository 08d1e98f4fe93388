"""The programs of the package, which are not Python's."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn


def _run(name: str) -> NoReturn:
    program = str(Path(__file__).parent / "bin" / name)
    os.execv(program, [program, *sys.argv[1:]])


def vitc() -> NoReturn:
    """The program vitc."""
    _run("vitc")


def vit_run() -> NoReturn:
    """The program vit-run."""
    _run("vit-run")
