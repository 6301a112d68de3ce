from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.data.schema import Schema
from zenml.data.statistics import TableState, TableStatistics
from zenml.data.statistics.comparing import BINS, common_bins, jensen_shannon
from zenml.reports import statistics_page
from zenml.reports.formats import moment_text, number_text, span_text


def statistics(**columns: object) -> TableStatistics:
    batch = pa.RecordBatch.from_pydict(columns)
    state = TableState(Schema.from_arrow(batch.schema), 0)
    state.update(batch)
    return state.result()


def card(html: str, name: str) -> str:
    found = re.search(rf'<section class="card" data-name="{name}".*?</section>', html)
    assert found
    return found[0]


def test_columns_stand_side_by_side_and_problems_are_pointed_out() -> None:
    chance = np.random.default_rng(1)
    train = statistics(
        same=chance.normal(0, 1, 3000), moved=chance.normal(0, 1, 3000), holes=[None, 1.0, None] * 1000,
        color=["red", "blue"] * 1500, constant=[7] * 3000,
    )  # fmt: skip
    other = statistics(
        same=chance.normal(0, 1, 1000), moved=chance.normal(2, 1, 1000), holes=[1.0, 2.0] * 500,
        color=["red"] * 1000, extra=["<b>x</b>"] * 1000,
    )  # fmt: skip
    html = statistics_page("A & B", {"train": train, "eval": other}).html
    assert "<title>A &amp; B</title>" in html
    assert "data-warn" not in card(html, "same")
    assert "Jensen-Shannon distance" in card(html, "moved")
    assert "67% of the cells are missing in train" in card(html, "holes")
    assert "L-infinity distance 0.50" in card(html, "color")
    assert "one value only in train" in card(html, "constant")
    assert "not in eval" in card(html, "constant")
    assert "<b>x</b>" not in html
    assert "6 columns, 5 with something to look at" in html


def test_small_samples_of_one_distribution_are_not_called_different() -> None:
    chance = np.random.default_rng(2)
    tables = {
        name: statistics(count=chance.poisson(4, size), kind=chance.choice(["a", "b", "c"], size).tolist())
        for name, size in (("train", 120), ("eval", 40))
    }
    assert "data-warn" not in statistics_page("t", tables).html


def test_the_page_refers_to_nothing_outside_itself(tmp_path: Path) -> None:
    page = statistics_page("t", {"all": statistics(a=[1, 2, 3], s=["x", None, "y"])})
    assert not re.search(r"(src|href)=|@import|url\(|https?://", page.html)
    written = page.write(tmp_path / "deep" / "page.html")
    assert written.path is not None
    assert written.path.read_text() == page.html
    assert "srcdoc" in page._repr_html_()


def test_an_empty_column_and_one_without_spread_are_drawn() -> None:
    html = statistics_page("t", {"all": statistics(none=pa.nulls(3, pa.float64()), one=[2.5, 2.5, 2.5])}).html
    assert "100% of the cells are missing" in card(html, "none")
    assert "<svg" in card(html, "one")


def test_moments_are_dates_and_their_spread_is_in_days() -> None:
    moments = np.array(["2024-01-01T00:00", "2024-01-03T12:30"], "datetime64[us]")
    html = card(statistics_page("t", {"all": statistics(at=moments)}).html, "at")
    assert "<span>2024-01-01 00:00</span><span>2024-01-03 12:30</span>" in html
    assert "2024-01-02 06:15" in html
    assert "1.782 days" in html


def test_values_that_occur_once_are_not_listed_and_small_shares_are_not_called_none() -> None:
    names = statistics(id=[f"n{n}" for n in range(100)], many=["x"] * 98 + ["y", "z"])
    page = statistics_page("t", {"all": names, "other": statistics(many=["x"] * 3000 + ["w"] * 9)})
    alone = statistics_page("t", {"all": names}).html
    assert "each value occurs once" in card(alone, "id")
    assert "n17" not in alone
    assert "98%" in card(alone, "many")
    assert "98% / &gt;99%" in card(page.html, "many")
    assert "0% / &lt;1%" in card(page.html, "many")


def test_only_with_more_than_two_tables_a_difference_says_between_which() -> None:
    tables = {"a": statistics(x=["r"] * 500), "b": statistics(x=["s"] * 500), "c": statistics(x=["r"] * 500)}
    assert "(a, b)" in statistics_page("t", tables).html
    assert "(a, b)" not in statistics_page("t", {"a": tables["a"], "b": tables["b"]}).html


def test_cards_are_wider_for_more_tables_and_their_figures_scroll() -> None:
    one = statistics(x=[1.0, 2.0])
    assert "--card:330px" in statistics_page("t", {"a": one, "b": one}).html
    page = statistics_page("t", dict.fromkeys("abcd", one)).html
    assert "--card:610px" in page
    assert '<div class="figures"><table>' in card(page, "x")


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (2009.0, "2009"), (1234.5, "1234"), (504_585.2, "504,585"), (1e15, "1e+15"), (0.00123456, "0.001235")],
)
def test_numbers_have_four_digits_or_all_before_the_point(number: float, text: str) -> None:
    assert number_text(number) == text


@pytest.mark.parametrize(
    ("span", "text"), [(5, "5 µs"), (2_500_000, "2.5 s"), (90e6, "1.5 min"), (7.2e9, "2 h"), (864e8 * 400, "400 days")]
)
def test_spans_are_in_the_largest_unit_that_they_fill(span: float, text: str) -> None:
    assert span_text(span) == text


def test_a_moment_beyond_the_calendar_is_a_number() -> None:
    assert moment_text(9e17) == "9e+17"


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_the_distance_is_symmetric_and_between_0_and_1(first: list[float], second: list[float]) -> None:
    distance = jensen_shannon(first, second)
    assert 0 <= distance <= 1
    assert distance == pytest.approx(jensen_shannon(second, first), abs=1e-7)
    assert jensen_shannon(first, first) == pytest.approx(0, abs=1e-7)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300)
)
def test_shares_on_the_common_axis_sum_to_one(first: list[float], second: list[float]) -> None:
    bins = common_bins([statistics(x=values).columns[0] for values in (first, second)])
    assert bins is not None
    for shares in bins[0]:
        assert len(shares) == BINS
        assert sum(shares) == pytest.approx(1, abs=1e-6)
