from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from zenml.data.tables.fitting import fitting_timestamps
from zenml.data.tables.timestamps import parse_timestamps

dates = st.dates().map(str) | st.from_regex(r"\A20[0-9]{2}-[0-3][0-9]-[0-3][0-9]\Z")
times = st.from_regex(r"\A[ T][0-2][0-9](:[0-6][0-9](:[0-6][0-9]([.,][0-9]{1,7})?)?)?\Z") | st.just("")
zones = st.sampled_from(["", "", "Z", "z", "+01", "-0230", "+02:00", "+25:00", "Q"])
texts = st.none() | st.tuples(dates, times, zones).map("".join) | st.text("0123456789-T: Z.+", max_size=30)


def fits(text: str | None) -> bool:
    try:
        parse_timestamps(pa.array([text], pa.string()))
    except pa.ArrowInvalid:
        return False
    return True


@given(st.lists(texts, max_size=20))
def test_texts_fit_if_they_can_be_read_one_by_one(table: list[str | None]) -> None:
    assert fitting_timestamps(pa.array(table, pa.string())).tolist() == [fits(text) for text in table]


def test_many_different_ones_that_do_not_exist_are_found() -> None:
    texts = [f"2023-02-30T{n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}.{n:06}" for n in range(50_000)]
    assert np.count_nonzero(fitting_timestamps(pa.array([*texts, "2023-02-28T10:00:00.5"]))) == 1
