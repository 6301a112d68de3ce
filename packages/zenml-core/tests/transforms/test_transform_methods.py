"""Fillings and transforms of one column: against scikit-learn, under merges, row by row, and at the edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from chains_for_tests import learn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from zenml.data.transforms import FILLINGS, TRANSFORMS, Chain, FittedChain, Method, Need, Summary
from zenml.data.transforms.values import ARROW, ValueType

INTEGER, FLOAT, BOOLEAN, STRING = ValueType.INTEGER, ValueType.FLOAT, ValueType.BOOLEAN, ValueType.STRING


def filling(name: str, **parameters: Any) -> Method:
    return FILLINGS[name](**parameters)


def transform(name: str, **parameters: Any) -> Method:
    return TRANSFORMS[name](**parameters)


def fit(kind: ValueType, methods: Sequence[Method], *shards: Sequence[Any], label: bool = False) -> FittedChain:
    """Fit as the engine does: a summary per shard, sent as bytes, folded in order."""
    return learn(Chain("x", kind, label, tuple(methods)), *(pa.array(shard, ARROW[kind]) for shard in shards))[0]


def applied(fitted: FittedChain, values: Sequence[Any]) -> list[Any]:
    return fitted.apply(pa.array(values, ARROW[fitted.chain.kind])).to_pylist()


NUMBERS = np.random.default_rng(5).normal(50, 20, 2000)
WITH_GAPS = [None if gone else value for gone, value in zip(NUMBERS > 75, NUMBERS.tolist(), strict=True)]
COLUMN = np.array([[math.nan if value is None else value] for value in WITH_GAPS])


@pytest.mark.parametrize(
    ("name", "strategy"),
    [("mean", "mean"), ("median", "median"), ("min", None), ("max", None), ("mode", "most_frequent")],
)
def test_fillings_agree_with_scikit_learn(name: str, strategy: str | None) -> None:
    rounded = np.round(COLUMN, 0)
    values = [None if math.isnan(value) else value for value in rounded[:, 0].tolist()]
    fitted = fit(FLOAT, [filling(name)], values[:700], values[700:])
    if strategy is None:
        wanted = np.where(np.isnan(rounded), getattr(np, f"nan{name}")(rounded), rounded)
    else:
        wanted = SimpleImputer(strategy=strategy).fit_transform(rounded)
    np.testing.assert_allclose(applied(fitted, values), wanted[:, 0], rtol=1e-6)


def test_a_constant_fills_as_scikit_learn_does() -> None:
    wanted = SimpleImputer(strategy="constant", fill_value=-7.5).fit_transform(COLUMN)
    fitted = fit(FLOAT, [filling("constant", value=-7.5)], WITH_GAPS)
    np.testing.assert_allclose(applied(fitted, WITH_GAPS), wanted[:, 0], rtol=1e-6)


@pytest.mark.parametrize("fill", ["mean", "median"])
@pytest.mark.parametrize(
    ("method", "scaler"),
    [
        (transform("scale_to_z_score"), StandardScaler()),
        (transform("scale_by_min_max"), MinMaxScaler()),
        (transform("scale_by_min_max", min=-1.0, max=3.0), MinMaxScaler((-1, 3))),
    ],
)
def test_scaling_after_a_filling_agrees_with_scikit_learn(method: Method, scaler: Any, fill: str) -> None:
    filled = SimpleImputer(strategy=fill).fit_transform(COLUMN)
    fitted = fit(FLOAT, [filling(fill), method], WITH_GAPS[:100], [], WITH_GAPS[100:])
    np.testing.assert_allclose(applied(fitted, WITH_GAPS), scaler.fit_transform(filled)[:, 0], rtol=1e-5, atol=1e-6)


def test_one_hot_vectors_agree_with_scikit_learn() -> None:
    draw = np.random.default_rng(2)
    train = draw.choice(["b", "a", "ü", "", "Z"], 300).tolist()
    other = [*draw.choice(["b", "a", "new"], 50).tolist(), "never seen"]
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(np.array(train, object)[:, None])
    fitted = fit(STRING, [transform("one_hot_encode")], train[:99], train[99:])
    assert np.array_equal(applied(fitted, other), encoder.transform(np.array(other, object)[:, None]))
    assert fitted.names == ["x=", "x=Z", "x=a", "x=b", "x=ü"]


@pytest.mark.parametrize(
    "methods", [["mean", "scale_to_z_score", "scale_by_min_max"], ["median", "scale_by_min_max", "scale_to_z_score"]]
)
def test_a_chain_is_fitted_in_one_pass_as_if_each_method_had_seen_its_own_input(methods: list[str]) -> None:
    column = SimpleImputer(strategy=methods[0]).fit_transform(COLUMN)
    for name in methods[1:]:
        column = (StandardScaler() if name == "scale_to_z_score" else MinMaxScaler()).fit_transform(column)
    fitted = fit(FLOAT, [filling(methods[0]), *map(transform, methods[1:])], WITH_GAPS)
    np.testing.assert_allclose(applied(fitted, WITH_GAPS), column[:, 0], rtol=1e-5, atol=1e-6)


def test_a_vocabulary_can_be_scaled() -> None:
    words = ["b", "a", "b", None, "c"]
    fitted = fit(
        STRING, [filling("mode"), transform("compute_and_apply_vocabulary"), transform("scale_to_z_score")], words
    )
    wanted = StandardScaler().fit_transform(np.array([[1.0], [0], [1], [1], [2]]))
    np.testing.assert_allclose(applied(fitted, words), wanted[:, 0], rtol=1e-6)


CELLS: dict[ValueType, st.SearchStrategy[Any]] = {
    INTEGER: st.integers(-(2**53), 2**53) | st.integers(-3, 3),
    FLOAT: st.floats(-1e9, 1e9) | st.sampled_from([0.0, -0.0, 1.5]),
    BOOLEAN: st.booleans(),
    STRING: st.text(max_size=5) | st.sampled_from(["a", "b"]),
}
CHAINS = [
    (INTEGER, [filling("median"), transform("scale_to_z_score")]),
    (INTEGER, [filling("mode"), transform("one_hot_encode", top_k=3, num_oov_buckets=2)]),
    (INTEGER, [transform("compute_and_apply_vocabulary", frequency_threshold=2, num_oov_buckets=3)]),
    (INTEGER, [filling("constant", value=0.5), transform("scale_by_min_max")]),
    (FLOAT, [filling("mean"), transform("scale_to_z_score")]),
    (FLOAT, [filling("mode"), transform("scale_by_min_max", min=-1.0)]),
    (FLOAT, [filling("min"), filling("max"), transform("no_transform")]),
    (BOOLEAN, [filling("mode"), transform("no_transform")]),
    (BOOLEAN, [filling("constant", value=True), transform("one_hot_encode")]),
    (STRING, [filling("mode"), transform("one_hot_encode", num_oov_buckets=1)]),
    (STRING, [filling("constant", value="?"), transform("compute_and_apply_vocabulary", top_k=2)]),
]


def learned(fitted: FittedChain) -> str:
    files = {number: dict.fromkeys(arrays, "") for number, arrays in fitted.arrays()}
    values = [array.to_pylist() for _, arrays in fitted.arrays() for array in arrays.values()]
    return repr((fitted.to_json(files), values))


@settings(deadline=None, max_examples=60)
@given(st.data(), st.sampled_from(CHAINS))
def test_a_row_alone_comes_out_bit_equal_to_the_row_in_a_batch(
    data: st.DataObject, chain: tuple[ValueType, list[Method]]
) -> None:
    kind, methods = chain
    cells = st.lists(st.none() | CELLS[kind], min_size=1, max_size=20)
    train = data.draw(cells)
    other = data.draw(cells)
    try:
        fitted = fit(kind, methods, train)
    except ValueError:
        return
    whole = fitted.apply(pa.array(other, ARROW[kind]))
    alone = [fitted.apply(pa.array([value], ARROW[kind])) for value in other]
    flat = [
        array.flatten() if pa.types.is_fixed_size_list(array.type) else array
        for array in (whole, pa.concat_arrays(alone))
    ]
    assert flat[0].to_numpy().tobytes() == flat[1].to_numpy().tobytes()


@settings(deadline=None, max_examples=60)
@given(st.data(), st.sampled_from(CHAINS))
def test_the_same_shards_give_the_same_bits_and_other_borders_the_same_values(
    data: st.DataObject, chain: tuple[ValueType, list[Method]]
) -> None:
    kind, methods = chain
    rows = data.draw(st.lists(st.none() | CELLS[kind], min_size=1, max_size=30))
    cut = data.draw(st.integers(0, len(rows)))
    try:
        parts = fit(kind, methods, rows[:cut], rows[cut:])
    except ValueError:
        with pytest.raises(ValueError, match=r"leave the column out|lower frequency_threshold"):
            fit(kind, methods, rows)
        return
    assert learned(parts) == learned(fit(kind, methods, rows[:cut], rows[cut:]))
    together = applied(fit(kind, methods, rows), rows)
    scale = max((abs(value) for value in rows if isinstance(value, int | float)), default=1.0)
    np.testing.assert_allclose(
        np.array(applied(parts, rows), float), np.array(together, float), rtol=1e-6, atol=1e-6 * max(1.0, scale)
    )


@pytest.mark.parametrize(
    ("methods", "train", "values", "wanted"),
    [
        (["scale_to_z_score"], [0.1, 0.1, 0.1], [0.1, 1.1, None], [0.0, 1.0, None]),
        (["scale_by_min_max"], [3.0, 3.0], [3.0, 4.0], [0.0, 1.0]),
        (["scale_to_z_score"], [1.0, 3.0, math.inf], [math.inf, -math.inf, 2.0], [math.inf, -math.inf, 0.0]),
        (["scale_by_min_max"], [0.0, 2.0, math.nan], [math.nan, 1.0, 4.0], [None, 0.5, 2.0]),
        (["no_transform"], [1.0], [1e300, None], [math.inf, None]),
    ],
)
def test_constant_missing_and_infinite_numbers_have_a_defined_outcome(
    methods: list[str], train: list[float], values: list[float | None], wanted: list[float | None]
) -> None:
    found = applied(fit(FLOAT, [transform(name) for name in methods], train), values)
    assert [None if math.isnan(value) else value for value in found] == pytest.approx(wanted)


def test_unknown_and_missing_categories_have_a_defined_outcome() -> None:
    train = ["a", "b", "b"]
    plain = fit(STRING, [transform("compute_and_apply_vocabulary", default_value=9)], train)
    assert applied(plain, ["a", "b", "?"]) == [0, 1, 9]
    assert math.isnan(applied(plain, [None])[0])
    bucketed = fit(STRING, [transform("compute_and_apply_vocabulary", num_oov_buckets=4)], train)
    assert {int(value) for value in applied(bucketed, [f"new {number}" for number in range(99)])} == {2, 3, 4, 5}
    vector = fit(STRING, [transform("one_hot_encode")], train)
    assert applied(vector, ["b", "?", None]) == [[0, 1], [0, 0], [0, 0]]
    other = fit(STRING, [transform("one_hot_encode", num_oov_buckets=1)], train)
    assert applied(other, ["b", "?", None]) == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert other.names == ["x=a", "x=b", "x=<other 0>"]


def test_rare_values_are_left_out_of_a_vocabulary() -> None:
    words = ["c", "c", "c", "a", "a", "b", "b", "d"]
    assert fit(STRING, [transform("one_hot_encode", top_k=2)], words).names == ["x=a", "x=c"]
    assert fit(STRING, [transform("one_hot_encode", frequency_threshold=2)], words).names == ["x=a", "x=b", "x=c"]
    assert fit(BOOLEAN, [transform("one_hot_encode")], [True, False]).names == ["x=false", "x=true"]
    assert fit(INTEGER, [transform("one_hot_encode")], [10, 9, -1]).names == ["x=-1", "x=9", "x=10"]


def test_the_mode_is_the_smallest_of_the_most_frequent_values() -> None:
    assert applied(fit(STRING, [filling("mode"), transform("compute_and_apply_vocabulary")], ["b", "a"]), [None]) == [0]
    assert applied(fit(FLOAT, [filling("mode")], [0.0, -0.0, 5.0, 5.0, -1.0]), [None]) == [0.0]


def test_the_median_of_large_numbers_does_not_overflow() -> None:
    assert applied(fit(FLOAT, [filling("median"), transform("scale_by_min_max")], [1.6e308, 1.7e308]), [None]) == [
        pytest.approx(0.5)
    ]
    assert applied(fit(INTEGER, [filling("median")], [3, 4, 4, 1]), [None]) == [3.5]


def test_labels_keep_their_precision_and_their_gaps() -> None:
    same = transform("no_transform")
    assert fit(FLOAT, [same], [0.1], label=True).apply(pa.array([0.1, None])).to_pylist() == [0.1, None]
    assert fit(INTEGER, [same], [1], label=True).apply(pa.array([2**62])).to_pylist() == [2**62]
    assert fit(BOOLEAN, [same], [True], label=True).apply(pa.array([True, None])).to_pylist() == [1, None]
    classes = fit(STRING, [transform("compute_and_apply_vocabulary"), same], ["no", "yes"], label=True)
    assert classes.apply(pa.array(["yes", "no", None, "?"])).to_pylist() == [1, 0, None, -1]
    assert classes.categories == ["no", "yes"]


@pytest.mark.parametrize(
    ("kind", "method", "train", "said"),
    [
        (FLOAT, filling("mean"), [math.inf, None], "no value to learn from"),
        (STRING, filling("mode"), [None], "no value to learn from"),
        (FLOAT, filling("median"), [], "no value to learn from"),
        (FLOAT, transform("scale_to_z_score"), [math.nan], "no finite value to learn from"),
        (STRING, transform("one_hot_encode"), [None], "no value to learn from"),
        (STRING, transform("one_hot_encode", frequency_threshold=2), ["a"], "lower frequency_threshold"),
        (INTEGER, transform("one_hot_encode"), list(range(1025)), "1,025 distinct values"),
    ],
)
def test_columns_that_teach_nothing_are_refused(kind: ValueType, method: Method, train: list[Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fit(kind, [method], train)


def test_many_distinct_values_are_counted_in_bounded_steps() -> None:
    values = np.random.default_rng(0).permutation(3_000_000)
    summary = Summary(INTEGER, [Need.COUNTS])
    for part in np.split(values, 30):
        summary.update(pa.array(part))
    assert summary.values().median() == 1_499_999.5
