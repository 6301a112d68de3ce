"""RowReader: lines read one by one, with what is wrong with each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zenml.data.jsonl.objects import BadLine, lines_of, parse_lines, written
from zenml.data.jsonl.values import NotIntegerError, UnfitError, cell
from zenml.data.schema import FeatureType, ListType, LogicalType, Schema
from zenml.data.shards import State
from zenml.data.tables.convert import reason
from zenml.data.tables.fitting import fitting_timestamps
from zenml.data.tables.problems import SHOWN
from zenml.data.tables.writing import BadCells

_UNDECLARED = "Declare its type, so that it becomes a column, or name the columns to read in columns=[…]"
_NO_TIME = reason(LogicalType.TIMESTAMP, pa.string())


@dataclass(frozen=True)
class Rows:
    """Lines that were read one by one.

    Args:
        lines: the lines.
        batch: their cells, null where they are bad, timestamps as text.
        bad: which rows are bad.
        faults: for each bad row the member to blame, if one is, and why.
    """

    lines: Sequence[bytes]
    batch: pa.RecordBatch
    bad: npt.NDArray[np.bool_]
    faults: Mapping[int, tuple[str | None, str]]


@dataclass
class RowReader:
    """Reads lines one by one, and notes what is wrong with them.

    Args:
        schema: the columns.
        params: those of `ReadJSONLines`.
        count: how many rows of the range were read, here or elsewhere.
        widened: the integer columns that hold other numbers, in rows that are not bad.
    """

    schema: Schema
    params: Mapping[str, Any]
    count: int = 0
    widened: list[str] = field(default_factory=list)
    _cells: BadCells = field(default_factory=BadCells)
    _lines: dict[str, Any] = field(default_factory=lambda: {"count": 0, "first": []})

    @property
    def any_bad(self) -> bool:
        """Say whether a row was bad."""
        return bool(self._lines["count"] or self._cells.found)

    @property
    def findings(self) -> State:
        """Return what is wrong, the first of it told in full, as JSON types."""
        return {"rows": self._lines, "cells": self._cells.found, "widened": self.widened}

    def read(self, block: bytes) -> Rows:
        """Read some lines, the next of the range."""
        kinds = {feature.name: feature.type for feature in self.schema}
        columns: dict[str, list[Any]] = {name: [] for name in kinds}
        faults: dict[int, tuple[str | None, str]] = {}
        floats: list[tuple[int, str]] = []
        for place, members in enumerate(parse_lines(block)):
            if isinstance(members, BadLine):
                self._add_line(place, members.what, members.mend)
                faults[place] = (members.member, members.reason)
                members = {}
            elif not self.params["open"]:
                for name in [name for name in members if name not in kinds]:
                    self._add_line(place, f"it has a member {name!r} that the first rows do not have", _UNDECLARED)
                    faults.setdefault(place, (name, "a member that the first rows do not have"))
            for name, values in columns.items():
                values.append(None)
                try:
                    values[-1] = cell(members.get(name), kinds[name], name in self.params["declared"])
                except UnfitError as error:
                    if isinstance(error, NotIntegerError) and name in self.params["widen"]:
                        floats.append((place, name))
                        continue
                    value = written(members[name])[:80]
                    self._cells.add(name, kinds[name], self.count + 1 + place, value, str(error))
                    faults.setdefault(place, (name, str(error)))
        arrays = [self._array(name, kinds[name], values, faults) for name, values in columns.items()]
        self.widened += dict.fromkeys(
            name for place, name in floats if place not in faults and name not in self.widened
        )
        lines = lines_of(block)
        self.count += len(lines)
        bad = np.zeros(len(lines), bool)
        bad[list(faults)] = True
        return Rows(lines, pa.RecordBatch.from_arrays(arrays, names=list(columns)), bad, faults)

    def _array(
        self, name: str, kind: FeatureType, values: list[Any], faults: dict[int, tuple[str | None, str]]
    ) -> pa.Array:
        """Return the cells of a column, timestamps as text, those that do not exist as null."""
        if kind is not LogicalType.TIMESTAMP:
            return pa.array(values, pa.list_(kind.element.arrow) if isinstance(kind, ListType) else kind.arrow)
        texts = pa.array(values, pa.string())
        fits = fitting_timestamps(texts)
        for place in np.flatnonzero(~fits):
            row = int(place)
            self._cells.add(name, kind, self.count + 1 + row, values[row][:80], _NO_TIME)
            faults.setdefault(row, (name, _NO_TIME))
            values[row] = None
        return pa.array(values, pa.string())

    def _add_line(self, place: int, what: str, mend: str) -> None:
        self._lines["count"] += 1
        if self._lines["count"] <= SHOWN:
            self._lines["first"].append([self.count + 1 + place, what, mend])
