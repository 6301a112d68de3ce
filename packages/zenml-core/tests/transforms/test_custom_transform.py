"""A user's own transform: learned in the passes of the others, kept by name, and checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import custom_for_tests as custom
import numpy as np
import pyarrow as pa
import pytest
from chains_for_tests import learn
from hypothesis import given, settings
from hypothesis import strategies as st

from zenml.data.transforms import FILLINGS, TRANSFORMS, Chain, Method, Transform, transform_class
from zenml.data.transforms.values import ARROW, ValueType
from zenml.errors import PluginError

INTEGER, FLOAT, STRING = ValueType.INTEGER, ValueType.FLOAT, ValueType.STRING


def fit(kind: ValueType, methods: Sequence[Method], *shards: Sequence[Any]) -> Any:
    return learn(Chain("x", kind, False, tuple(methods)), *(pa.array(shard, ARROW[kind]) for shard in shards))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(-99, 99), min_size=1, max_size=30), st.integers(0, 30))
def test_its_states_are_merged_over_shards_and_it_maps_rows_alone_as_in_a_batch(rows: list[int], cut: int) -> None:
    fitted, passes = fit(INTEGER, [custom.Center(factor=2.0)], rows[:cut], rows[cut:])
    found = fitted.apply(pa.array(rows, pa.int64()))
    np.testing.assert_allclose(found.to_numpy(), (np.array(rows) - np.mean(rows)) * 2, rtol=1e-6, atol=1e-5)
    assert found.equals(pa.concat_arrays([fitted.apply(pa.array([row], pa.int64())) for row in rows]))
    assert passes == 1


def test_what_is_filled_before_it_counts_in_the_same_pass() -> None:
    cells = [1, None, 6, None, 20, 5]
    for filling, value in (("mean", 8.0), ("max", 20), ("constant", 2)):
        fill = FILLINGS[filling](**({"value": value} if filling == "constant" else {}))
        fitted, passes = fit(INTEGER, [fill, custom.Center()], cells[:2], cells[2:])
        filled = np.array([value if cell is None else cell for cell in cells])
        np.testing.assert_allclose(fitted.apply(pa.array(cells)).to_numpy(), filled - filled.mean(), atol=1e-6)
        assert passes == 1


def test_what_comes_after_it_is_learned_behind_it() -> None:
    rows = [1.0, 2.0, 9.0]
    fitted, passes = fit(FLOAT, [custom.Center(), TRANSFORMS["scale_to_0_1"]()], rows)
    np.testing.assert_allclose(fitted.apply(pa.array(rows)).to_numpy(), [0, 1 / 8, 1], rtol=1e-6)
    assert passes == 2
    fitted, passes = fit(STRING, [custom.Lengths(), TRANSFORMS["scale_to_0_1"]()], ["a", "abc", None])
    assert fitted.apply(pa.array(["ab", "abc"])).to_pylist() == [0.5, 1]
    assert passes == 1


def test_nulls_that_it_fills_itself_are_seen_by_what_comes_after_it() -> None:
    rows = [-3.0, None, -1.0]
    fitted, passes = fit(FLOAT, [custom.Negate(), TRANSFORMS["scale_to_0_1"]()], rows)
    np.testing.assert_allclose(fitted.apply(pa.array(rows)).to_numpy(), [2 / 6, 1, 0], rtol=1e-6)
    assert passes == 1
    fitted, passes = fit(FLOAT, [FILLINGS["min"](), custom.Negate(), TRANSFORMS["scale_to_0_1"]()], rows)
    np.testing.assert_allclose(fitted.apply(pa.array(rows)).to_numpy(), [1, 1, 0], rtol=1e-6)
    assert passes == 2


def test_it_may_give_vectors() -> None:
    fitted, passes = fit(FLOAT, [custom.Powers()], [1.0])
    assert fitted.apply(pa.array([1.5, None])).to_pylist() == [[1.5, 2.25], [0, 0]]
    assert fitted.names == ["x[0]", "x[1]"]
    assert passes == 0


def test_it_is_loaded_again_by_its_name_with_what_it_learned(tmp_path: Path) -> None:
    fitted, _ = fit(FLOAT, [FILLINGS["mean"](), custom.Center(factor=3.0)], [1.0, 2.0, None])
    Transform((fitted,)).save(tmp_path / "a")
    loaded = Transform.load(tmp_path / "a")
    loaded.save(tmp_path / "b")
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    batch = pa.record_batch({"x": [5.0, None]})
    assert loaded.apply(batch).equals(Transform((fitted,)).apply(batch))
    text = (tmp_path / "a" / "transform.json").read_text()
    assert '"transform": "custom_for_tests:Center"' in text
    assert '"source": "sha256:' in text
    (tmp_path / "a" / "transform.json").write_text(text.replace("custom_for_tests:Center", "custom_for_tests:Gone"))
    with pytest.raises(PluginError, match="custom_for_tests has no Gone"):
        Transform.load(tmp_path / "a")


@pytest.mark.parametrize(
    ("method", "said"),
    [(custom.TooShort(), "TooShort made 1 values of 2"), (custom.Narrow(), "Narrow made 4 numbers of 2 values, not 3")],
)
def test_what_it_returns_is_checked(method: Method, said: str) -> None:
    fitted, _ = fit(FLOAT, [method], [])
    with pytest.raises(ValueError, match=said):
        fitted.apply(pa.array([1.0, 2.0]))


def test_what_it_learns_is_checked() -> None:
    with pytest.raises(ValueError, match="what Unkept learned holds something else"):
        fit(FLOAT, [custom.Unkept()], [1.0])
    with pytest.raises(ValueError, match="there is no value to learn from"):
        fit(FLOAT, [custom.Center()], [None])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("custom_for_tests:NoTransformAtAll", "not a CustomTransform"),
        ("custom_for_tests:Centre", "Did you mean Center|has no Centre"),
        ("no_such_module:X", "there is no module no_such_module"),
        ("__main__:X", "Move it into a module"),
    ],
)
def test_a_name_that_is_no_transform_is_refused(name: str, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        transform_class(name)
