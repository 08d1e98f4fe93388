"""Compiling, loading and running in threads and in loops: the same bits, and no growth."""

from __future__ import annotations

import concurrent.futures
import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import vitc
from conftest import MODELS, library_of


def test_one_model_in_eight_threads(vit: vitc.Model, pixels) -> None:
    expected = [vit(pixels[:1]).logits, vit(pixels).logits]

    def work(index: int) -> bool:
        return all(
            np.array_equal(vit(pixels[: 1 + index % 2]).logits, expected[index % 2]) for _ in range(50)
        )

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


def test_compiling_side_by_side() -> None:
    models = ["hf-vit", "timm-vit", "tv-vit", "kernelbench-small"]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        built = list(pool.map(lambda name: vitc.compile(MODELS / name, target="cpu"), models))
    for name, library in zip(models, built, strict=True):
        for file in library.files:
            assert library.read(file) == library_of(name).read(file), file


def test_lock_is_free_while_compiling() -> None:
    ticks = []
    done = threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.01)

    thread = threading.Thread(target=tick)
    thread.start()
    begin = time.monotonic()
    vitc.compile(MODELS / "hf-vit")
    seconds = time.monotonic() - begin
    done.set()
    thread.join()
    longest = max(after - before for before, after in itertools.pairwise(ticks))
    assert longest < max(0.5, seconds / 2)


def test_interrupt_stops_a_compilation() -> None:
    timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        for _ in range(100):  # one may be faster than the signal
            vitc.compile(MODELS / "hf-vit", target="cpu")
    assert vitc.compile(MODELS / "hf-vit", target="cpu").name == "hf_vit"


GROWTH = """
import gc
import os
import sys
import threading

sys.path.insert(0, sys.argv[1])
import vitc
from conftest import MODELS, golden_of, library_of

pixels = golden_of("hf-vit")[0]
library = library_of("hf-vit")


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def load_and_run():
    library.load(MODELS / "hf-vit", "cpu:2")(pixels)
    assert vitc._core.SharedLibrary.of_bytes(library.read("libhf_vit.so"), "hf_vit").labels


def compile_and_load():
    vitc.compile(MODELS / "kernelbench-small", target="cpu").load(device="cpu:1")


for work, times in ((load_and_run, 100), (compile_and_load, 15)):
    for _ in range(10):
        work()
    gc.collect()
    before, descriptors, threads = resident(), len(os.listdir("/proc/self/fd")), threading.active_count()
    for _ in range(times):
        work()
    gc.collect()
    grown = resident() - before
    assert grown < 8e6, (work.__name__, grown)
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert threading.active_count() == threads
"""


def test_no_growth() -> None:
    # In a process of its own, which has no memory that other tests left in pieces.
    command = [sys.executable, "-c", GROWTH, Path(__file__).parent]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _in_child(model: vitc.Model, pixels, queue) -> None:
    queue.put(model(pixels).logits.tobytes())


def test_fork(vit: vitc.Model, pixels) -> None:
    expected = vit(pixels).logits.tobytes()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(vit, pixels, queue))
    child.start()
    assert queue.get(timeout=60) == expected
    child.join(60)
    assert child.exitcode == 0
