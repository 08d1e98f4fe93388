"""What is refused, in the words of the tools."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import vitc
from conftest import MODELS, library_of, read_tensors


def said_by_the_tool(*arguments: str) -> str:
    program = Path(vitc.__file__).parent / "bin" / "vitc"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stderr.removeprefix("vitc: ").rstrip("\n")


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({"dtype": "f8"}, None),
        ({"gpu": "rtx1"}, None),
        ({"image_size": "224"}, None),
        ({"image_size": (47, 0)}, None),
        ({"outputs": "pooler_output"}, ["--outputs", "pooler_output"]),
        ({"max_tokens": 9}, ["--max-tokens", "9"]),
        ({"tile_policy": "tuned"}, ["--tile-policy", "tuned"]),
    ],
)
def test_options(options, flags, tmp_path) -> None:
    with pytest.raises(vitc.CompileError) as error:
        vitc.compile(MODELS / "hf-vit", **options)
    text = str(error.value)
    assert "\n" not in text
    if flags:
        assert text == said_by_the_tool("build", str(MODELS / "hf-vit"), "-o", str(tmp_path), *flags)


def test_no_model(tmp_path) -> None:
    with pytest.raises(vitc.CompileError) as error:
        vitc.compile(tmp_path / "none")
    assert str(error.value) == said_by_the_tool("build", str(tmp_path / "none"), "-o", str(tmp_path / "o"))
    with pytest.raises(vitc.CompileError, match=r"expected a config.json in this directory"):
        vitc.compile(tmp_path)


def test_unknown_options() -> None:
    with pytest.raises(TypeError, match=r"no option 'dtpye'; did you mean 'dtype'"):
        vitc.compile(MODELS / "hf-vit", dtpye="f16")
    with pytest.raises(TypeError, match="no option 'zzz'; expected one of"):
        vitc.compile(MODELS / "hf-vit", zzz=1)


def test_every_option_of_the_compiler_can_be_given() -> None:
    import inspect

    from vitc import _core
    from vitc._options import MoreOptions

    named = set(inspect.signature(vitc.compile).parameters)
    given = named | set(MoreOptions.__annotations__)
    assert {flag.replace("-", "_") for flag in _core.flags()} <= given


def test_weights() -> None:
    library = library_of("hf-vit")
    tensors = read_tensors(MODELS / "hf-vit" / "model.safetensors")
    name = next(iter(tensors))
    with pytest.raises(vitc.BadFile, match="missing"):
        library.load({key: value for key, value in tensors.items() if key != name}, "cpu")
    with pytest.raises(vitc.BadFile, match="the model expects"):
        library.load({**tensors, name: tensors[name].reshape(-1)[:4]}, "cpu")
    with pytest.raises(vitc.BadFile, match="'extra'"):
        library.load({**tensors, "extra": np.zeros(3, np.float32)}, "cpu")
    infinite = {**tensors, name: np.full_like(tensors[name], np.inf)}
    with pytest.raises(vitc.BadFile, match="finite"):
        library.load(infinite, "cpu")
    with pytest.warns(vitc.VitcWarning, match="finite"):
        library.load(infinite, "cpu", allow_nonfinite=True)
    with pytest.raises(vitc.BadFile, match="No such file"):
        library.load("nowhere.safetensors", "cpu")


def test_devices() -> None:
    library = library_of("hf-vit")
    with pytest.raises(vitc.BadArgument, match="device"):
        library.load(device="tpu")
    with pytest.raises(vitc.Error, match="cuda"):
        library.load(device="cuda")  # it was compiled for CPUs


def test_files_that_are_no_libraries(tmp_path) -> None:
    with pytest.raises(vitc.BadFile, match=r"expected one lib\*.so"):
        vitc.load(tmp_path)
    path = tmp_path / "libx.so"
    path.write_bytes(b"not ELF")
    with pytest.raises(vitc.BadFile, match="is not a shared library"):
        vitc.load(path)
    core = next(Path(vitc.__file__).parent.glob("_core*.so"))
    with pytest.raises(vitc.BadFile, match="exports 0 functions named <model>_library"):
        vitc.load(core)


def test_bad_text() -> None:
    with pytest.raises(vitc.CompileError, match="error"):
        vitc.compile("module { vit.nothing }")
    with pytest.raises(vitc.CompileError) as error:
        vitc.compile("// an empty text\n", name="x")
    assert "/tmp" not in str(error.value)


def test_config_of_a_folder() -> None:
    with pytest.raises(TypeError, match="are of modules"):
        vitc.compile(MODELS / "hf-vit", config={})
