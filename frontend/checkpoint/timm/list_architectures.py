#!/usr/bin/env python3
"""Writes architectures.json: what timm knows of each architecture and a config.json leaves out.

  pip install timm==1.0.31 torch
  list_architectures.py > architectures.json

A config.json of the hub names an architecture and holds only what differs from it. Facts are read
from timm itself, by calling its entry points with a model builder that builds nothing:

  classes         the arguments of each class of models with their defaults
  architectures   the class, the arguments of the entry point ("args"), and what the configuration of
                  the default tag says of inputs and classes ("cfg")

Modules that an argument names are written as text; a norm as {"norm", "eps"}.

An architecture that vitc cannot build has "unsupported", which says why, and its tensors, so that
`vitc inspect` can show them: "tensors" by name, with {depth} in the place of a block's number, and of
these "buffers", which are no parameters.
"""
import functools
import inspect
import json
import re
import sys
import warnings

import torch
import timm
from timm.layers import HybridEmbed
from timm.models import (beit, deit, eva, swin_transformer, vision_transformer,
                         vision_transformer_hybrid, vision_transformer_relpos)
from timm.models._registry import (_deprecated_models, _model_entrypoints, _model_to_module,
                                   get_pretrained_cfg)

MODULES = [beit, deit, eva, swin_transformer, vision_transformer, vision_transformer_hybrid,
           vision_transformer_relpos]
# What changes how a model is trained or initialised, or where it lives, and not what it computes.
TRAINING = {"drop_rate", "pos_drop_rate", "patch_drop_rate", "proj_drop_rate", "attn_drop_rate",
            "drop_path_rate", "weight_init", "fix_init", "head_init_scale", "device", "dtype",
            "feature_cfg", "pretrained_filter_fn", "pretrained_strict", "pretrained_cfg",
            "rope_shift_coords", "rope_jitter_coords", "rope_rescale_coords"}


class Recorded(Exception):
    pass


def record(model_class, variant, pretrained=False, **arguments):
    raise Recorded(model_class, arguments)


def is_norm(value):
    return inspect.isclass(value) and "Norm" in value.__name__


def unsupported(model_class, arguments):
    """What vitc has no ops for; None for what it builds."""
    if isinstance(arguments.get("embed_layer"), functools.partial):
        return "convolutions before the patches"
    if model_class.__name__ == "VisionTransformerRelPos":
        return "relative positions that an MLP makes"
    if arguments.get("rope_type") == "mixed":
        return "RoPE with learned rates"
    if arguments.get("attn_layer") == "diff" or "Diff" in str(arguments.get("block_fn")):
        return "differential attention"
    return None


def tensors(name):
    """Those of a model: what its blocks have alike once, and which are buffers."""
    with torch.device("meta"):
        model = timm.create_model(name)
    parameters = {key for key, _ in model.named_parameters()}
    shapes = {key: list(tensor.shape) for key, tensor in model.state_dict().items()}
    depth = len(model.blocks)
    listed = {}
    for key, shape in shapes.items():
        general = re.sub(r"^blocks\.\d+\.", "blocks.{depth}.", key)
        if general == key or any(shapes.get(general.format(depth=i)) != shape for i in range(depth)):
            listed[key] = shape
        else:
            listed[general] = shape
    return {"depth": depth, "tensors": listed, "buffers": sorted(set(shapes) - parameters)}


def plain(value):
    """The value as JSON has it."""
    bound = {}
    if isinstance(value, functools.partial):
        value, bound = value.func, value.keywords
    if is_norm(value):
        eps = bound.get("eps", inspect.signature(value.__init__).parameters["eps"].default)
        return {"norm": value.__name__, "eps": eps}
    if value is HybridEmbed:
        return value.__name__
    if inspect.isclass(value) or inspect.isfunction(value):
        if bound.get("gate_last") is False:
            return "SwiGLUPacked"
        assert not bound, (value, bound)
        return value.__name__
    if isinstance(value, tuple):
        return list(value)
    return value


def defaults(model_class):
    """Of the arguments of a class, over those of its bases where it hands arguments on."""
    found = {}
    for each in reversed(model_class.__mro__):
        if "__init__" in vars(each) and issubclass(each, torch.nn.Module) and each is not torch.nn.Module:
            for name, parameter in inspect.signature(each.__init__).parameters.items():
                if parameter.default is not inspect.Parameter.empty and name not in TRAINING:
                    found[name] = plain(parameter.default)
    return found


def main():
    warnings.simplefilter("ignore")
    assert timm.__version__ == "1.0.31", timm.__version__
    names = {module.__name__.split(".")[-1] for module in MODULES}
    builders = {module: module.build_model_with_cfg for module in MODULES}
    for module in MODULES:
        module.build_model_with_cfg = record
    classes, architectures, missing = {}, {}, {}
    for name in sorted(_model_entrypoints):
        if _model_to_module[name] not in names or name in _deprecated_models:
            continue
        try:
            _model_entrypoints[name]()
        except Recorded as recorded:
            model_class, arguments = recorded.args
        classes[model_class.__name__] = defaults(model_class)
        tag = get_pretrained_cfg(name)
        architectures[name] = {
            "class": model_class.__name__,
            "args": {key: plain(value) for key, value in arguments.items() if key not in TRAINING},
            "cfg": {"input_size": list(tag.input_size), "fixed_input_size": tag.fixed_input_size,
                    "num_classes": tag.num_classes},
        }
        if why := unsupported(model_class, arguments):
            missing[name] = why
    for module, builder in builders.items():
        module.build_model_with_cfg = builder
    for name, why in missing.items():
        architectures[name].update(unsupported=why, **tensors(name))
    line = functools.partial(json.dumps, separators=(",", ":"))
    rows = lambda table: ",\n".join(f"{line(key)}:{line(table[key])}" for key in sorted(table))
    sys.stdout.write(f'{{"timm":"{timm.__version__}",\n"classes":{{\n{rows(classes)}}},\n'
                     f'"architectures":{{\n{rows(architectures)}}}}}\n')


main()
