"""Modules of PyTorch through compile(), against themselves; and vitc models inside of PyTorch."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import timm
import torch
import torchvision
import transformers
import vitc
import vitc.torch
from conftest import error_of

SMALL = {
    "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 96,
    "image_size": 32, "patch_size": 8,
}
VISION = {**SMALL, "projection_dim": 24}


def transformers_modules():
    """(name, module) of each family that vitc reads."""
    t = transformers
    yield "vit", lambda: t.ViTForImageClassification(t.ViTConfig(**SMALL, num_labels=7))
    yield "vit-model", lambda: t.ViTModel(t.ViTConfig(**SMALL))
    yield "deit", lambda: t.DeiTForImageClassification(t.DeiTConfig(**SMALL, num_labels=7))
    yield "msn", lambda: t.ViTMSNModel(t.ViTMSNConfig(**SMALL))
    yield "dinov2", lambda: t.Dinov2Model(t.Dinov2Config(**{**SMALL, "mlp_ratio": 2}))
    yield "dinov2-reg", lambda: t.Dinov2WithRegistersModel(t.Dinov2WithRegistersConfig(**SMALL))
    yield "clip", lambda: t.CLIPVisionModelWithProjection(t.CLIPVisionConfig(**VISION))
    yield "siglip", lambda: t.SiglipVisionModel(t.SiglipVisionConfig(**SMALL))
    yield "beit", lambda: t.BeitForImageClassification(
        t.BeitConfig(**SMALL, num_labels=7, use_relative_position_bias=True)
    )


def perturb(module: torch.nn.Module) -> torch.nn.Module:
    """Values that no initialisation has, so that every tensor counts."""
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.05)
    return module.eval()


def expect(module: torch.nn.Module, pixels: torch.Tensor, outputs) -> None:
    with torch.no_grad():
        found = module(pixels)
    expected = {"logits": found} if isinstance(found, torch.Tensor) else dict(found.items())
    compared = 0
    for name, value in outputs.items():
        if name in expected:
            assert isinstance(value, torch.Tensor)
            assert error_of(value, expected[name].double().numpy()) <= 1e-5, name
            compared += 1
    assert compared


MODULES = dict(transformers_modules())


@pytest.mark.parametrize("name", MODULES)
def test_transformers(name) -> None:
    module = perturb(MODULES[name]())
    pixels = torch.randn(2, 3, 32, 32)
    expect(module, pixels, vitc.compile(module, target="cpu").load(device="cpu")(pixels))


TIMM = ["vit_tiny_patch16_224", "deit3_small_patch16_224", "vit_small_patch14_dinov2",
        "eva02_tiny_patch14_224", "vit_base_patch16_siglip_224"]


@pytest.mark.parametrize("name", TIMM)
def test_timm(name) -> None:
    module = perturb(timm.create_model(name, num_classes=10, depth=2))
    size = module.pretrained_cfg["input_size"][1]
    size = module.patch_embed.img_size[0] if hasattr(module.patch_embed, "img_size") else size
    pixels = torch.randn(1, 3, size, size)
    with torch.no_grad():
        expected = module(pixels).double().numpy()
    outputs = vitc.compile(module, target="cpu").load(device="cpu")(pixels)
    assert error_of(outputs[0], expected) <= 1e-5


def test_torchvision() -> None:
    module = perturb(torchvision.models.VisionTransformer(32, 8, 2, 3, 48, 96, num_classes=5))
    pixels = torch.randn(3, 3, 32, 32)
    outputs = vitc.compile(module, target="cpu", embed_weights=True).load(device="cpu")(pixels)
    expect(module, pixels, outputs)


def test_half_precision_weights_are_read_as_they_are() -> None:
    module = perturb(transformers.ViTModel(transformers.ViTConfig(**SMALL)))
    pixels = torch.randn(1, 3, 32, 32)
    library = vitc.compile(module, target="cpu")
    for dtype in (torch.float16, torch.bfloat16):
        rounded = {name: value.to(dtype) for name, value in module.state_dict().items()}
        model = library.load(rounded, "cpu")
        same = transformers.ViTModel(module.config)
        same.load_state_dict({name: value.float() for name, value in rounded.items()})
        expect(same.eval(), pixels, model(pixels))


def test_a_module_nobody_knows() -> None:
    with pytest.raises(vitc.CompileError, match="expected a module of transformers, timm or torchvision"):
        vitc.compile(torch.nn.Linear(3, 4))
    with pytest.raises(vitc.CompileError) as error:
        vitc.compile(transformers.ResNetModel(transformers.ResNetConfig(depths=[1], hidden_sizes=[8])))
    assert "/tmp" not in str(error.value)


@pytest.fixture(scope="module")
def model() -> vitc.Model:
    module = perturb(transformers.ViTForImageClassification(transformers.ViTConfig(**SMALL, num_labels=7)))
    return vitc.compile(module, target="cpu").load(device="cpu")


def test_tensors_in_tensors_out(model: vitc.Model) -> None:
    pixels = torch.randn(2, 3, 32, 32)
    outputs = model(pixels)
    assert isinstance(outputs.logits, torch.Tensor)
    expected = model(pixels.numpy()).logits
    assert np.array_equal(outputs.logits.numpy(), expected)
    channels_last = pixels.to(memory_format=torch.channels_last)
    assert torch.equal(model(channels_last).logits, outputs.logits)
    with pytest.raises(vitc.BadArgument, match="expected float32, found bfloat16"):
        model(pixels.bfloat16())


def test_operator(model: vitc.Model) -> None:
    module = vitc.torch.Module(model)
    pixels = torch.randn(2, 3, 32, 32)
    torch.library.opcheck(vitc.torch.run, (pixels, module.number))
    head = torch.nn.Linear(7, 3)
    whole = torch.nn.Sequential()
    whole.forward = lambda x: head(module(x)["logits"])  # type: ignore[method-assign]
    expected = whole(pixels)
    compiled = torch.compile(whole.forward, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(pixels), expected)


def test_export(model: vitc.Model) -> None:
    module = vitc.torch.Module(model)
    pixels = torch.randn(2, 3, 32, 32)
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(module, (pixels,), dynamic_shapes={"pixel_values": {0: batch}})
    more = torch.randn(5, 3, 32, 32)
    assert torch.equal(program.module()(more)["logits"], module(more)["logits"])


def test_numbers_of_models_that_are_gone(model: vitc.Model) -> None:
    with pytest.raises(vitc.BadArgument, match="found number 999"):
        vitc.torch.run(torch.randn(1, 3, 32, 32), 999)
    gc.collect()


class Detector(torch.nn.Module):
    """Something larger around an encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = transformers.Dinov2Model(transformers.Dinov2Config(**{**SMALL, "mlp_ratio": 2}))
        self.head = torch.nn.Linear(48, 4)

    def forward(self, pixels):
        return self.head(self.tower(pixel_values=pixels).last_hidden_state)


def test_replace() -> None:
    detector = perturb(Detector())
    pixels = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        expected = detector(pixels)
    before = detector.tower
    with pytest.raises(vitc.Error, match="was not replaced: errors of"):
        vitc.torch.replace(detector, "tower", pixels, device="cpu", target="cpu", tolerance=1e-12)
    assert detector.tower is before
    new = vitc.torch.replace(detector, "tower", pixels, device="cpu", target="cpu")
    assert detector.tower is new
    with torch.no_grad():
        assert error_of(detector(pixels), expected.double().numpy()) < 1e-5
    with pytest.raises(vitc.BadArgument, match="found bool_masked_pos too"):
        detector.tower(pixels, bool_masked_pos=torch.zeros(2, 16))
