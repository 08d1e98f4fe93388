"""vitc.ray.embed: each picture once, with the bits of a run without Ray, also after a killed worker."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import ray
import vitc
import vitc.ray
from conftest import PICTURES
from PIL import Image
from vitc._embed import embed

COUNT = 200


@pytest.fixture(scope="module")
def library() -> vitc.Library:
    return vitc.compile(PICTURES / "clip", target="cpu", embed_weights=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(4)
    for index in range(COUNT):
        pixels = random.integers(0, 255, (16 + index % 9, 20, 3), np.uint8)
        Image.fromarray(pixels).save(made / f"{index:04}.png")
    (made / "broken.jpg").write_bytes(b"\xff\xd8 nothing")
    return made


@pytest.fixture(scope="module", autouse=True)
def cluster():
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, configure_logging=False)
    yield
    ray.shutdown()


def rows_of(files):
    rows = {}
    for file in files:
        table = pq.read_table(file).to_pydict()
        for path, embedding, error in zip(*table.values(), strict=True):
            assert path not in rows
            rows[path] = (embedding, error)
    return rows


def kill_one_worker(done: threading.Event) -> None:
    """Kills the process of an actor that runs the model, once there is one."""
    while not done.is_set():
        for process in os.listdir("/proc"):
            try:
                name = Path(f"/proc/{process}/cmdline").read_text() if process.isdigit() else ""
            except OSError:
                continue
            if "Embedder" in name and name.startswith("ray::"):
                os.kill(int(process), signal.SIGKILL)
                done.set()
                return
        time.sleep(0.05)


def test_embed(library: vitc.Library, folder, tmp_path) -> None:
    whole = tmp_path / "whole.parquet"
    embed([folder], whole, library.load(device="cpu:1"))
    expected = rows_of([whole])
    out = tmp_path / "out"
    killed = threading.Event()
    thread = threading.Thread(target=kill_one_worker, args=(killed,))
    thread.start()
    half = sorted(folder.iterdir())[: COUNT // 2]
    vitc.ray.embed(half, library, out, actors=2, batch=8)
    assert killed.is_set()
    thread.join()
    assert len(rows_of(out.glob("*.parquet"))) == COUNT // 2
    bad = vitc.ray.embed(folder, library, out, actors=2, batch=8)
    assert [path for path, _ in bad] == [str(folder / "broken.jpg")]
    assert rows_of(out.glob("*.parquet")) == expected
    files = sorted(out.glob("*.parquet"))
    vitc.ray.embed(folder, library, out)
    assert sorted(out.glob("*.parquet")) == files  # nothing was left to do


def test_model_by_its_path(library: vitc.Library, folder, tmp_path) -> None:
    library.save(tmp_path / "model")
    some = sorted(folder.iterdir())[:5]
    assert vitc.ray.embed(some, tmp_path / "model", tmp_path / "out", device="cpu:2") == []
    assert len(rows_of((tmp_path / "out").glob("*.parquet"))) == 5
    with pytest.raises(vitc.BadArgument, match="expected device cpu:THREADS or cuda, found 'tpu'"):
        vitc.ray.embed(some, library, tmp_path / "out", device="tpu")
