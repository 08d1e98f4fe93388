"""Loading and running: arrays of every kind, batches and sizes, pictures."""

from __future__ import annotations

import json

import numpy as np
import pytest
import vitc
from conftest import MODELS, PICTURES, error_of, golden_of, library_of, read_tensors
from PIL import Image


def test_description_of_a_library() -> None:
    library = library_of("hf-vit")
    assert library.name == "hf_vit"
    assert library.files == ["libhf_vit.a", "hf_vit.h", "hf_vit.report.json", "libhf_vit.so"]
    assert library.inputs == [vitc.Tensor("pixel_values", "float32", (-1, 3, 48, 48))]
    assert library.outputs == [vitc.Tensor("logits", "float32", (-1, 10))]
    assert library.labels == [f"LABEL_{i}" for i in range(10)]
    assert "hf_vit" in repr(library)


def test_outputs_by_name_attribute_and_index(vit: vitc.Model, pixels) -> None:
    outputs = vit(pixels)
    assert isinstance(outputs.logits, np.ndarray)
    assert outputs["logits"] is outputs.logits
    assert outputs[0] is outputs.logits
    assert dict(outputs).keys() == {"logits"}
    with pytest.raises(AttributeError, match="expected one of logits, found 'pooler_output'"):
        _ = outputs.pooler_output
    with pytest.raises(KeyError):
        _ = outputs["pooler_output"]


def test_any_batch_has_the_bits_of_one_image(vit: vitc.Model) -> None:
    images = np.random.default_rng(1).standard_normal((150, 3, 48, 48), np.float32)
    together = vit(images).logits  # more than the library's 64
    assert together.shape == (150, 10)
    for index in (0, 63, 64, 149):
        assert np.array_equal(vit(images[index : index + 1]).logits[0], together[index])
    assert vit(images[:0]).logits.shape == (0, 10)


def test_numpy_that_lies_otherwise(vit: vitc.Model, pixels) -> None:
    expected = vit(pixels).logits
    turned = np.asfortranarray(pixels)
    assert not turned.flags.c_contiguous
    assert np.array_equal(vit(turned).logits, expected)
    frozen = pixels.copy()
    frozen.flags.writeable = False
    assert np.array_equal(vit(frozen).logits, expected)
    shifted = np.empty(pixels.size + 1, np.float32)[1:].reshape(pixels.shape)  # 4 bytes off
    shifted[:] = pixels
    assert np.array_equal(vit(shifted).logits, expected)


class OnlyDlpack:
    """An array of a library that nobody knows."""

    def __init__(self, array) -> None:
        self.array = array

    def __dlpack__(self, **arguments):
        return self.array.__dlpack__(**arguments)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_dlpack_and_buffers(vit: vitc.Model, pixels) -> None:
    expected = vit(pixels).logits
    assert np.array_equal(vit(OnlyDlpack(pixels)).logits, expected)
    assert np.array_equal(vit(memoryview(pixels)).logits, expected)


def test_shapes_and_types_are_refused(vit: vitc.Model, pixels) -> None:
    with pytest.raises(vitc.BadArgument, match="pixel_values: expected float32, found float64"):
        vit(pixels.astype(np.float64))
    with pytest.raises(vitc.BadArgument, match="expected any x 3 x 48 x 48, found 2 x 3 x 48 x 47"):
        vit(pixels[..., :47])
    with pytest.raises(vitc.BadArgument, match="found 3 x 48 x 48"):
        vit(pixels[0])
    with pytest.raises(vitc.BadArgument, match="speaks DLPack or the buffer protocol"):
        vit("photo.jpg")
    assert issubclass(vitc.BadArgument, ValueError)


