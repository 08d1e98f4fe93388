"""Every golden model with weights, through compile and load, against its own code in f64."""

from __future__ import annotations

import pytest
import vitc
from conftest import MODELS, error_of, golden_of, library_of

SMALL = sorted(each.name for each in MODELS.iterdir() if any(each.glob("*.safetensors.index.json"))
               or any(path.name != "io.safetensors" for path in each.glob("*.safetensors"))
               if not each.name.startswith("wide-"))
WITH_PIXELS = [model for model in SMALL if model != "timm-hub-test-vit"]


def test_there_are_models() -> None:
    assert len(WITH_PIXELS) > 40


@pytest.mark.parametrize("model", WITH_PIXELS)
def test_outputs_on_the_cpu(model: str) -> None:
    pixels, expected = golden_of(model)
    library = library_of(model, outputs=tuple(expected))
    outputs = library.load(device="cpu").__call__(pixels)
    assert set(outputs) == set(expected)
    for name, reference in expected.items():
        assert outputs[name].shape == reference.shape
        assert error_of(outputs[name], reference) <= 1e-5, name


@pytest.mark.parametrize("model", ["hf-vit", "hf-clip-full", "timm-eva02", "tv-vit"])
def test_outputs_on_the_emulator(model: str, tmp_path) -> None:
    # In a process of its own: a driver is opened once.
    import subprocess
    import sys

    library = vitc.compile(MODELS / model, target="cuda", dtype="f16", name="golden", max_batch=2)
    library.save(tmp_path)
    program = f"""
import sys
sys.path.insert(0, {str(MODELS.parents[1] / "python")!r})
import vitc
from conftest import MODELS, error_of, golden_of
pixels, expected = golden_of({model!r})
loaded = vitc.load({str(tmp_path)!r}, weights=MODELS / {model!r}, emulate=True)
assert "emulator" in loaded.description, loaded.description
outputs = loaded(pixels)
for name, reference in expected.items():
    error = error_of(outputs[name], reference)
    assert 0 < error <= 2e-3, (name, error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
