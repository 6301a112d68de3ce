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
