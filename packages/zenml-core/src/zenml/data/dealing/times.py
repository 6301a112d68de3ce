"""TimeDealer: deals rows by borders on a column of times or numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from zenml.data.dealing.dealer import Dealer, Places
from zenml.data.times import ordered, read_times


class TimeDealer(Dealer):
    """Deals by borders: a row goes into the split whose border, the first value that is too late, it stands before.

    Params: `column`, `borders` (in the order of `ordered`, one fewer than splits), `order` (the place of each part in
    the list of splits), `missing` (the place of rows without a time).
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params)
        self._borders = np.array(params["borders"], np.uint64)
        self._order = np.array(params["order"], np.int64)
        self._missing = self._bad_rows = 0
        self._bad: list[str] = []

    def places(self, batch: pa.RecordBatch, first: int) -> Places:
        """Return the place of each row."""
        times = read_times(batch.column(self.params["column"]))
        places = self._order[np.searchsorted(self._borders, ordered(times.values), side="right")]
        places[times.missing] = self.params["missing"]
        self._missing += int(np.count_nonzero(times.missing))
        self._bad_rows += times.bad_rows
        self._bad += times.bad
        return places

    def facts(self) -> dict[str, Any]:
        """Return how many rows have no time, in how many of them stands something else, and examples of that."""
        return {"missing": self._missing, "bad_rows": self._bad_rows, "bad": self._bad[:1]}
