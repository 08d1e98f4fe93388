"""Modules of PyTorch as checkpoints: the config that their library would write, and their tensors.

The importers of vitc read both as if they were files; what the config does not say, and what it says
wrongly, they find out by the tensors. Tensors are handed over where they lie.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ._errors import CompileError


class Checkpoint:
    """A model in memory: files of JSON by their names, and tensors by theirs."""

    def __init__(self, name: str, files: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
        self.name = name
        self.files = files
        self.tensors = tensors

    @property
    def weights_name(self) -> str:
        """How the file of weights beside such a config is called."""
        return "open_clip_model.safetensors" if "open_clip_config.json" in self.files else "model.safetensors"

    def write(self, folder: Path) -> None:
        """Writes the JSON, for the importers, and not the tensors."""
        for name, value in self.files.items():
            (folder / name).write_text(json.dumps(value, default=str))


def is_module(source: Any) -> bool:
    """Whether a source is a module of PyTorch."""
    return hasattr(source, "state_dict") and hasattr(source, "named_parameters")


def of_module(module: Any, config: Mapping[str, Any] | None, image_processor: Any) -> Checkpoint:
    """The checkpoint of a module. `config` goes before what the module says of itself."""
    module = getattr(module, "_orig_mod", module)  # of torch.compile
    found = _transformers(module) or _torchvision(module) or _timm(module)
    files: dict[str, Any] = {}
    if config is not None and "model_cfg" in config:  # open_clip's
        files["open_clip_config.json"] = dict(config)
    elif found is None and config is None:
        raise CompileError(
            f"{type(module).__name__}: expected a module of transformers, timm or torchvision, found "
            f"one of {type(module).__module__.partition('.')[0]}; give its settings with config=, as its "
            "config.json has them"
        )
    else:
        files["config.json"] = {**(found or {}), **(config or {})}
    if image_processor is not None:
        files["preprocessor_config.json"] = _processor_config(image_processor)
    tensors = dict(module.state_dict())
    return Checkpoint(type(module).__name__, files, tensors)


def _processor_config(processor: Any) -> Any:
    if isinstance(processor, Mapping):
        return dict(processor)
    processor = getattr(processor, "image_processor", processor)
    return processor.to_dict()


def _transformers(module: Any) -> dict[str, Any] | None:
    """What save_pretrained would write."""
    settings: Any = getattr(module, "config", None)
    if not hasattr(settings, "to_dict"):
        return None
    config: dict[str, Any] = settings.to_dict()
    name = type(module).__name__
    # A class of torch.nn.parallel, or one that a user derived, is asked for by its base.
    bases = [each for each in type(module).__mro__ if each.__module__.startswith("transformers.models.")]
    config["architectures"] = [bases[0].__name__ if bases else name]
    return config


def _torchvision(module: Any) -> dict[str, Any] | None:
    """The arguments of torchvision's VisionTransformer."""
    if not _is_of(module, "torchvision") or type(module).__name__ != "VisionTransformer":
        return None
    block = module.encoder.layers[0]
    config = {
        "architecture": "torchvision_vit",
        "image_size": module.image_size,
        "patch_size": module.patch_size,
        "num_layers": len(module.encoder.layers),
        "num_heads": block.num_heads,
        "hidden_dim": module.hidden_dim,
        "mlp_dim": module.mlp_dim,
        "num_classes": module.num_classes,
    }
    if module.representation_size is not None:
        config["representation_size"] = module.representation_size
    return config


def _timm(module: Any) -> dict[str, Any] | None:
    """What timm writes for its hub: the name of the architecture, and arguments beside it."""
    settings = getattr(module, "pretrained_cfg", None)
    if settings is None or not _is_of(module, "timm"):
        return None
    settings = dict(settings)
    config: dict[str, Any] = {
        "architecture": settings.get("architecture"),
        "num_classes": module.num_classes,
        "num_features": module.num_features,
        "pretrained_cfg": settings,
        "model_args": _timm_arguments(module),
    }
    pool = getattr(module, "global_pool", None)
    if isinstance(pool, str):
        config["global_pool"] = pool
    return config


def _timm_arguments(module: Any) -> dict[str, Any]:
    """Arguments of create_model that a module shows: those that change sizes."""
    arguments: dict[str, Any] = {"num_classes": module.num_classes}
    patches: Any = getattr(module, "patch_embed", None)
    if getattr(patches, "img_size", None) is not None:
        arguments["img_size"] = list(patches.img_size)
    projection: Any = getattr(patches, "proj", None)
    if hasattr(projection, "in_channels"):
        arguments["in_chans"] = projection.in_channels
    pool = getattr(module, "global_pool", None)
    if isinstance(pool, str):
        arguments["global_pool"] = pool
    blocks = getattr(module, "blocks", None)
    if blocks is not None and hasattr(module, "embed_dim"):
        attention: Any = getattr(blocks[0], "attn", None)
        arguments["embed_dim"] = module.embed_dim
        arguments["depth"] = len(blocks)
        if hasattr(attention, "num_heads"):
            arguments["num_heads"] = attention.num_heads
        mlp: Any = getattr(blocks[0], "mlp", None)
        hidden = getattr(getattr(mlp, "fc1", None), "out_features", None)
        if hidden and hidden == mlp.fc2.in_features:  # that of gated ones is divided by rules of their own
            arguments["mlp_ratio"] = hidden / module.embed_dim
    return arguments


def _is_of(module: Any, package: str) -> bool:
    return any(each.__module__.partition(".")[0] == package for each in type(module).__mro__)
