"""Times: columns of timestamps, of numbers, or of texts in ISO 8601, as numbers that can be compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.schema import LogicalType

TIME_TYPES = (LogicalType.INTEGER, LogicalType.FLOAT, LogicalType.TIMESTAMP, LogicalType.STRING)
"""Logical types that a column of times may have."""

_ZONE = r"(Z|[+-]\d{2}:?\d{2})$"
_MOST_BAD = 5
_TOP = np.uint64(1 << 63)


@dataclass(frozen=True)
class Times:
    """The times of some rows.

    Args:
        values: integers and floats as they are; timestamps and texts as microseconds since 1970, UTC where nothing else
            is said. Unspecified where missing.
        missing: which rows have none: empty cells, floats that are not a number, texts that are no time.
        bad: some of the texts that are no time.
        bad_rows: how many rows hold such.
    """

    values: npt.NDArray[np.int64] | npt.NDArray[np.float64]
    missing: npt.NDArray[np.bool_]
    bad: tuple[str, ...] = ()
    bad_rows: int = 0


def read_times(array: pa.Array) -> Times:
    """Return the times in a column."""
    bad: tuple[str, ...] = ()
    bad_rows = 0
    if pa.types.is_string(array.type):
        nulls = array.null_count
        array, bad = _parsed(array)
        bad_rows = array.null_count - nulls
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    missing = array.is_null().to_numpy(zero_copy_only=False)
    values = pc.fill_null(array, 0).to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f":
        missing = missing | np.isnan(values)
    return Times(values, missing, bad, bad_rows)


def parse_time(text: str) -> int:
    """Return a time in ISO 8601 as microseconds since 1970.

    Raises:
        ValueError: it is none.
    """
    times = read_times(pa.array([text], pa.utf8()))
    if times.missing[0]:
        raise ValueError(f"{text!r} is not a time in ISO 8601, as 2013-10-01 or 2013-10-01T06:30:00")
    return int(times.values[0])


def ordered(values: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> npt.NDArray[np.uint64]:
    """Return unsigned integers in the order of the numbers; 0.0 and -0.0 are equal."""
    if values.dtype.kind == "f":
        bits = (values + 0.0).view(np.uint64)
        return np.where(bits >> np.uint64(63), ~bits, bits | _TOP)
    return values.astype(np.int64, copy=False).view(np.uint64) ^ _TOP


def _parsed(array: pa.Array) -> tuple[pa.Array, tuple[str, ...]]:
    """Return texts as microseconds, null where they are none, and some of those that are none."""
    micro = pa.timestamp("us")
    for kind in (micro, pa.timestamp("us", "UTC")):
        try:
            return array.cast(kind).cast(pa.int64()), ()
        except pa.ArrowInvalid:
            continue
    cells = pc.utf8_trim_whitespace(array).dictionary_encode()
    found: list[int | None] = []
    bad: list[str] = []
    zoned = pc.match_substring_regex(cells.dictionary, _ZONE).to_pylist()
    for text, has_zone in zip(cells.dictionary.to_pylist(), zoned, strict=True):
        try:
            cell = pa.array([text]).cast(pa.timestamp("us", "UTC") if has_zone and ":" in text else micro)
            found.append(cell.cast(pa.int64())[0].as_py())
        except pa.ArrowInvalid:
            found.append(None)
            if len(bad) < _MOST_BAD:
                bad.append(text[:80])
    return pa.array(found, pa.int64()).take(cells.indices), tuple(bad)
