from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from zenml.data.metrics import exact_sum
from zenml.data.metrics.exact_sum import ExactSums, product_error

floats = st.floats(allow_nan=False, allow_infinity=False)


def sums(numbers: list[int], values: list[float], groups: int = 3) -> ExactSums:
    made = ExactSums(groups)
    made.update(np.array(numbers, np.int64), np.array(values, np.float64))
    return made


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), floats), max_size=60), st.randoms(), st.integers(0, 60))
def test_sums_are_exact_in_any_order_and_cut(rows, random, cut):
    expected = [sum((Fraction(value) for n, value in rows if n == number), Fraction(0)) for number in range(3)]
    random.shuffle(rows)
    parts = [sums([n for n, _ in part], [value for _, value in part]) for part in (rows[:cut], rows[cut:])]
    parts[0].merge(parts[1])
    assert parts[0].result() == expected


@given(st.lists(st.floats(-1e150, 1e150), min_size=1, max_size=40))
def test_a_rounded_sum_is_that_of_fsum(values):
    (found,) = sums([0] * len(values), values, 1).result()
    assert float(found) == math.fsum(values)


def test_what_is_not_finite_marks_its_sum_alone():
    made = sums([0, 1, 1, 2], [1.0, np.inf, 2.0, np.nan])
    assert made.result() == [1, None, None]
    other = sums([0], [-np.inf])
    other.merge(made)
    assert other.result() == [None, None, None]


def test_sums_of_more_values_than_are_added_at_once(monkeypatch):
    monkeypatch.setattr(exact_sum, "_MOST", 64)
    values = np.random.default_rng(1).normal(size=1000)
    (found,) = sums([0] * len(values), values, 1).result()
    assert float(found) == math.fsum(values.tolist())


@given(st.lists(st.floats(1e-100, 1e100) | st.floats(-1e100, -1e-100), min_size=1))
def test_a_square_and_its_error_are_the_exact_square(values):
    array = np.array(values)
    squares = array * array
    for value, square, error in zip(values, squares.tolist(), product_error(array, squares).tolist(), strict=True):
        assert Fraction(square) + Fraction(error) == Fraction(value) ** 2
