"""What tests of the Python package share. They run on an installed wheel: ./check --full makes one."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vitc
from safetensors import safe_open

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "test" / "golden" / "models"
PICTURES = ROOT / "test" / "golden" / "pictures"

# Machine code takes most of the time of a build and is tested elsewhere.
os.environ.setdefault("VITC_PTXAS", "none")


def read_tensors(path: Path) -> dict[str, Any]:
    """All tensors of a safetensors file."""
    with safe_open(str(path), framework="np") as file:
        return {name: file.get_tensor(name) for name in list(file.keys())}


def golden_of(model: str) -> tuple[Any, dict[str, Any]]:
    """`pixel_values` and outputs in f64 of a golden model; sides are left out."""
    tensors = read_tensors(MODELS / model / "io.safetensors")
    outputs = {name[: -len(".f64")]: value for name, value in tensors.items() if name.endswith(".f64")}
    return tensors["pixel_values"], outputs


def error_of(found: Any, expected: Any) -> float:
    """Norm of the difference over the norm."""
    found = np.asarray(found, np.float64)
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def meta_of(model: str) -> dict[str, Any]:
    """What is known of a golden model."""
    meta: dict[str, Any] = json.loads((MODELS / model / "meta.json").read_text())
    return meta


@cache
def library_of(model: str, **options: Any) -> vitc.Library:
    """A golden model for CPUs, compiled once for all tests."""
    return vitc.compile(MODELS / model, target="cpu", **options)


@pytest.fixture(scope="session")
def vit() -> vitc.Model:
    """A small ViT on the CPU."""
    return library_of("hf-vit").load(device="cpu:2")


@pytest.fixture(scope="session")
def pixels() -> Any:
    """Its images."""
    return golden_of("hf-vit")[0]
