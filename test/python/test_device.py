"""Memory of a device, on the emulator: what a tensor of PyTorch on a GPU would be read from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import vitc
from conftest import MODELS

PROGRAM = """
import ctypes
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, sys.argv[1])
import vitc
from conftest import error_of, golden_of

pixels, expected = golden_of("hf-vit")
model = vitc.load(sys.argv[2], weights=sys.argv[3], emulate=True)
driver = ctypes.CDLL(str(Path(vitc.__file__).parent / "lib" / "emulator" / "libcuda.so.1"))


def call(name, *arguments):
    status = getattr(driver, name)(*arguments)
    assert status == 0, (name, status)


context = ctypes.c_void_p()
call("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
call("cuCtxSetCurrent", context)


def allocate(size):
    pointer = ctypes.c_uint64()
    call("cuMemAlloc_v2", ctypes.byref(pointer), ctypes.c_size_t(size))
    return pointer.value


batch, width = expected["logits"].shape
source, target = allocate(pixels.nbytes), allocate(batch * width * 4)
here = ctypes.c_void_p(pixels.ctypes.data)
call("cuMemcpyHtoD_v2", ctypes.c_uint64(source), here, ctypes.c_size_t(pixels.nbytes))
outputs = [(target, batch * width * 4)]
model._loaded.run_at(source, pixels.nbytes, outputs, False, 0, batch, 48, 48, 0)
found = np.empty((batch, width), np.float32)
here = ctypes.c_void_p(found.ctypes.data)
call("cuMemcpyDtoH_v2", here, ctypes.c_uint64(target), ctypes.c_size_t(found.nbytes))
assert 0 < error_of(found, expected["logits"]) <= 2e-3
assert np.array_equal(found, model(pixels).logits)  # through memory of the host

for wrong, text in (
    ((source, pixels.nbytes, outputs, False, 1, batch, 48, 48, 0), "on the CUDA device 1, the model on 0"),
    ((source, pixels.nbytes - 4, outputs, False, 0, batch, 48, 48, 0), "the model expects"),
    ((source, pixels.nbytes, [], False, 0, batch, 48, 48, 0), "expected 1 outputs, found 0"),
):
    try:
        model._loaded.run_at(*wrong)
    except vitc.BadArgument as error:
        assert text in str(error), error
    else:
        raise AssertionError(text)

on_cpu = vitc.load(sys.argv[2], weights=sys.argv[3], device="cpu")
try:
    on_cpu._loaded.run_at(source, pixels.nbytes, outputs, False, 0, batch, 48, 48, 0)
except vitc.BadArgument as error:
    assert "the model runs on the CPU" in str(error)
else:
    raise AssertionError("memory of a device was read by a CPU")
"""


def test_device_memory(tmp_path) -> None:
    vitc.compile(MODELS / "hf-vit", dtype="f16", name="golden", max_batch=2).save(tmp_path)
    command = [sys.executable, "-c", PROGRAM, Path(__file__).parent, tmp_path, MODELS / "hf-vit"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
