"""Slices: the groups of rows that have the same values in some columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from zenml.data.metrics.outcomes import BLOCK
from zenml.errors import ConfigError
from zenml.steps.evaluator.columns import Coded, Value

MOST_GROUPS = 100
"""Groups that a slice reports, the largest ones; the others are counted together."""

_MOST_CODES = 1 << 62

Known = Callable[[int, int], npt.NDArray[np.bool_]]
"""Says of the rows from one to before another which of them have a true value."""


class SliceGroups:
    """The groups of a slice, as a `Grouping`: the largest ones, in order of their values.

    Args:
        columns: the columns of the slice by name.
        rows: how many rows there are.
        known: which of them count.

    Raises:
        ConfigError: the columns have more values together than can be told apart.
    """

    def __init__(self, columns: Mapping[str, Coded], rows: int, known: Known) -> None:
        self._columns = columns
        self._known = known
        counts = np.zeros(0, np.int64)
        combined = np.zeros(0, np.int64)
        if np.prod([float(len(column.values)) for column in columns.values()]) >= _MOST_CODES:
            what = f"the columns {', '.join(columns)} have too many values together to be crossed"
            raise ConfigError(what, "slices", "Cross fewer of them")
        for start in range(0, rows, BLOCK):
            stop = min(start + BLOCK, rows)
            codes, found = np.unique(self._combined(start, stop)[known(start, stop)], return_counts=True)
            combined, places = np.unique(np.concatenate([combined, codes]), return_inverse=True)
            counts = np.bincount(places, np.concatenate([counts, found]), minlength=len(combined)).astype(np.int64)
        largest = np.sort(np.lexsort((combined, -counts))[:MOST_GROUPS])
        self._told = combined[largest]
        self.sizes: Sequence[int] = counts[largest].tolist()
        self.values = [self._values(int(code)) for code in self._told]
        self.left_out = len(combined) - len(largest)
        self.rows_left_out = int(counts.sum() - counts[largest].sum())

    def numbers(self, start: int, stop: int) -> npt.NDArray[np.int64]:
        """Return the number of the group of each row, -1 for a row in none."""
        if len(self._told) == 0:
            return np.full(stop - start, -1, np.int64)
        combined = self._combined(start, stop)
        places = np.minimum(np.searchsorted(self._told, combined), len(self._told) - 1)
        return np.where((self._told[places] == combined) & self._known(start, stop), places, -1)

    def _combined(self, start: int, stop: int) -> npt.NDArray[np.int64]:
        combined = np.zeros(stop - start, np.int64)
        for column in self._columns.values():
            combined = combined * len(column.values) + column.codes(start, stop)
        return combined

    def _values(self, code: int) -> Mapping[str, Value]:
        found: dict[str, Value] = {}
        for name, column in reversed(list(self._columns.items())):
            code, place = divmod(code, len(column.values))
            found[name] = column.values[place]
        return dict(reversed(list(found.items())))


class KnownRows:
    """The rows that have a true value, as a `Grouping` of one group.

    Args:
        rows: how many of them there are.
        known: which they are.
    """

    def __init__(self, rows: int, known: Known) -> None:
        self._known = known
        self.sizes: Sequence[int] = (rows,)

    def numbers(self, start: int, stop: int) -> npt.NDArray[np.int64]:
        """Return 0 for each row with a true value, else -1."""
        return self._known(start, stop).astype(np.int64) - 1
