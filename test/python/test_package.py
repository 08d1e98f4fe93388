"""What the wheel holds beside the module: programs, headers, archives, CMake files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import vitc
from conftest import MODELS, ROOT

PACKAGE = Path(vitc.__file__).parent


def test_versions_agree() -> None:
    project = re.search(r"project\(vitc VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())
    assert project
    assert vitc.__version__ == project[1] == metadata.version("vitc")
    pinned = re.search(r"nvidia-cuda-nvcc==([0-9.]+)", (ROOT / "cmake" / "bootstrap.sh").read_text())
    assert pinned
    assert f"nvidia-cuda-nvcc=={pinned[1]}" in (metadata.requires("vitc") or [])
    assert vitc.identity().startswith(f"vitc {project[1]}")


def test_programs() -> None:
    for name in ("vitc", "vit-run"):
        script = Path(sys.executable).parent / name
        for program in (script, PACKAGE / "bin" / name):
            done = subprocess.run([program, "--help"], capture_output=True, text=True, check=True)
            assert "Example:" in done.stdout
    done = subprocess.run([Path(sys.executable).parent / "vitc", "build"], capture_output=True, check=False)
    assert done.returncode == 2


def test_needs_no_llvm_and_no_compiler(tmp_path) -> None:
    loaded = subprocess.run(
        ["ldd", PACKAGE / "lib" / "libvitc.so"], capture_output=True, text=True, check=True
    ).stdout
    assert "libc.so.6" in loaded
    assert not re.search(r"LLVM|MLIR|lld", loaded)
    empty = tmp_path / "bin"
    empty.mkdir()
    environment = {**os.environ, "PATH": str(empty), "VITC_PTXAS": "none"}
    environment.pop("CC", None)
    command = [PACKAGE / "bin" / "vitc", "build", MODELS / "hf-vit", "-o", tmp_path / "out", "--shared"]
    subprocess.run([*command, "--target", "cpu"], env=environment, check=True)
    check = [PACKAGE / "bin" / "vit-run", tmp_path / "out" / "libhf_vit.so", "--device", "cpu",
             "--weights", MODELS / "hf-vit" / "model.safetensors",
             "--check", MODELS / "hf-vit" / "io.safetensors", "--tolerance", "1e-5"]
    assert "ok" in subprocess.run(check, env=environment, capture_output=True, text=True, check=True).stdout


def test_exports_nothing_of_llvm() -> None:
    symbols = subprocess.run(
        ["nm", "-DC", "--defined-only", PACKAGE / "lib" / "libvitc.so"],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()
    names = [line.split(maxsplit=2)[2] for line in symbols]
    assert any(name.startswith("vitc::package::build(") for name in names)
    assert not [name for name in names if re.match(r"(llvm|mlir|lld)::|LLVM|fmt::", name)]


def test_ptxas_of_the_dependency(tmp_path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "VITC_PTXAS"}
    environment["PATH"] = "/nonexistent"
    environment.pop("CUDA_HOME", None)
    command = [PACKAGE / "bin" / "vitc", "build", MODELS / "kernelbench-small", "-o", tmp_path]
    done = subprocess.run([*command, "--target", "cuda"], env=environment, capture_output=True, text=True,
                          check=True)
    assert "no spills" in done.stderr


def test_a_project_in_c(tmp_path) -> None:
    example = ROOT / "examples" / "classify-digits"
    build = tmp_path / "build"
    configure = ["cmake", "-S", example, "-B", build, f"-Dvitc_DIR={vitc.cmake_dir()}",
                 "-DCMAKE_BUILD_TYPE=Release"]
    subprocess.run(configure, check=True, capture_output=True)
    subprocess.run(["cmake", "--build", build], check=True, capture_output=True)
    model = example / "model"
    done = subprocess.run(
        [build / "classify", model / "model.safetensors", model / "test.safetensors"],
        capture_output=True, text=True, check=True,
    )
    assert re.search(r"35\d of 360", done.stdout)
