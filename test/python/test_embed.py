"""python -m vitc embed: each picture once, also after an interruption; bad ones are listed."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
import vitc
from conftest import PICTURES, library_of
from PIL import Image
from vitc._embed import Rows, embed, schema_of


@pytest.fixture(scope="module")
def clip() -> vitc.Model:
    return vitc.compile(PICTURES / "clip", target="cpu").load(device="cpu")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "photos"
    (made / "inner").mkdir(parents=True)
    random = np.random.default_rng(3)
    for index in range(23):
        pixels = random.integers(0, 255, (20 + index, 30, 3), np.uint8)
        Image.fromarray(pixels).save(made / ("inner" if index % 2 else ".") / f"{index:02}.png")
    (made / "broken.jpg").write_bytes(b"\xff\xd8 nothing")
    (made / "notes.txt").write_text("no picture")
    return made


def rows_of(path):
    table = pq.read_table(path).to_pydict()
    return dict(zip(table["path"], zip(table["embedding"], table["error"], strict=True), strict=True)), table


def test_rows(clip: vitc.Model, folder, tmp_path) -> None:
    out = tmp_path / "out.parquet"
    bad = embed([folder], out, clip, batch=4)
    assert [path for path, _ in bad] == [str(folder / "broken.jpg")]
    rows, table = rows_of(out)
    assert table["path"] == sorted(table["path"])
    assert len(rows) == len(table["path"]) == 24
    with Image.open(folder / "00.png") as picture:
        expected = clip(clip.preprocess(picture))["image_embeds"][0]
    assert np.array_equal(np.float32(rows[str(folder / "00.png")][0]), expected)
    assert rows[str(folder / "broken.jpg")][0] is None
    assert "identify" in rows[str(folder / "broken.jpg")][1]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out.parquet", "photos"]


class Stop(Exception):
    """An interruption."""


def test_resumed(clip: vitc.Model, folder, tmp_path, monkeypatch) -> None:
    whole, out = tmp_path / "whole.parquet", tmp_path / "out.parquet"
    embed([folder], whole, clip, batch=3)

    def stop(done: int, _: int, __: int) -> None:
        if done >= 12:
            raise Stop

    with pytest.raises(Stop):
        embed([folder], out, clip, batch=3, part=6, progress=stop)
    assert not out.exists()
    assert len(list((tmp_path / "out.parquet.parts").glob("part-*"))) == 2
    seen = []
    original = vitc.Model.__call__
    monkeypatch.setattr(vitc.Model, "__call__", lambda self, x: seen.append(len(x)) or original(self, x))
    embed([folder], out, clip, batch=3, part=6)
    assert sum(seen) == 24 - 12 - 1  # one is bad
    assert rows_of(out)[0] == rows_of(whole)[0]
    # What is new is added, the rest is not done again.
    Image.new("RGB", (9, 9)).save(folder / "zz.png")
    seen.clear()
    embed([folder], out, clip, batch=3)
    assert seen == [1]
    assert len(rows_of(out)[1]["path"]) == 25
    embed([folder], out, clip)
    assert seen == [1]


def test_parts_that_were_put_together_already(clip: vitc.Model, folder, tmp_path) -> None:
    out = tmp_path / "out.parquet"
    embed([folder], out, clip)
    rows = Rows(out, schema_of(pq.read_schema(out).field("embedding").type.list_size))
    rows.append(pq.read_table(out))  # as if the process had ended before it removed the part
    embed([folder], out, clip)
    assert len(rows_of(out)[1]["path"]) == 24


def test_another_model_is_refused(clip: vitc.Model, folder, tmp_path) -> None:
    out = tmp_path / "out.parquet"
    embed([folder], out, clip)
    other = library_of("hf-vit").load(device="cpu")
    with pytest.raises(vitc.BadFile, match="expected rows of"):
        embed([folder], out, other)


def test_program(folder, tmp_path) -> None:
    out = tmp_path / "out.parquet"
    command = [sys.executable, "-m", "vitc", "embed", folder, "-o", out, "--model", PICTURES / "clip",
               "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr  # one is bad
    assert "broken.jpg" in done.stderr
    assert "with 1 bad pictures" in done.stdout
    (folder / "broken.jpg").unlink()
    wrong = subprocess.run([*command[:-1], "tpu"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 1
    assert all(line.startswith("vitc: ") for line in wrong.stderr.splitlines())
    assert "device is 'tpu'" in wrong.stderr
    assert subprocess.run(command[:4], capture_output=True, check=False).returncode == 2
