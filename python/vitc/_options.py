"""Options of a compilation, by the names that `vitc build` has for them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from . import _core


class MoreOptions(TypedDict, total=False):
    """Options of `vitc build` that few need; docs/cli.md says what each does."""

    residual: str
    arch: str | Sequence[str]
    isa: str | Sequence[str]
    tile: str
    register_budget: int
    fuse_policy: str
    tile_policy: str
    tuning: str
    force_fuse: bool
    batch_invariant: bool
    require: str | Sequence[str]
    no_prune: bool
    no_fuse: bool
    no_fold_norm: bool
    max_tokens: int
    processor: str
    labels: str
    architecture: str
    ptxas: str
    jobs: int


def _values(value: Any) -> list[str]:
    """A value as the words that the command line would have."""
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, (str, int)):
        return [str(value)]
    return [str(element) for element in value]


def size_text(size: str | int | Sequence[int]) -> str:
    """224 and (224, 224) are "224x224"; "any" is itself."""
    if isinstance(size, str):
        return size
    height, width = (size, size) if isinstance(size, int) else size
    return f"{height}x{width}"


def flags_of(options: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Pairs of flag and values. Names that no build has are a TypeError with the nearest."""
    known = _core.flags()
    pairs: list[tuple[str, list[str]]] = []
    for name, value in options.items():
        flag = name.replace("_", "-")
        if flag not in known:
            names = [each.replace("-", "_") for each in known]
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"expected one of {', '.join(names)}"
            raise TypeError(f"compile() has no option '{name}'; {hint}")
        if value is None:
            continue
        values = _values(value)
        # "cuda,cpu" is a list on the command line.
        if flag in ("target", "arch", "isa", "outputs", "require"):
            values = [word for text in values for word in text.split(",")]
        pairs.append((flag, values))
    return pairs