def test_save_and_load(tmp_path, pixels, vit: vitc.Model) -> None:
    library = library_of("hf-vit")
    saved = library.save(tmp_path / "out")
    assert [path.name for path in saved] == library.files
    assert all(path.read_bytes() == library.read(path.name) for path in saved)
    weights = MODELS / "hf-vit"
    expected = vit(pixels).logits
    for path in (tmp_path / "out", tmp_path / "out" / "libhf_vit.so"):
        loaded = vitc.load(path, weights=weights, device="cpu")
        assert np.array_equal(loaded(pixels).logits, expected)
    tensors = read_tensors(weights / "model.safetensors")
    assert np.array_equal(vitc.load(tmp_path / "out", weights=tensors, device="cpu")(pixels).logits, expected)
    with pytest.raises(vitc.BadArgument, match="no embedded weights"):
        vitc.load(tmp_path / "out", device="cpu")


def test_embedded_weights(pixels, vit: vitc.Model) -> None:
    library = vitc.compile(MODELS / "hf-vit", target="cpu", embed_weights=True)
    assert np.array_equal(library.load(device="cpu")(pixels).logits, vit(pixels).logits)


def test_text_of_a_model(tmp_path) -> None:
    from vitc import _core

    text, _ = _core.emit(str(MODELS / "hf-vit"), "vit", [])
    library = vitc.compile(text, target="cpu", name="of_text")
    pixels, expected = golden_of("hf-vit")
    model = library.load(weights=MODELS / "hf-vit", device="cpu")
    assert error_of(model(pixels).logits, expected["logits"]) <= 1e-5
    file = tmp_path / "a.mlir"
    file.write_text(text)
    assert vitc.compile(file, target="cpu").name == "a"


def test_any_size() -> None:
    library = library_of("hf-dinov2-anysize", image_size="any")
    model = library.load(device="cpu")
    seen = 0
    for path in sorted((MODELS / "hf-dinov2-anysize").glob("io*.safetensors")):
        tensors = read_tensors(path)
        outputs = model(tensors["pixel_values"])
        for name in outputs:
            assert error_of(outputs[name], tensors[f"{name}.f64"]) <= 1e-5, path.name
            seen += 1
    assert seen > 2


@pytest.mark.parametrize("model", ["vit", "clip", "siglip", "dinov2"])
def test_pictures_are_what_the_processor_makes(model: str) -> None:
    loaded = vitc.compile(PICTURES / model, target="cpu").load(device="cpu")
    for name in ("rgb.jpg", "rgba.png"):
        expected = read_tensors(PICTURES / model / f"{name}.pil.safetensors")["pixel_values"]
        picture = Image.open(PICTURES / "images" / name)
        assert np.array_equal(loaded.preprocess(picture), expected), name
    both = loaded.preprocess([picture, np.asarray(picture.convert("RGB"))])
    assert both.shape == (2, *expected.shape[1:])
    assert np.array_equal(both[0], both[1])
    with pytest.raises(vitc.BadArgument, match="expected a picture of uint8"):
        loaded.preprocess(np.zeros((4, 4), np.uint8))


def test_bytes_as_input() -> None:
    picture = Image.open(PICTURES / "images" / "rgb.jpg")
    bytes_ = vitc.compile(PICTURES / "clip", target="cpu", input_type="u8").load(device="cpu")
    floats = vitc.compile(PICTURES / "clip", target="cpu").load(device="cpu")
    values = bytes_.preprocess(picture)
    assert values.dtype == np.uint8
    assert error_of(bytes_(values)[0], floats(floats.preprocess(picture))[0]) < 1e-5


def test_explanation() -> None:
    explanation = vitc.compile(MODELS / "hf-vit").explain()
    assert "linear" in str(explanation)
    assert {"kernels", "fusions", "gpu"} <= explanation.data.keys()
    assert explanation.data["gpu"] == "rtx4090"
    shown = explanation._repr_html_()
    assert shown.startswith("<iframe")
    assert "<script" not in shown  # all of the page is in an attribute
    json.dumps(explanation.data)


def test_self_check(vit: vitc.Model) -> None:
    assert "logits error" in vit.check()


def test_prepare(vit: vitc.Model, pixels) -> None:
    vit.prepare(2)
    assert vit(pixels).logits.shape == (2, 10)
    with pytest.raises(vitc.BadArgument, match="batch is 65, but the library takes 1 to 64"):
        vit.prepare(65)
