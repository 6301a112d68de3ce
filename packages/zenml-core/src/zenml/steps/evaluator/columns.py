"""Columns: the cells by which rows are sliced, kept on disk as numbers until their values are known."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.metrics.outcomes import BLOCK
from zenml.data.schema import Feature, LogicalType
from zenml.steps.evaluator.spilling import Spilled

MOST_NUMBERS = 32
"""Distinct numbers of a column that each make a group; of more, quarters of the rows do."""

_MOST_TEXTS = 65_536
_NULL = -1
_OTHER = -2
_DIGIT = 16

Value = str | bool | int | float | None
"""What the rows of a group have in common in a column; None stands for missing cells."""


@dataclass(frozen=True)
class Coded:
    """A column by which rows are grouped.

    Args:
        codes: gives the position in `values` of each row's value, from a row to before another.
        values: the values, in order.
        notes: what a reader should know of how values became groups.
    """

    codes: Callable[[int, int], npt.NDArray[np.int64]]
    values: tuple[Value, ...]
    notes: tuple[str, ...] = ()


def coder(feature: Feature, path: Path) -> Numbers | Texts:
    """Return what collects and codes a column of that type, in files whose names begin with `path`."""
    return Numbers(feature, path) if feature.type.numeric else Texts(feature, path)


class Numbers:
    """Codes a numeric column: by value, or, of more than `MOST_NUMBERS` values, by quarters of the rows.

    Args:
        feature: the column.
        path: of its file.
    """

    def __init__(self, feature: Feature, path: Path) -> None:
        self._name = feature.name
        self._dtype = np.int64 if feature.type is LogicalType.INTEGER else np.float64
        self._cells = Spilled(path, self._dtype)
        self._missing = Spilled(path.with_name(f"{path.name}.missing"), np.bool_)
        self._lacks = False
        self._distinct: npt.NDArray[Any] = np.empty(0, self._dtype)

    def update(self, column: pa.Array) -> None:
        """Add the cells of a batch."""
        values = pc.fill_null(column, 0).to_numpy(zero_copy_only=False).astype(self._dtype)
        missing = column.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
        self._cells.append(values)
        self._missing.append(missing)
        self._lacks = self._lacks or bool(missing.any())
        if len(self._distinct) <= MOST_NUMBERS:
            self._distinct = np.unique(np.concatenate([self._distinct, values[~missing]]))

    def result(self) -> Coded:
        """Return the codes of all cells."""
        values, missing = self._cells.array(), self._missing.array()
        shown: list[Value] = [value.item() for value in self._distinct]
        notes: tuple[str, ...] = ()
        borders = self._distinct[1:]
        if len(self._distinct) > MOST_NUMBERS:
            notes = (f"{self._name} has more than {MOST_NUMBERS} values: its rows are sliced by quarters",)
            cut = np.unique(_quarters(values, missing))
            borders = cut[1:-1]
            shown = [f"[{start.item()}, {end.item()})" for start, end in itertools.pairwise(cut)]
            shown[-1] = f"[{cut[-2].item()}, {cut[-1].item()}]"
        if self._lacks:
            shown.append(None)

        def codes(start: int, stop: int) -> npt.NDArray[np.int64]:
            found = np.searchsorted(borders, values[start:stop], side="right")
            return np.where(missing[start:stop], len(shown) - 1, found)

        return Coded(codes, tuple(shown), notes)


class Texts:
    """Codes a column of any other type by value, as text where it is neither text nor boolean.

    Args:
        feature: the column.
        path: of its file.
    """

    def __init__(self, feature: Feature, path: Path) -> None:
        self._name = feature.name
        self._type = feature.type
        self._numbers: dict[Any, int] = {}
        self._marks: set[int] = set()
        self._codes = Spilled(path, np.int32)

    def update(self, column: pa.Array) -> None:
        """Add the cells of a batch."""
        if self._type not in (LogicalType.STRING, LogicalType.BOOLEAN):
            column = column.cast(pa.utf8())
        encoded = column.dictionary_encode()
        numbers = [self._number(value) for value in encoded.dictionary.to_pylist()]
        codes = np.asarray([*numbers, _NULL], np.int32)
        self._codes.append(codes[pc.fill_null(encoded.indices, len(numbers)).to_numpy(zero_copy_only=False)])
        self._marks.update(number for number in numbers if number < 0)
        if column.null_count:
            self._marks.add(_NULL)

    def result(self) -> Coded:
        """Return the codes of all cells."""
        raw = self._codes.array()
        ordered: list[Value] = sorted(self._numbers)
        place = np.zeros(len(ordered) + 2, np.int64)
        place[[self._numbers[value] for value in ordered]] = np.arange(len(ordered))
        notes: tuple[str, ...] = ()
        for mark, value in ((_OTHER, "(other)"), (_NULL, None)):
            if mark in self._marks:
                place[mark] = len(ordered)
                ordered.append(value)
                if mark == _OTHER:
                    notes = (f"{self._name} has more than {_MOST_TEXTS} values: those that come later are one group",)
        return Coded(lambda start, stop: place[raw[start:stop]], tuple(ordered), notes)

    def _number(self, value: Any) -> int:
        if value not in self._numbers and len(self._numbers) >= _MOST_TEXTS:
            return _OTHER
        return self._numbers.setdefault(value, len(self._numbers))


def _quarters(values: npt.NDArray[Any], missing: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """Return the least value, the borders of the quarters, and the greatest, each a value of the column."""
    count = sum(int(np.count_nonzero(~missing[at : at + BLOCK])) for at in range(0, len(missing), BLOCK))
    ranks = [max(0, -(-count * quarter // 4) - 1) for quarter in range(5)]
    keys = _select(values, missing, ranks)
    bits = np.where(keys >> np.uint64(63), keys & np.uint64(2**63 - 1), ~keys)
    return (keys ^ np.uint64(2**63)).view(np.int64) if values.dtype.kind == "i" else bits.view(np.float64)


def _select(values: npt.NDArray[Any], missing: npt.NDArray[np.bool_], ranks: Sequence[int]) -> npt.NDArray[np.uint64]:
    """Return the keys of the values at some places of the sorted column, found digit by digit."""
    found = [0] * len(ranks)
    rests = list(ranks)
    for shift in range(64 - _DIGIT, -1, -_DIGIT):
        counts = np.zeros((len(ranks), 1 << _DIGIT), np.int64)
        for start in range(0, len(values), BLOCK):
            keys = _keys(values[start : start + BLOCK][~missing[start : start + BLOCK]])
            digits = ((keys >> np.uint64(shift)) & np.uint64((1 << _DIGIT) - 1)).astype(np.int64)
            above = keys >> np.uint64(shift + _DIGIT) if shift + _DIGIT < 64 else np.zeros_like(keys)
            for place, prefix in enumerate(found):
                counts[place] += np.bincount(digits[above == np.uint64(prefix)], minlength=1 << _DIGIT)
        for place in range(len(ranks)):
            totals = np.cumsum(counts[place])
            digit = int(np.searchsorted(totals, rests[place], side="right"))
            rests[place] -= int(totals[digit - 1]) if digit else 0
            found[place] = (found[place] << _DIGIT) | digit
    return np.array(found, np.uint64)


def _keys(values: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Return whole numbers in the order of the values."""
    bits = np.ascontiguousarray(values).view(np.uint64)
    top = np.uint64(2**63)
    if values.dtype.kind == "i":
        return bits ^ top
    bits = np.where(values == 0, np.uint64(0), bits)  # the two zeros are one value
    return np.where(bits & top, ~bits, bits | top)
