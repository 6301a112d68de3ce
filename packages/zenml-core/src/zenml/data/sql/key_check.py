"""KeyCheck: whether a key tells the rows apart that it orders."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.sql.reading import KEY
from zenml.errors import DataError


class KeyCheck:
    """Looks at the keys of ordered rows, batch by batch.

    Args:
        key: names of the columns.
        place: what to call the source in an error.
    """

    def __init__(self, key: Sequence[str], place: str) -> None:
        self._key = list(key)
        self._place = place
        self._last: pa.RecordBatch | None = None

    def look_at(self, batch: pa.RecordBatch) -> None:
        """Take the next rows.

        Raises:
            DataError: two rows have one key, or a key has no value.
        """
        if not self._key or not batch.num_rows:
            return
        keys = batch.select(self._key)
        if self._last is not None:
            keys = pa.concat_batches([self._last, keys])
        self._last = keys.slice(keys.num_rows - 1)
        empty = _any([pc.is_null(column) for column in keys.columns], pc.or_)
        if empty is not None:
            raise DataError(f"a row has no value in its key ({self._told(keys, empty)})", self._place, _MEND)
        pairs = [pc.equal(column.slice(1), column.slice(0, keys.num_rows - 1)) for column in keys.columns]
        twice = _any(pairs, pc.and_)
        if twice is not None:
            raise DataError(f"several rows have the key {self._told(keys, twice)}", self._place, _MEND)

    def _told(self, keys: pa.RecordBatch, row: int) -> str:
        return told_key(self._key, [column[row].as_py() for column in keys.columns])


_MEND = f"{KEY}: key=[…]"


def told_key(key: Sequence[str], values: Sequence[object]) -> str:
    """Return a key's names and values for an error."""
    texts = (value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values)
    shown = (str(text) if not isinstance(text, str | int | float | None) else repr(text) for text in texts)
    return ", ".join(f"{name}={value}" for name, value in zip(key, shown, strict=True))


def _any(masks: Sequence[pa.Array], join: object) -> int | None:
    """Return the first row where the joined masks hold."""
    joined = masks[0]
    for mask in masks[1:]:
        joined = join(joined, mask)  # type: ignore[operator] # a function of pyarrow.compute, which has no types
    place: int = pc.index(joined, True).as_py()
    return None if place < 0 else place
