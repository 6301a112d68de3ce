"""Cells: which texts are numbers, truth values or UTF-8, and their conversion."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.csv.form import FALSE_WORDS, TRUE_WORDS, CSVForm
from zenml.data.schema import LogicalType
from zenml.data.tables.convert import reason
from zenml.data.tables.fitting import fitting_timestamps
from zenml.data.tables.timestamps import parse_timestamps

Mask = npt.NDArray[np.bool_]

_INTEGER = r"^-?[0-9]+$"
_FLOAT = r"(?i)^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$|^[+-]?(inf|infinity|nan)$"
_X, _LOWER_CASE = ord("x"), 0x20
_PROBE = 64
_SURE_DIGITS = 18
_LOW, _HIGH = -(1 << 63), (1 << 63) - 1

WHAT = {
    LogicalType.INTEGER: "not an integer",
    LogicalType.FLOAT: "not a number",
    LogicalType.BOOLEAN: "neither true nor false",
    LogicalType.STRING: "not UTF-8 text",
    LogicalType.TIMESTAMP: reason(LogicalType.TIMESTAMP, pa.string()),
}


class Cells:
    """The cells of one column of a batch, as texts.

    Args:
        raw: a binary array; null where an unquoted cell is a null marker.
        form: says what the null markers are.
    """

    def __init__(self, raw: pa.Array, form: CSVForm) -> None:
        self.raw = raw
        text = raw.cast(options=pc.CastOptions(pa.string(), allow_invalid_utf8=True))
        trimmed = pc.ascii_trim(text, " \t")
        marked = pc.is_in(trimmed, value_set=pa.array(form.null_values, pa.string()))
        self.text = pc.if_else(marked, pa.scalar(None, pa.string()), trimmed)

    def valid(self) -> Mask:
        """Say which cells hold a value, once blanks are cut off and quotes do not matter."""
        return _mask(pc.is_valid(self.text))

    def floats(self) -> Mask:
        """Say which cells are numbers."""
        return self.valid() if self._converts(pa.float64()) else self._matches(_FLOAT)

    def _converts(self, kind: pa.DataType) -> bool:
        """Say whether Arrow converts all cells, which costs a fraction of matching a pattern, and mostly succeeds."""
        try:
            # Arrow puts each failure into words; where there are many, the first cells have one already.
            self.text.slice(0, _PROBE).cast(kind)
            self.text.cast(kind)
        except pa.ArrowInvalid:
            return False
        return True

    def all_integers(self) -> bool:
        """Say whether all values are integers of 64 bits."""
        return self._converts(pa.int64()) and not has_hexadecimal(self.text)

    def integers(self) -> Mask:
        """Say which cells are written as integers, whatever their size."""
        return self._matches(_INTEGER)

    def _matches(self, pattern: str) -> Mask:
        """Say which cells match; each distinct text is matched once."""
        coded = self.text.dictionary_encode()
        return _mask(pc.match_substring_regex(coded.dictionary, pattern).take(coded.indices))

    def fitting_integers(self) -> Mask:
        """Say which cells are integers of 64 bits."""
        found = self.integers()
        unsure = np.flatnonzero(found & (pc.binary_length(self.text).fill_null(0).to_numpy() > _SURE_DIGITS))
        for place in unsure:
            digits = self.text[place].as_py()
            found[place] = len(digits.lstrip("-0")) < 20 and _LOW <= int(digits) <= _HIGH
        return found

    def booleans(self) -> Mask:
        """Say which cells are words for true or false."""
        return _mask(pc.is_in(self.text, value_set=pa.array([*TRUE_WORDS, *FALSE_WORDS])))

    def utf8(self) -> Mask:
        """Say which cells are UTF-8 without null bytes, or null."""
        found = ~self.null_bytes()
        try:
            self.raw.cast(pa.string())
        except pa.ArrowInvalid:
            found &= np.array([_is_utf8(cell) for cell in self.raw.to_pylist()], bool)
        return found

    def null_bytes(self) -> Mask:
        """Say which cells hold a null byte."""
        return _mask(pc.match_substring(self.raw, "\0"))

    def timestamps(self) -> Mask:
        """Say which cells are dates or times that exist."""
        return fitting_timestamps(self.text)

    def good(self, kind: LogicalType) -> Mask:
        """Say which cells a column of this type can hold."""
        if kind is LogicalType.BYTES:
            return np.ones(len(self.raw), bool)
        if kind is LogicalType.STRING:
            return self.utf8()
        if kind is LogicalType.INTEGER and self.all_integers():
            return np.ones(len(self.raw), bool)
        parse = {
            LogicalType.INTEGER: self.fitting_integers,
            LogicalType.FLOAT: self.floats,
            LogicalType.BOOLEAN: self.booleans,
            LogicalType.TIMESTAMP: self.timestamps,
        }[kind]
        return parse() | ~self.valid()

    def convert(self, kind: LogicalType) -> pa.Array:
        """Return the column in its type; all its cells must be `good`."""
        if kind is LogicalType.BYTES:
            return self.raw
        if kind is LogicalType.STRING:
            return self.raw.cast(pa.string())
        if kind is LogicalType.BOOLEAN:
            known = pc.is_in(self.text, value_set=pa.array(TRUE_WORDS))
            return pc.if_else(pc.is_valid(self.text), known, pa.scalar(None, pa.bool_()))
        if kind is LogicalType.TIMESTAMP:
            return parse_timestamps(self.text)
        return self.text.cast(kind.arrow)

    def reasons(self, kind: LogicalType, places: npt.NDArray[np.intp]) -> npt.NDArray[np.object_]:
        """Say of bad cells why a column of this type cannot hold them."""
        found = np.full(len(places), WHAT[kind], object)
        if kind is LogicalType.INTEGER:
            found[self.integers()[places]] = "beyond the range of 64-bit integers"
        elif kind is LogicalType.STRING:
            found[self.null_bytes()[places]] = "text with a null byte"
        return found

    def shown(self, place: int) -> str:
        """Return a cell for a message."""
        cell: bytes | None = self.raw[place].as_py()
        return (cell or b"").decode("utf-8", "backslashreplace")[:80]


def has_hexadecimal(text: pa.Array) -> bool:
    """Say whether integers as Arrow reads them include hexadecimal ones, which are none here."""
    data = text.buffers()[2]
    letters = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    if not ((letters | _LOWER_CASE) == _X).any():
        return False
    return bool(pc.any(pc.match_substring(text, "x", ignore_case=True)).as_py())


def _mask(array: pa.Array) -> Mask:
    found: Mask = array.fill_null(False).to_numpy(zero_copy_only=False)
    return found.copy()


def _is_utf8(cell: bytes | None) -> bool:
    try:
        (cell or b"").decode()
    except UnicodeDecodeError:
        return False
    return True
