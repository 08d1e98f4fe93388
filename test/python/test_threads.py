"""Compiling, loading and running in threads and in loops: the same bits, and no growth."""

from __future__ import annotations

import concurrent.futures
import gc
import itertools
import multiprocessing
import os
import signal
import threading
import time

import numpy as np
import pytest
import vitc
from conftest import MODELS, library_of


def resident() -> int:
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


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


def test_no_growth(pixels) -> None:
    library = library_of("hf-vit")
    weights = MODELS / "hf-vit"

    def once() -> None:
        model = library.load(weights, "cpu:2")
        model(pixels)
        opened = vitc._core.SharedLibrary.of_bytes(library.read("libhf_vit.so"), "hf_vit")
        assert opened.labels

    def compile_once() -> None:
        vitc.compile(MODELS / "kernelbench-small", target="cpu").load(device="cpu:1")

    for work, times, limit in ((once, 100, 8e6), (compile_once, 12, 24e6)):
        for _ in range(max(3, times // 4)):
            work()
        gc.collect()
        before, descriptors = resident(), len(os.listdir("/proc/self/fd"))
        threads = threading.active_count()
        for _ in range(times):
            work()
        gc.collect()
        assert resident() - before < limit, work.__name__
        assert len(os.listdir("/proc/self/fd")) == descriptors
        assert threading.active_count() == threads


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
