"""vitc models inside of PyTorch: an operator that torch.compile, torch.export and CUDA graphs take, and
a module in place of another.

``vitc.torch.Module(model)`` is a torch.nn.Module; ``vitc.torch.replace(module, name, ...)`` puts one where an
encoder was, after it was compared with it.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ._compile import compile
from ._errors import BadArgument, Error
from ._model import Model

# An operator takes numbers and tensors alone, so models are known to it by a number.
_MODELS: weakref.WeakValueDictionary[int, Model] = weakref.WeakValueDictionary()
_NUMBERS: weakref.WeakKeyDictionary[Model, int] = weakref.WeakKeyDictionary()


def _number_of(model: Model) -> int:
    number = _NUMBERS.get(model)
    if number is None:
        number = _NUMBERS[model] = max(_MODELS, default=-1) + 1
        _MODELS[number] = model
    return number


def _model_of(number: int) -> Model:
    model = _MODELS.get(number)
    if model is None:
        raise BadArgument(
            f"expected a model of this process, found number {number}, which is gone; keep the Module, and "
            "make it again where a program was exported elsewhere"
        )
    return model


@torch.library.custom_op("vitc::run", mutates_args=())
def run(pixel_values: torch.Tensor, model: int) -> list[torch.Tensor]:
    """Outputs of a model, float32 [batch, ...], in its order."""
    outputs = _model_of(model)(pixel_values)
    return [outputs[index] for index in range(len(outputs))]


@run.register_fake
def _(pixel_values: torch.Tensor, model: int) -> list[torch.Tensor]:
    # The height and width of images are numbers of a trace; the batch may be a symbol.
    shapes = _model_of(model).output_shapes(tuple(map(int, pixel_values.shape[1:])))
    return [
        pixel_values.new_empty((pixel_values.shape[0], *shape), dtype=torch.float32) for shape in shapes
    ]


class Module(torch.nn.Module):
    """A compiled model as a module: takes `pixel_values` [batch, channels, height, width], gives a
    dictionary of its outputs by name. It has no parameters and no gradients."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model
        self.number = _number_of(model)
        self.names = tuple(each.name for each in model.outputs)

    def forward(self, pixel_values: torch.Tensor) -> dict[str, torch.Tensor]:
        """Runs the model."""
        return dict(zip(self.names, run(pixel_values, self.number), strict=True))


class _InPlaceOf(torch.nn.Module):
    """Stands where a module stood, and answers in its form."""

    def __init__(self, module: Module, form: type | None, names: Sequence[str]) -> None:
        super().__init__()
        self.compiled = module
        self.form = form
        self.names = tuple(names)

    def forward(self, pixel_values: torch.Tensor, **rest: Any) -> Any:
        given = {name for name, value in rest.items() if value is not None and value is not False}
        given.discard("return_dict")
        if given:
            raise BadArgument(
                f"expected pixel_values alone, found {', '.join(sorted(given))} too, which a compiled "
                "encoder does not take"
            )
        outputs = self.compiled(pixel_values)
        if self.form is not None:
            return self.form(**{name: outputs[name] for name in self.names})
        return outputs[self.names[0]]


def _as_mapping(outputs: Any, names: Sequence[str]) -> Mapping[str, torch.Tensor]:
    """What a module gave, by the names of a compiled model's outputs."""
    if isinstance(outputs, torch.Tensor):
        return {names[0]: outputs}
    return {name: value for name, value in outputs.items() if isinstance(value, torch.Tensor)}


def replace(
    owner: torch.nn.Module,
    name: str,
    example: torch.Tensor,
    *,
    device: str = "auto",
    tolerance: float | None = None,
    **options: Any,
) -> torch.nn.Module:
    """Compiles the submodule `name` of `owner`, "vision_tower" or "backbone.body", runs both on
    `example`, pixel values float32 [batch, channels, height, width], and puts the compiled one in its
    place if each output, by the norm of the difference over the norm, is within `tolerance`: by default
    1e-4 on a CPU, 1e-2 on a GPU, where the module computes in f32. Otherwise raises vitc.Error with the
    errors, and `owner` is as it was. `options` are those of :func:`vitc.compile`. Gives the module that
    now stands there."""
    module = owner.get_submodule(name)
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            expected = module(example)
    finally:
        module.train(was_training)
    if isinstance(expected, torch.Tensor) or hasattr(expected, "items"):
        form = None if isinstance(expected, torch.Tensor) else type(expected)
    else:
        found_type = type(expected).__name__
        raise BadArgument(f"expected '{name}' to give a tensor or a dictionary, found {found_type}")
    compiled = Module(compile(module, **options).load(device=device))
    reference = _as_mapping(expected, compiled.names)
    missing = [each for each in reference if each not in compiled.names]
    if missing:
        raise Error(
            f"'{name}' gives {', '.join(missing)}, the compiled model only {', '.join(compiled.names)}"
        )
    found = compiled(example)
    on_cpu = compiled.model.description.startswith("CPU")
    limit = tolerance if tolerance is not None else (1e-4 if on_cpu else 1e-2)
    errors = {each: _error(found[each], value) for each, value in reference.items()}
    if not all(error <= limit for error in errors.values()):
        text = ", ".join(f"{each} {error:.2e}" for each, error in errors.items())
        raise Error(f"'{name}' was not replaced: errors of {text} are above the tolerance of {limit:g}")
    new = _InPlaceOf(compiled, form, list(reference))
    owner.set_submodule(name, new)
    return new


def _error(found: torch.Tensor, expected: torch.Tensor) -> float:
    reference = expected.double()
    return float((found.double() - reference).norm() / reference.norm())
