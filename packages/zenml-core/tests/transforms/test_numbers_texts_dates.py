"""The transforms that learn little or nothing: ranges, logarithms, buckets, hashes and dates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from chains_for_tests import learn
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, StandardScaler

from zenml.data.transforms import FILLINGS, TRANSFORMS, Chain, FittedChain, Fitting, Method
from zenml.data.transforms.values import ARROW, ValueType

INTEGER, FLOAT, STRING, TIMESTAMP = ValueType.INTEGER, ValueType.FLOAT, ValueType.STRING, ValueType.TIMESTAMP


def transform(name: str, **parameters: Any) -> Method:
    return TRANSFORMS[name](**parameters)


def fit(kind: ValueType, methods: Sequence[Method], *shards: Sequence[Any]) -> tuple[FittedChain, int]:
    return learn(Chain("x", kind, False, tuple(methods)), *(pa.array(shard, ARROW[kind]) for shard in shards))


def applied(fitted: FittedChain, values: Sequence[Any]) -> list[Any]:
    return fitted.apply(pa.array(values, ARROW[fitted.chain.kind])).to_pylist()


NUMBERS = np.random.default_rng(3).gamma(2, 20, 1500)


def test_scaling_to_0_1_agrees_with_scikit_learn() -> None:
    fitted, passes = fit(FLOAT, [transform("scale_to_0_1")], NUMBERS[:400], NUMBERS[400:])
    wanted = MinMaxScaler().fit_transform(NUMBERS[:, None])[:, 0]
    np.testing.assert_allclose(applied(fitted, NUMBERS), wanted, atol=1e-6)
    assert passes == 1
    assert applied(fit(FLOAT, [transform("scale_to_0_1")], [2.0, 2.0])[0], [2.0, None])[0] == 0


@pytest.mark.parametrize("borders", [(10.0, 50.0), (None, 50.0), (10.0, None)])
def test_clipping_agrees_with_numpy(borders: tuple[float | None, float | None]) -> None:
    given = {name: value for name, value in zip(("min", "max"), borders, strict=True) if value is not None}
    fitted, passes = fit(FLOAT, [transform("clip", **given)], NUMBERS)
    np.testing.assert_allclose(applied(fitted, NUMBERS), np.clip(NUMBERS, *borders), rtol=1e-6)
    assert passes == 0


def test_missing_and_infinite_numbers_have_a_defined_outcome_when_clipped_or_logged() -> None:
    clipped = applied(fit(INTEGER, [transform("clip", min=0, max=5)], [1])[0], [None, 9, -9])
    assert math.isnan(clipped[0])
    assert clipped[1:] == [5, 0]
    assert applied(fit(FLOAT, [transform("clip", max=5.0)], [1.0])[0], [math.inf, -math.inf]) == [5, -math.inf]
    logged = applied(fit(FLOAT, [transform("log", floor=0.5)], [1.0])[0], [None, -1.0, -9.0, 0.0, math.inf, -math.inf])
    assert math.isnan(logged[0])
    assert logged[1:] == pytest.approx([math.log(0.5), math.log(0.5), 0, math.inf, math.log(0.5)])


def test_logarithms_agree_with_numpy() -> None:
    np.testing.assert_allclose(applied(fit(FLOAT, [transform("log")], [])[0], NUMBERS), np.log1p(NUMBERS), rtol=1e-6)
    plain = fit(FLOAT, [transform("log", offset=0)], [])[0]
    np.testing.assert_allclose(applied(plain, NUMBERS), np.log(NUMBERS), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("buckets", [2, 5, 40])
def test_quantile_buckets_agree_with_scikit_learn(buckets: int) -> None:
    column = np.round(NUMBERS, 0)
    reference = KBinsDiscretizer(buckets, encode="ordinal", strategy="quantile", quantile_method="linear").fit(
        column[:, None]
    )
    fitted, passes = fit(FLOAT, [transform("bucketize", num_buckets=buckets)], column[:300], column[300:])
    boundaries = fitted.fitted[0].to_json()["boundaries"]
    np.testing.assert_allclose(boundaries, reference.bin_edges_[0][1:-1], rtol=1e-12)
    assert applied(fitted, column) == reference.transform(column[:, None])[:, 0].tolist()
    assert passes == 1


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60), st.integers(2, 12), st.integers(0, 60))
def test_boundaries_are_numpys_quantiles_however_the_rows_are_cut(rows: list[int], buckets: int, cut: int) -> None:
    fitted, _ = fit(INTEGER, [transform("bucketize", num_buckets=buckets)], rows[:cut], rows[cut:])
    wanted = np.unique(np.quantile(rows, np.arange(1, buckets) / buckets))
    wanted = wanted[wanted > min(rows)]
    np.testing.assert_allclose(fitted.fitted[0].to_json()["boundaries"], wanted, rtol=1e-12, atol=1e-12)


def test_given_boundaries_need_no_pass() -> None:
    fitted, passes = fit(FLOAT, [transform("bucketize", boundaries=[0, 10.5])], NUMBERS)
    found = applied(fitted, [-1.0, 0.0, 10.0, 10.5, math.inf, None])
    assert found[:5] == [0, 1, 1, 2, 2]
    assert math.isnan(found[5])
    assert passes == 0


def test_buckets_can_be_one_hot_encoded_in_the_same_pass() -> None:
    fitted, passes = fit(FLOAT, [transform("bucketize", num_buckets=4), transform("one_hot_encode")], NUMBERS)
    assert np.asarray(applied(fitted, NUMBERS)).sum(0) == pytest.approx([375] * 4)
    assert passes == 1


def test_quantiles_near_the_end_of_the_range_do_not_overflow() -> None:
    fitted, _ = fit(FLOAT, [transform("bucketize", num_buckets=2)], [-1.7e308, 1.7e308])
    assert applied(fitted, [-1.0, 1.0]) == [0, 1]


def documented_hash(text: str, key: int) -> int:
    word = 1 << 64

    def finalise(value: int) -> int:
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % word
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB % word
        return value ^ (value >> 31)

    data = text.encode()
    total = sum((byte + 1) * pow(0x100000001B3, place + 1, word) for place, byte in enumerate(data)) % word
    hashed = finalise(finalise((len(data) + 0x9E3779B97F4A7C15) % word) ^ total)
    return finalise((hashed + finalise(key % word)) % word) if key else hashed


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(max_size=9), min_size=1, max_size=12), st.integers(-(2**63), 2**63), st.integers(1, 1000))
def test_the_hash_is_the_documented_one(texts: list[str], key: int, buckets: int) -> None:
    fitted, passes = fit(STRING, [transform("hash_strings", num_buckets=buckets, key=key)], [])
    assert applied(fitted, texts) == [documented_hash(text, key) % buckets for text in texts]
    assert passes == 0


def test_hashed_texts_may_come_out_as_vectors() -> None:
    fitted, _ = fit(STRING, [transform("hash_strings", num_buckets=4, one_hot=True)], [])
    numbers, _ = fit(STRING, [transform("hash_strings", num_buckets=4)], [])
    vectors = np.asarray(applied(fitted, ["a", "b", "", None]))
    assert vectors[:3].argmax(1).tolist() == applied(numbers, ["a", "b", ""])
    assert vectors.sum(1).tolist() == [1, 1, 1, 0]
    assert math.isnan(applied(numbers, [None])[0])
    assert fitted.names == [f"x=<hash {number}>" for number in range(4)]
    assert fitted.output_type == pa.list_(pa.float32(), 4)


MOMENTS = [datetime(2024, 2, 29, 23, 59, 58), datetime(1969, 12, 31, 1, 2, 3), datetime(2026, 7, 6)]  # noqa: DTZ001 - local times, as a table has them
WANTED = {
    "year": [2024, 1969, 2026],
    "quarter": [1, 4, 3],
    "month": [2, 12, 7],
    "day": [29, 31, 6],
    "day_of_year": [60, 365, 187],
    "weekday": [3, 2, 0],
    "hour": [23, 1, 0],
    "minute": [59, 2, 0],
    "second": [58, 3, 0],
}


@pytest.mark.parametrize("part", WANTED)
def test_parts_of_timestamps_and_of_texts(part: str) -> None:
    found = applied(fit(TIMESTAMP, [transform("date_part", part=part)], [])[0], [*MOMENTS, None])
    assert found[:3] == WANTED[part]
    assert math.isnan(found[3])
    texts = ["2024-02-29T23:59:58", "1969-12-31 01:02:03", "2026-07-06", None]
    assert applied(fit(STRING, [transform("date_part", part=part)], [])[0], texts)[:3] == WANTED[part]


@pytest.mark.parametrize(
    ("part", "first", "period"), [("month", 1, 12), ("hour", 0, 24), ("weekday", 0, 7), ("day", 1, 31)]
)
def test_cyclic_parts_are_points_on_a_circle(part: str, first: int, period: int) -> None:
    fitted, _ = fit(TIMESTAMP, [transform("date_part", part=part, cyclic=True)], [])
    turn = 2 * np.pi * (np.array(WANTED[part]) - first) / period
    np.testing.assert_allclose(applied(fitted, MOMENTS), np.transpose([np.sin(turn), np.cos(turn)]), atol=1e-6)
    assert np.isnan(applied(fitted, [None])).all()
    assert fitted.names == ["x.sin", "x.cos"]


def test_offsets_from_utc_are_counted() -> None:
    hours, _ = fit(STRING, [transform("date_part", part="hour")], [])
    texts = ["2026-03-01T18:30:00+01:00", "2026-03-01 18:30:00Z", "2026-03-01T18:30", "2026-03-01T00:10:00-0330"]
    assert applied(hours, texts) == [17, 18, 18, 3]
    zoned = pa.array([datetime(2026, 3, 1, 18, tzinfo=UTC)], pa.timestamp("s", "Europe/Oslo"))
    assert fit(TIMESTAMP, [transform("date_part", part="hour")], [])[0].apply(zoned).to_pylist() == [18]


@pytest.mark.parametrize("text", ["2026-02-30", "yesterday", "", "2026-13-01T00:00:00Z"])
def test_a_text_that_is_no_date_is_named(text: str) -> None:
    fitted, _ = fit(STRING, [transform("date_part", part="hour")], [])
    with pytest.raises(ValueError, match=f"{text!r} is no date"):
        applied(fitted, ["2026-02-28", None, "2026-02-28T00:00:00Z", text])


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("clip", {}, "neither min nor max"),
        ("clip", {"min": 2, "max": 1}, "min must not be above max"),
        ("log", {"floor": 0}, "greater than 0"),
        ("bucketize", {}, "either num_buckets or boundaries"),
        ("bucketize", {"num_buckets": 3, "boundaries": [1]}, "either num_buckets or boundaries"),
        ("bucketize", {"boundaries": [1, 1]}, "must ascend"),
        ("hash_strings", {}, "num_buckets"),
        ("hash_strings", {"num_buckets": 2000, "one_hot": True}, "at most 1,024"),
        ("date_part", {"part": "century"}, "part"),
        ("date_part", {"part": "year", "cyclic": True}, "does not come again"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(name: str, parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        transform(name, **parameters)


def filled(name: str, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    known = values[~np.isnan(values)]
    number = {"mean": known.mean(), "median": np.median(known), "min": known.min(), "constant": 3.0}[name]
    return np.where(np.isnan(values), number, values)


@pytest.mark.parametrize("filling", ["mean", "median", "min", "constant"])
@pytest.mark.parametrize("kind", [FLOAT, INTEGER])
def test_what_fills_or_learns_nothing_before_a_scaler_needs_no_pass_of_its_own(filling: str, kind: ValueType) -> None:
    values = np.round(NUMBERS) if kind is INTEGER else NUMBERS
    gone = np.random.default_rng(0).random(len(values)) < 0.2
    cells = [None if missing else value for missing, value in zip(gone, values.tolist(), strict=True)]
    if kind is INTEGER:
        cells = [None if cell is None else int(cell) for cell in cells]
    fill = FILLINGS[filling](**({"value": 3} if filling == "constant" else {}))
    fitted, passes = fit(
        kind,
        [fill, transform("clip", max=90.0), transform("log"), transform("scale_to_z_score")],
        cells[:500],
        cells[500:],
    )
    logged = np.log1p(np.minimum(filled(filling, np.where(gone, np.nan, values)), 90))
    wanted = StandardScaler().fit_transform(logged[:, None])[:, 0]
    np.testing.assert_allclose(applied(fitted, cells), wanted, rtol=1e-5, atol=1e-6)
    assert passes == 1


def test_a_logarithm_of_what_was_scaled_takes_a_second_pass() -> None:
    methods = [transform("scale_to_0_1"), transform("log"), transform("scale_to_z_score"), transform("clip", min=-2.0)]
    fitted, passes = fit(FLOAT, methods, NUMBERS[:100], NUMBERS[100:])
    logged = np.log1p(MinMaxScaler().fit_transform(NUMBERS[:, None]))
    wanted = np.maximum(StandardScaler().fit_transform(logged)[:, 0], -2)
    np.testing.assert_allclose(applied(fitted, NUMBERS), wanted, rtol=1e-5, atol=1e-6)
    assert passes == 2


CELLS: dict[ValueType, st.SearchStrategy[Any]] = {
    INTEGER: st.integers(-(2**53), 2**53) | st.integers(-3, 3),
    FLOAT: st.floats(-1e9, 1e9) | st.sampled_from([0.0, -0.0, 1.5]),
    STRING: st.text(max_size=5) | st.sampled_from(["", "a"]),
    TIMESTAMP: st.datetimes(),
}
CHAINS = [
    (FLOAT, [transform("scale_to_0_1"), transform("log")]),
    (
        FLOAT,
        [FILLINGS["mean"](), transform("clip", min=-5.0, max=5.0), transform("log"), transform("scale_to_z_score")],
    ),
    (INTEGER, [FILLINGS["mode"](), transform("bucketize", num_buckets=3), transform("one_hot_encode")]),
    (FLOAT, [transform("bucketize", boundaries=[-1.0, 0.0, 1.0])]),
    (STRING, [transform("hash_strings", num_buckets=7, key=3)]),
    (STRING, [transform("hash_strings", num_buckets=5, one_hot=True)]),
    (STRING, [transform("hash_strings", num_buckets=9), transform("scale_to_z_score")]),
    (TIMESTAMP, [transform("date_part", part="hour", cyclic=True)]),
    (TIMESTAMP, [transform("date_part", part="weekday"), transform("one_hot_encode")]),
    (STRING, [transform("hash_strings", num_buckets=9), transform("one_hot_encode")]),
    (TIMESTAMP, [transform("date_part", part="day_of_year"), transform("scale_to_0_1")]),
]


def bits(array: pa.Array) -> bytes:
    flat = array.flatten() if pa.types.is_fixed_size_list(array.type) else array
    return bytes(np.asarray(flat.to_numpy(zero_copy_only=False)).tobytes())


@settings(deadline=None, max_examples=80)
@given(st.data(), st.sampled_from(CHAINS), st.integers(0, 20))
def test_a_row_alone_comes_out_bit_equal_to_the_row_in_a_batch(
    data: st.DataObject, chain: tuple[ValueType, list[Method]], cut: int
) -> None:
    kind, methods = chain
    cells = st.lists(st.none() | CELLS[kind], min_size=1, max_size=20)
    train, other = data.draw(cells), data.draw(cells)
    try:
        fitted, _ = fit(kind, methods, train[:cut], train[cut:])
    except ValueError:
        return
    whole = fitted.apply(pa.array(other, ARROW[kind]))
    alone = [fitted.apply(pa.array([value], ARROW[kind])) for value in other]
    assert bits(whole) == bits(pa.concat_arrays(alone))
    again, _ = fit(kind, methods, train[:cut], train[cut:])
    assert bits(again.apply(pa.array(other, ARROW[kind]))) == bits(whole)


def test_many_dates_are_taken_at_once() -> None:
    start = datetime(2000, 1, 1)  # noqa: DTZ001 - a local time, as a table has it
    days = [start + timedelta(days=number) for number in range(4000)]
    found = applied(fit(TIMESTAMP, [transform("date_part", part="weekday")], [])[0], days)
    assert found == [day.weekday() for day in days]


@pytest.mark.parametrize(
    ("kind", "method"),
    [(TIMESTAMP, transform("date_part", part="weekday")), (STRING, transform("hash_strings", num_buckets=9))],
)
def test_what_has_fewer_values_is_counted_and_not_the_raw_values(kind: ValueType, method: Method) -> None:
    (tap,) = Fitting(Chain("x", kind, False, (method, transform("one_hot_encode")))).taps
    assert (tap.position, tap.empty.kind) == (1, INTEGER)
