"""Slices: the groups of rows that have the same values in some columns."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.schema import Feature, LogicalType

MOST_NUMBERS = 32
"""Distinct numbers of a column that each make a group; of more, quarters of the rows do."""

MOST_GROUPS = 100
"""Groups that a slice reports, the largest ones; the others are counted together."""

_MOST_TEXTS = 65_536
_NULL = -1
_OTHER = -2

Value = str | bool | int | float | None
"""What the rows of a group have in common in a column; None stands for missing cells."""


@dataclass(frozen=True)
class Coded:
    """A column by which rows are grouped.

    Args:
        codes: for each row the position of its value in `values`, int32.
        values: the values, in order.
        notes: what a reader should know of how values became groups.
    """

    codes: npt.NDArray[np.int32]
    values: tuple[Value, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Rows with the same values.

    Args:
        values: the value of each column of the slice.
        rows: indices of the rows, ascending.
    """

    values: Mapping[str, Value]
    rows: npt.NDArray[np.int64]


def groups(columns: Mapping[str, Coded]) -> tuple[list[Group], list[Group]]:
    """Group rows by their values in all of `columns`.

    Returns:
        the groups to report, in order of their values, and those beyond `MOST_GROUPS`.
    """
    combined = np.zeros(len(next(iter(columns.values())).codes), np.int64)
    for column in columns.values():
        _, combined = np.unique(combined * len(column.values) + column.codes, return_inverse=True)
    order = np.argsort(combined, kind="stable")
    borders = np.flatnonzero(np.diff(combined[order])) + 1
    found = []
    for rows in np.split(order, borders) if len(order) else ():
        values = {name: column.values[column.codes[rows[0]]] for name, column in columns.items()}
        found.append(Group(values, rows))
    largest = sorted(range(len(found)), key=lambda number: (-len(found[number].rows), number))
    kept = set(largest[:MOST_GROUPS])
    return (
        [group for number, group in enumerate(found) if number in kept],
        [group for number, group in enumerate(found) if number not in kept],
    )


def coder(feature: Feature) -> Numbers | Texts:
    """Return what collects and codes a column of that type."""
    return Numbers(feature) if feature.type.numeric else Texts(feature)


class Numbers:
    """Codes a numeric column: by value, or, of more than `MOST_NUMBERS` values, by quarters of the rows.

    Args:
        feature: the column.
    """

    def __init__(self, feature: Feature) -> None:
        self._name = feature.name
        self._dtype = np.int64 if feature.type is LogicalType.INTEGER else np.float64
        self._values: list[npt.NDArray[Any]] = []
        self._known: list[npt.NDArray[np.bool_]] = []

    def update(self, column: pa.Array) -> None:
        """Add the cells of a batch."""
        values = pc.fill_null(column, 0).to_numpy(zero_copy_only=False).astype(self._dtype)
        known = column.is_valid().to_numpy(zero_copy_only=False)
        if self._dtype is np.float64:
            known = known & ~np.isnan(values)
        self._values.append(values)
        self._known.append(known)

    def result(self) -> Coded:
        """Return the codes of all cells."""
        values = np.concatenate([np.empty(0, self._dtype), *self._values])
        known = np.concatenate([np.empty(0, np.bool_), *self._known])
        distinct, codes = np.unique(values[known], return_inverse=True)
        shown: list[Value] = [value.item() for value in distinct]
        notes: tuple[str, ...] = ()
        if len(distinct) > MOST_NUMBERS:
            notes = (f"{self._name} has {len(distinct)} values: its rows are sliced by quarters",)
            cut = np.unique(np.quantile(values[known], (0, 0.25, 0.5, 0.75, 1), method="inverted_cdf"))
            codes = np.clip(np.searchsorted(cut, values[known], side="right") - 1, 0, len(cut) - 2)
            shown = [f"[{start.item()}, {end.item()})" for start, end in itertools.pairwise(cut)]
            shown[-1] = f"[{cut[-2].item()}, {cut[-1].item()}]"
        every = np.full(len(values), len(shown), np.int32)
        every[known] = codes
        return Coded(every, tuple(shown) if known.all() else (*shown, None), notes)


class Texts:
    """Codes a column of any other type by value, as text where it is neither text nor boolean.

    Args:
        feature: the column.
    """

    def __init__(self, feature: Feature) -> None:
        self._name = feature.name
        self._type = feature.type
        self._numbers: dict[Any, int] = {}
        self._codes: list[npt.NDArray[np.int32]] = []

    def update(self, column: pa.Array) -> None:
        """Add the cells of a batch."""
        if self._type not in (LogicalType.STRING, LogicalType.BOOLEAN):
            column = column.cast(pa.utf8())
        encoded = column.dictionary_encode()
        numbers = [self._number(value) for value in encoded.dictionary.to_pylist()]
        codes = np.asarray([*numbers, _NULL], np.int32)
        self._codes.append(codes[pc.fill_null(encoded.indices, len(numbers)).to_numpy(zero_copy_only=False)])

    def result(self) -> Coded:
        """Return the codes of all cells."""
        codes = np.concatenate([np.empty(0, np.int32), *self._codes])
        ordered: list[Value] = sorted(self._numbers)
        place = np.empty(len(ordered) + 2, np.int32)
        place[[self._numbers[value] for value in ordered]] = np.arange(len(ordered))
        notes: tuple[str, ...] = ()
        for mark, value in ((_OTHER, "(other)"), (_NULL, None)):
            if (codes == mark).any():
                place[mark] = len(ordered)
                ordered.append(value)
                if mark == _OTHER:
                    notes = (f"{self._name} has more than {_MOST_TEXTS} values: those that come later are one group",)
        return Coded(place[codes], tuple(ordered), notes)

    def _number(self, value: Any) -> int:
        if value not in self._numbers and len(self._numbers) >= _MOST_TEXTS:
            return _OTHER
        return self._numbers.setdefault(value, len(self._numbers))
