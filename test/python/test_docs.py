"""The code of docs/python.md runs, block after block, and so do the examples of docstrings."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
import subprocess
import sys

import vitc
from conftest import PICTURES, ROOT

FENCE = re.compile(r"^```python\n(.*?)^```$", re.S | re.M)


def test_page(tmp_path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "photos").mkdir()
    for name in ("rgb.jpg", "rgba.png"):
        (tmp_path / "photos" / name).write_bytes((PICTURES / "images" / name).read_bytes())
    digits = ROOT / "examples" / "classify-digits"
    subprocess.run(
        [sys.executable, digits / "scans_to_png.py", digits / "model" / "test.safetensors", tmp_path, "1"],
        check=True,
    )
    scan = next(each for each in tmp_path.iterdir() if each.suffix == ".png")
    scan.rename(tmp_path / "scan.png")
    blocks = FENCE.findall((ROOT / "docs" / "python.md").read_text())
    assert len(blocks) >= 5
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", "\n".join(blocks)],
        cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "VITC_PTXAS": "none"}, check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "class " in done.stdout
    assert "--dtype: expected" in done.stdout
    assert "0 bad pictures" in done.stdout


def test_docstrings() -> None:
    for each in pkgutil.iter_modules(vitc.__path__, "vitc."):
        if each.name not in ("vitc._core", "vitc.__main__"):
            assert doctest.testmod(importlib.import_module(each.name)).failed == 0
