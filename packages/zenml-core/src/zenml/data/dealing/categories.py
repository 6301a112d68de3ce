"""CategoryDealer: deals rows by the category in one column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.dealing.dealer import Dealer, Places
from zenml.data.dealing.hashed import RowDealer
from zenml.data.schema import LogicalType

BY_ROW = -2
"""The place of a category whose rows are dealt out by a hash of their number."""


class CategoryDealer(Dealer):
    """Deals by the category in a column.

    Params: `column`, `type` (its logical type), `categories` (values of it; None stands for missing cells), `places`
    (of each category: a split, `SKIP`, or `BY_ROW`), `unknown` (the place of all others); `borders` and `seed`, as of
    `RowDealer`, where any place is `BY_ROW`.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params)
        self._known = pa.array(params["categories"], LogicalType(params["type"]).arrow)
        self._places = np.array([*params["places"], params["unknown"]], np.int64)
        self._rows = RowDealer(params) if "borders" in params else None
        self._counts = np.zeros(len(self._places), np.int64)

    def places(self, batch: pa.RecordBatch, first: int) -> Places:
        """Return the place of each row."""
        found = pc.index_in(batch.column(self.params["column"]), value_set=self._known)
        which = pc.fill_null(found, len(self._known)).to_numpy(zero_copy_only=False)
        self._counts += np.bincount(which, minlength=len(self._counts))
        places: Places = self._places[which]
        if self._rows is not None:
            by_row = places == BY_ROW
            places[by_row] = self._rows.places(batch, first)[by_row]
        return places

    def facts(self) -> dict[str, Any]:
        """Return the rows of each category, those of all others last."""
        return {"counts": self._counts}
