"""Files of pictures: finding, decoding, and the output that stands for a picture."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from . import _core
from ._errors import BadArgument
from ._model import Model, Tensor

ENDINGS = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff")
# Those that stand for a whole picture, the first that a model has.
EMBEDDINGS = ("image_embeds", "image_features", "pooler_output", "logits")


def find(sources: Iterable[str | Path]) -> Iterator[str]:
    """Files as they are given, and those of folders by the endings of pictures, sorted."""
    for source in map(Path, sources):
        if source.is_dir():
            files = (each for each in source.rglob("*") if each.suffix.lower() in ENDINGS and each.is_file())
            yield from sorted(map(str, files))
        else:
            yield str(source)


def decode(file: bytes) -> Any:
    """A picture upright, as uint8 [height, width, 3]. Raises what Pillow raises of a bad one."""
    import numpy
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(file)) as image:
        upright = ImageOps.exif_transpose(image)
        return numpy.asarray(upright.convert("RGB"))


def reason_of(problem: BaseException) -> str:
    """One line that says what is wrong with a picture, the same each time."""
    text = re.sub(r" <_io\.BytesIO object at 0x[0-9a-f]+>", "", " ".join(str(problem).split()))
    return f"{type(problem).__name__}: {text}" if text else type(problem).__name__


def embedding_of(model: Model | _core.SharedLibrary, wanted: str | None) -> str:
    """The output that has one row of numbers for each picture: `wanted`, else the first known."""
    outputs = [Tensor(*each) for each in model.outputs]
    rows = [each.name for each in outputs if len(each.shape) == 2]
    if wanted is not None:
        if wanted not in rows:
            raise BadArgument(
                f"expected an output of one row for each picture, {' or '.join(rows) or 'which it has not'}, "
                f"found '{wanted}'"
            )
        return wanted
    for name in (*EMBEDDINGS, *rows):
        if name in rows:
            return name
    names = ", ".join(f"{each.name} of {len(each.shape)} dimensions" for each in outputs)
    raise BadArgument(
        f"expected an output of one row for each picture, found {names}; compile the model with outputs= "
        "of a pooled one"
    )
