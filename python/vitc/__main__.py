"""``python -m vitc``: what needs Python; everything else is the program vitc."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

from . import Error, Model, compile, load


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m vitc", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    embed = verbs.add_parser(
        "embed",
        help="embeddings of pictures as a Parquet file",
        description="Writes a Parquet file with one row for each picture: path, embedding, and error for "
        "those that cannot be read. What the file has already is not done again.",
        epilog="Example: python -m vitc embed photos/ -o photos.parquet --model dinov2-base/",
    )
    embed.add_argument("sources", nargs="+", metavar="PATH", help="pictures, and folders of pictures")
    embed.add_argument("-o", "--output", required=True, metavar="FILE", help="the Parquet file")
    embed.add_argument(
        "--model", required=True, help="a checkpoint, which is compiled, or a compiled lib*.so or its folder"
    )
    embed.add_argument("--weights", metavar="FILE", help="weights of a compiled model that has none")
    embed.add_argument("--device", default="auto", help="cpu, cpu:4, cuda, cuda:1, auto (default)")
    embed.add_argument("--dtype", default="f16", help="of a checkpoint that is compiled (default: f16)")
    embed.add_argument("--gpu", default="rtx4090", help="of a checkpoint that is compiled (default: rtx4090)")
    embed.add_argument("--column", metavar="NAME", help="the output that is the embedding")
    embed.add_argument("--batch", type=int, default=32, help="pictures of a run (default: 32)")
    embed.add_argument("--workers", type=int, help="threads that decode (default: all cores)")
    embed.set_defaults(run=_embed)
    return parser


def _model(arguments: argparse.Namespace) -> Model:
    path = Path(arguments.model)
    compiled = path.suffix == ".so" or (path.is_dir() and any(path.glob("lib*.so")))
    if compiled:
        return load(path, arguments.weights, arguments.device)
    target = "cpu" if arguments.device.startswith("cpu") else None
    library = compile(path, dtype=arguments.dtype, gpu=arguments.gpu, target=target)
    return library.load(arguments.weights, arguments.device)


def _embed(arguments: argparse.Namespace) -> int:
    from . import _embed

    model = _model(arguments)
    print(f"device: {model.description}")
    bad = _embed.embed(
        arguments.sources,
        arguments.output,
        model,
        output=arguments.column,
        batch=arguments.batch,
        workers=arguments.workers,
        progress=_embed.show,
    )
    for path, error in bad:
        print(f"vitc: {path}: {error}", file=sys.stderr)
    print(f"wrote {arguments.output}, with {len(bad)} bad pictures")
    return 1 if bad else 0


def _show(message: Warning | str, *_: object, **__: object) -> None:
    print(f"vitc: warning: {message}", file=sys.stderr)


def main() -> int:
    """Runs a verb; returns the exit code: 1 for an error or bad pictures, 2 for wrong usage."""
    arguments = _parser().parse_args()
    warnings.showwarning = _show
    try:
        return int(arguments.run(arguments))
    except Error as error:
        print(f"vitc: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        text = f"expected the package {error.name}, found none; pip install {error.name}"
        print(f"vitc: {text}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("vitc: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
