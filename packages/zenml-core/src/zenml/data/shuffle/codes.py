"""KeyCodes: the keys of a partition as integers in the order of the keys, exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Codes = npt.NDArray[np.int64]


class KeyCodes:
    """Numbers the keys that occur in some rows, from 0, in the order of their first column, then of the second, and on.

    Args:
        keys: names of the key columns, whose cells are not missing where it matters.
        batches: streams the rows, as often as it is called.
    """

    def __init__(self, keys: Sequence[str], batches: Callable[[], Iterable[pa.RecordBatch]]) -> None:
        self._keys = list(keys)
        self._values: list[pa.Array] = []
        self._pairs: list[Codes] = []
        found: list[list[pa.Array]] = [[] for _ in self._keys]
        for batch in batches() if self._keys else ():
            for place, name in enumerate(self._keys):
                found[place].append(_comparable(batch.column(name)).unique())
        self._values = [_sorted_values(some) for some in found]
        for _ in self._keys[1:]:
            pairs = [np.unique(self._pair(batch)) for batch in batches()]
            self._pairs.append(np.unique(np.concatenate([np.empty(0, np.int64), *pairs])))

    def of(self, batch: pa.RecordBatch) -> Codes:
        """Return the code of each row's key; unspecified where a part of it is missing."""
        if not self._keys:
            return np.zeros(batch.num_rows, np.int64)
        codes = self._cells(batch, 0)
        for place, pairs in enumerate(self._pairs, 1):
            codes = np.searchsorted(pairs, codes * len(self._values[place]) + self._cells(batch, place))
        return codes

    def _pair(self, batch: pa.RecordBatch) -> Codes:
        """Return the codes up to the last level that is known, joined with the cells of the next column."""
        place = len(self._pairs) + 1
        codes = self._cells(batch, 0)
        for level, pairs in enumerate(self._pairs, 1):
            codes = np.searchsorted(pairs, codes * len(self._values[level]) + self._cells(batch, level))
        return codes * len(self._values[place]) + self._cells(batch, place)

    def _cells(self, batch: pa.RecordBatch, place: int) -> Codes:
        found = pc.index_in(_comparable(batch.column(self._keys[place])), value_set=self._values[place])
        codes: Codes = pc.fill_null(found, 0).to_numpy(zero_copy_only=False).astype(np.int64)
        return codes


def _comparable(array: pa.Array) -> pa.Array:
    return array.cast(pa.int8()) if pa.types.is_boolean(array.type) else array


def _sorted_values(found: list[pa.Array]) -> pa.Array:
    if not found:
        return pa.array([], pa.int64())
    values = pa.chunked_array(found).unique().drop_null()
    return values.take(pc.array_sort_indices(values))
