"""Images as vectors of pixels."""

from __future__ import annotations

import sys
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from chains_for_tests import learn
from PIL import Image
from pydantic import ValidationError

from zenml.data.schema import Feature, LogicalType, Schema
from zenml.data.transforms import TRANSFORMS, Asked, Chain, FittedChain, Method, plan_chains
from zenml.data.transforms import images as images_module
from zenml.data.transforms.values import ValueType


def picture(height: int, width: int, seed: int = 0, mode: str = "RGB", form: str = "png") -> bytes:
    shape = (height, width) if mode == "L" else (height, width, len(mode))
    image = Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8), mode=None)
    out = BytesIO()
    image.save(out, form)
    return out.getvalue()


def fit(*methods: Method) -> FittedChain:
    return learn(Chain("x", ValueType.BYTES, False, methods))[0]


def load(height: int, width: int, **parameters: Any) -> Method:
    return TRANSFORMS["load_binary_image"](height=height, width=width, **parameters)


def applied(fitted: FittedChain, cells: list[bytes | None]) -> Any:
    found = fitted.apply(pa.array(cells, pa.binary()))
    assert found.type == fitted.output_type
    return found.flatten().to_numpy().reshape(len(cells), -1)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_pixels_are_those_of_the_image(channels: int, mode: str) -> None:
    cells = [picture(4, 6, seed, mode) for seed in range(3)]
    fitted = fit(load(4, 6, channels=channels))
    wanted = [np.asarray(Image.open(BytesIO(cell))).reshape(-1) / 255 for cell in cells]
    np.testing.assert_allclose(applied(fitted, cells), wanted, atol=1e-7)
    alone = [applied(fitted, [cell]).tobytes() for cell in cells]
    assert b"".join(alone) == applied(fitted, cells).tobytes()


def test_other_modes_are_converted_and_other_sizes_stretched() -> None:
    cells = [picture(9, 5), picture(3, 3, mode="L", form="bmp"), picture(8, 8, form="jpeg"), None]
    found = applied(fit(load(4, 6, channels=1)), cells)
    for cell, row in zip(cells[:3], found, strict=False):
        image = Image.open(BytesIO(cell or b"")).convert("L").resize((6, 4), Image.Resampling.BILINEAR)
        np.testing.assert_allclose(row, np.asarray(image).reshape(-1) / 255, atol=1e-7)
    assert np.isnan(found[3]).all()


@pytest.mark.parametrize("cell", [b"", b"no image", picture(4, 4)[:40]])
def test_bytes_that_are_no_image_are_told(cell: bytes) -> None:
    with pytest.raises(ValueError, match="value 2 of 2 is no image to read"):
        applied(fit(load(4, 4)), [picture(4, 4), cell])


def test_a_picture_too_large_to_be_honest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(ValueError, match="value 1 of 1 is no image to read"):
        applied(fit(load(4, 4)), [picture(4, 4)])


def test_an_image_is_reshaped_and_its_channels_may_come_first() -> None:
    cells = [picture(2, 3, seed) for seed in range(2)]
    plain = applied(fit(load(2, 3)), cells)
    reshape = TRANSFORMS["image_reshape"]
    fitted = fit(load(2, 3), reshape(height=2, width=3, order="channels_first"))
    assert np.array_equal(applied(fitted, cells), plain.reshape(2, 2, 3, 3).transpose(0, 3, 1, 2).reshape(2, -1))
    assert fitted.names[:2] == ["x[0,0,0]", "x[0,0,1]"]
    assert fitted.names[-1] == "x[2,1,2]"
    flat = fit(load(2, 3), reshape(height=1, width=18, channels=1))
    assert np.array_equal(applied(flat, cells), plain)
    assert flat.names[17] == "x[0,17,0]"
    with pytest.raises(ValueError, match="vectors of 18 numbers cannot be images of 2 x 2 x 3"):
        applied(fit(load(2, 3), reshape(height=2, width=2)), cells)


def test_the_names_say_row_column_and_channel() -> None:
    assert fit(load(1, 2, channels=1)).names == ["x[0,0,0]", "x[0,1,0]"]


def test_without_pillow_the_mend_is_told_before_and_while_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images_module, "find_spec", lambda _: None)
    schema = Schema((Feature("x", LogicalType.BYTES),))
    _, (problem,) = plan_chains(schema, (), (), {"x": Asked(transforms=(load(2, 2),))})
    assert "pip install 'zenml-core[images]'" in str(problem)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ValueError, match=r"run: pip install 'zenml-core\[images\]'"):
        applied(fit(load(2, 2)), [b"x"])


def test_a_column_of_bytes_has_no_default() -> None:
    schema = Schema((Feature("x", LogicalType.BYTES),))
    _, (problem,) = plan_chains(schema, (), (), {})
    assert "Name a transform in overwrite (load_binary_image)" in str(problem)


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("load_binary_image", {"height": 0, "width": 1}, "height"),
        ("load_binary_image", {"height": 1, "width": 1, "channels": 2}, "must be 1, 3 or 4"),
        ("load_binary_image", {"height": 1000, "width": 1000}, "3,000,000 numbers"),
        ("image_reshape", {"height": 1, "width": 1, "order": "last"}, "order"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(name: str, parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TRANSFORMS[name](**parameters)
