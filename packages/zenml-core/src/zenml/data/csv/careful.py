"""Careful reading: a range read as text, so that each bad row is found, told, and left out where it may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zenml.data.csv.cells import Cells, Mask
from zenml.data.csv.form import CSVForm
from zenml.data.csv.ragged import RaggedRows, in_order
from zenml.data.csv.rows import row_texts
from zenml.data.csv.stream import OnRagged
from zenml.data.schema import LogicalType, Schema
from zenml.data.shards import State
from zenml.data.tables.bad_rows import LeftOutRows, bad_rows
from zenml.data.tables.convert import without_nan
from zenml.data.tables.problems import SHOWN
from zenml.data.tables.writing import BadShardError


class Stream(Protocol):
    """Reads a range from its start."""

    def __call__(self, types: Mapping[str, pa.DataType], *, on_ragged: OnRagged) -> Iterator[pa.RecordBatch]:
        """Yield its well-formed rows in these types."""


class CarefulReader:
    """Reads one range as text.

    Args:
        schema: the columns.
        form: how to understand the text.
        widen: the integer columns that may become float.
        left_out: takes the bad rows, if any may be left out.
    """

    def __init__(self, schema: Schema, form: CSVForm, widen: list[str], left_out: LeftOutRows) -> None:
        self._schema = schema
        self._form = form
        self._may_widen = widen
        self._left_out = left_out
        self._ragged = RaggedRows(left_out)
        self._widened: list[str] = []
        self._cells: dict[str, dict[str, Any]] = {}
        self._rows = 0

    def batches(self, stream: Stream) -> Iterator[pa.RecordBatch]:
        """Yield the good rows in their types.

        Raises:
            BadShardError: columns must be widened first, or there are bad rows, and none may be left out.
        """
        types = {feature.name: pa.binary() for feature in self._schema}
        for batch in stream(types, on_ragged=self._ragged.add):
            columns = self._check(batch)
            if columns is None:
                continue
            arrays = [cells.convert(feature.type.element) for feature, cells in zip(self._schema, columns, strict=True)]
            floats = [feature.type is LogicalType.FLOAT for feature in self._schema]
            arrays = [without_nan(each) if float_ else each for each, float_ in zip(arrays, floats, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=self._schema.to_arrow())
        if self._left_out.drop:
            self._left_out.add(self._ragged.take())
        if self._widened or (not self._left_out.drop and (self._cells or self._ragged.count)):
            raise BadShardError(self.findings, self._rows + self._ragged.count)

    @property
    def findings(self) -> State:
        """Return what is wrong with the range, the first of it told in full, as JSON types."""
        names = "the header has" if self._form.columns is None else "columns= names"
        ragged = {"count": self._ragged.count, "first": self._ragged.first, "names": names}
        return {"widened": self._widened, "ragged": ragged, "cells": self._cells}

    def _check(self, batch: pa.RecordBatch) -> list[Cells] | None:
        """Return the columns of the rows to keep, or None where none will be kept, and note the others."""
        columns = {name: Cells(batch.column(name), self._form) for name in batch.schema.names}
        kinds = {feature.name: feature.type.element for feature in self._schema}
        faults = _Faults(batch.num_rows)
        floats: dict[str, Mask] = {}
        for name, cells in columns.items():
            bad = ~cells.good(kinds[name])
            if kinds[name] is LogicalType.INTEGER and name in self._may_widen and bad.any():
                floats[name] = bad & cells.floats() & ~cells.integers()
                bad &= ~floats[name]
            self._tell(name, kinds[name], cells, bad)
            faults.add(name, kinds[name], cells, bad)
        self._widened += [
            name for name, mask in floats.items() if name not in self._widened and (mask & ~faults.bad).any()
        ]
        first, self._rows = self._rows, self._rows + batch.num_rows
        if not self._left_out.drop:
            return None if self._widened or self._cells or self._ragged.count else [*columns.values()]
        if faults.bad.any() or self._ragged.waiting:
            places = np.flatnonzero(faults.bad)
            numbers = self._ragged.number(first + places)
            texts = row_texts(batch.take(pa.array(places)).columns, self._form) if self._left_out.keep else None
            own = bad_rows(numbers, faults.names[places], faults.reasons[places], texts)
            self._left_out.add(in_order([self._ragged.take(self._rows), own]))
            if len(places):
                good = batch.filter(pa.array(~faults.bad))
                columns = {name: Cells(good.column(name), self._form) for name in columns}
        self._ragged.pass_by(self._rows)
        return None if self._widened else [*columns.values()]

    def _tell(self, name: str, kind: LogicalType, cells: Cells, bad: Mask) -> None:
        """Note the bad cells of a column, the first ones in full."""
        places = bad.nonzero()[0]
        if not len(places):
            return
        column = self._cells.setdefault(name, {"type": kind.value, "count": 0, "first": []})
        column["count"] += len(places)
        told = places[: SHOWN - len(column["first"])]
        if len(told):
            numbers = self._ragged.number(self._rows + told)
            reasons = cells.reasons(kind, told)
            for place, number, reason in zip(told, numbers, reasons, strict=True):
                column["first"].append([int(number), cells.shown(int(place)), reason])


class _Faults:
    """The bad rows of a batch, each with its first bad column."""

    def __init__(self, rows: int) -> None:
        self.bad: Mask = np.zeros(rows, bool)
        self.names: npt.NDArray[np.object_] = np.full(rows, None, object)
        self.reasons: npt.NDArray[np.object_] = np.full(rows, None, object)

    def add(self, name: str, kind: LogicalType, cells: Cells, bad: Mask) -> None:
        """Note the bad cells of the next column."""
        places = np.flatnonzero(bad & ~self.bad)
        if len(places):
            self.names[places] = name
            self.reasons[places] = cells.reasons(kind, places)
            self.bad |= bad
