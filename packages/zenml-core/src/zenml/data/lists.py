"""Lists: Arrow arrays of lists taken apart into lengths and values, and put together again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def is_list(kind: pa.DataType) -> bool:
    """Say whether the cells of an Arrow type are lists."""
    checks = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(check(kind) for check in (*checks, pa.types.is_list_view, pa.types.is_large_list_view))


@dataclass(frozen=True)
class Lists:
    """Lists, one a row, taken apart.

    Args:
        values: the values of all lists, one list after another.
        counts: how many of them each row has; none where there is no list.
        missing: which rows have no list; None where all have one.
    """

    values: pa.Array
    counts: npt.NDArray[np.int64]
    missing: npt.NDArray[np.bool_] | None

    @classmethod
    def of(cls, array: pa.Array) -> Lists:
        """Take an array of lists apart; values that belong to no list are left out."""
        lengths = pc.list_value_length(array)
        missing = np.asarray(lengths.is_null()) if lengths.null_count else None
        counts = np.asarray(lengths.fill_null(0) if missing is not None else lengths).astype(np.int64, copy=False)
        return cls(array.flatten(), counts, missing)

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """Return where the values of each row begin, and where the last ones end."""
        return np.concatenate(([0], np.cumsum(self.counts)))

    def array(self, length: int | None = None) -> pa.Array:
        """Put the lists together.

        Args:
            length: how many values each list has, for an array of lists of that fixed length.

        Raises:
            pa.ArrowInvalid: a list has another length.
        """
        mask = None if self.missing is None else pa.array(self.missing)
        if length is None:
            return pa.ListArray.from_arrays(pa.array(self.offsets, pa.int32()), self.values, mask=mask)
        if self.wrong_lengths(length).any():
            raise pa.ArrowInvalid(f"a list does not have {length} values")
        values = self.values
        if self.missing is not None:
            gone = np.repeat(self.missing, length)
            values = values.take(pa.array(np.cumsum(~gone) - 1, mask=gone))
        return pa.FixedSizeListArray.from_arrays(values, length, mask=mask)

    def wrong_lengths(self, length: int) -> npt.NDArray[np.bool_]:
        """Say which rows have a list of another length."""
        wrong: npt.NDArray[np.bool_] = self.counts != length
        return wrong if self.missing is None else wrong & ~self.missing
