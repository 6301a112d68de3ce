"""The page of 200 columns, and of two versions side by side, in a browser: it is drawn, and asks no network."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from zenml.datasources import DataFrameDatasource

COLUMNS = 200


def table(seed: int, shift: float) -> pa.Table:
    """Return a table of columns of every type, some with missing cells."""
    chance = np.random.default_rng(seed)
    rows = 500
    made: list[Callable[[], pa.Array]] = [
        lambda: pa.array(chance.normal(shift, 1, rows), mask=chance.random(rows) < 0.1),
        lambda: pa.array(chance.integers(0, 10**6, rows)),
        lambda: pa.array(chance.choice(["red", "green", "<script src='http://x.test/y'></script>"], rows)),
        lambda: pa.array(chance.random(rows) < 0.3),
        lambda: pa.array([f"http://x.test/{number}" for number in chance.integers(0, 10**9, rows)]),
        lambda: pa.array(np.datetime64("2024-01-01", "us") + chance.integers(0, 10**7, rows).astype("timedelta64[s]")),
        lambda: pa.nulls(rows, pa.int64()),
    ]
    return pa.table({f"column_{number:03d}": made[number % len(made)]() for number in range(COLUMNS)})


def test_a_page_of_200_columns_and_two_versions_asks_no_network(project: Path, browse: Any) -> None:
    old = DataFrameDatasource(name="Wide", data=table(1, 0), tfrecord=False).commit()
    new = DataFrameDatasource(name="Wide", data=table(2, 1), tfrecord=False).commit()
    path = new.view_statistics(compare=old).path
    assert path is not None
    assert path.read_text().count('<section class="card"') == COLUMNS
    for width in (1280, 420):
        picture = project / f"{width}.png"
        assert browse(path, width, picture) == []
        assert struct.unpack(">II", picture.read_bytes()[16:24]) == (width, 1600)
        assert picture.stat().st_size > 30_000, "an empty page has one colour"

    careless = project / "careless.html"
    careless.write_text("<body><img src='http://x.test/picture.png'></body>")
    assert browse(careless, 420, project / "careless.png") == ["http://x.test/picture.png"], "else nothing is proven"
