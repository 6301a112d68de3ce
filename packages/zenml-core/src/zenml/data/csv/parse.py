"""ReadCSV: the shard operation that parses a range of a CSV file, keeps its rows and gathers their statistics."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.csv.cells import WHAT, Cells, has_hexadecimal
from zenml.data.csv.cut import Range
from zenml.data.csv.form import CSVForm
from zenml.data.csv.stream import RowTooLongError, ShrunkError, blocks, stream
from zenml.data.schema import LogicalType, Schema
from zenml.data.shards import ShardOp, State
from zenml.data.source_files import SourceFile
from zenml.data.splits import shard_writer
from zenml.data.tables.problems import SHOWN

SPLIT = "all"
_HEX = re.compile(rb"(?:^|[^0-9A-Za-z])0[xX]")
_HEX_OVERLAP = 4


class _BadShardError(Exception):
    """Leaves the writing of a shard, so that no file appears."""


class _LookCloserError(Exception):
    """Arrow may have taken what this reader does not: a hexadecimal integer, or a null byte."""


class ReadCSV(ShardOp):
    """Write one shard from one range.

    Params: `schema` (JSON text), `form`, `widen` (integer columns that may become float), `sample` (from
    `sample_size`), `tfrecord`. The state is a `ShardWriter`'s, or has `findings` (see `_Findings`) and no shard is
    written.

    The range is first read by Arrow in its final types. Only where that fails is it read again as text, which finds
    each bad cell and also takes what Arrow does not: blanks around null markers and quoted null markers in columns
    that are not text.
    """

    def work(self, shard: Mapping[str, Any]) -> State:
        """Parse one range."""
        for block in blocks(Range(**shard["range"])):
            reading = _Reading(self, shard, block)
            try:
                try:
                    return reading.write(reading.fast())
                except (pa.ArrowInvalid, _LookCloserError):
                    return reading.careful()
            except RowTooLongError:
                continue
            except (ShrunkError, FileNotFoundError):
                return {"rows": 0, "findings": {"changed": True}}
        return {"rows": 0, "findings": {"changed": True}}


class _Reading:
    """One reading of a range with blocks of one size."""

    def __init__(self, op: ReadCSV, shard: Mapping[str, Any], block: int) -> None:
        self.op = op
        self.shard = shard
        self.block = block
        self.file = SourceFile(**shard["file"])
        self.range = Range(**shard["range"])
        self.schema = Schema.from_json(op.params["schema"])
        self.form = CSVForm.from_params(op.params["form"])

    def write(self, batches: Iterator[pa.RecordBatch]) -> State:
        """Write the shard's files from its batches."""
        params = self.op.params
        with shard_writer(
            self.op.out,
            SPLIT,
            self.shard["number"],
            self.schema,
            sample=params["sample"],
            tfrecord=params["tfrecord"],
        ) as writer:
            for batch in batches:
                writer.write(batch)
        return writer.state

    def fast(self) -> Iterator[pa.RecordBatch]:
        """Read the range in its final types."""
        types = {feature.name: feature.type.arrow for feature in self.schema}
        floats = [place for place, feature in enumerate(self.schema) if feature.type is LogicalType.FLOAT]
        integers = [feature.name for feature in self.schema if feature.type is LogicalType.INTEGER]
        watch = _Watch()
        for batch in self._stream(types, watch=watch):
            yield _without_nan(batch, floats)
        if watch.null_bytes:
            raise _LookCloserError
        if watch.seen and integers:
            raw = {name: pa.string() if name in integers else pa.binary() for name in types}
            for batch in self._stream(raw):
                if any(has_hexadecimal(batch.column(name)) for name in integers):
                    raise _LookCloserError

    def _stream(self, types: Mapping[str, pa.DataType], **more: Any) -> Iterator[pa.RecordBatch]:
        return stream(self.file, self.range, types, self.form, block=self.block, **more)

    def careful(self) -> State:
        """Read the range as text, and write it, or find out all that is wrong with it."""
        findings = _Findings(self.op.params["widen"], headed=self.form.columns is None)
        try:
            return self.write(self._checked(findings))
        except _BadShardError:
            return {"rows": findings.rows, "findings": findings.to_state()}

    def _checked(self, findings: _Findings) -> Iterator[pa.RecordBatch]:
        schema = self.schema.to_arrow()
        types = {feature.name: pa.binary() for feature in self.schema}
        ragged: list[int] = []

        def on_ragged(row: Any) -> str:
            ragged.append(row.number)
            findings.add_ragged(row.number, row.expected_columns, row.actual_columns)
            return "skip"

        rows = 0
        floats = [place for place, feature in enumerate(self.schema) if feature.type is LogicalType.FLOAT]
        for batch in self._stream(types, on_ragged=on_ragged):
            columns = [Cells(column, self.form) for column in batch.columns]
            for feature, cells in zip(self.schema, columns, strict=True):
                findings.check(feature.name, feature.type.element, cells, rows)
            rows += batch.num_rows
            if not findings:
                arrays = [
                    cells.convert(feature.type.element) for feature, cells in zip(self.schema, columns, strict=True)
                ]
                yield _without_nan(pa.RecordBatch.from_arrays(arrays, schema=schema), floats)
        if findings:
            findings.number(rows, ragged)
            raise _BadShardError


class _Findings:
    """What is wrong with a shard: ragged rows, bad cells, and integer columns that hold other numbers."""

    def __init__(self, widen: list[str], *, headed: bool) -> None:
        self.rows = 0
        self._names = "the header has" if headed else "columns= names"
        self._may_widen = widen
        self._widened: list[str] = []
        self._ragged_count = 0
        self._ragged: list[tuple[int, int, int]] = []
        self._cells: dict[str, dict[str, Any]] = {}

    def __bool__(self) -> bool:
        return bool(self._widened or self._ragged_count or self._cells)

    def add_ragged(self, row: int, expected: int, actual: int) -> None:
        """Note a row with another number of cells than the header."""
        self._ragged_count += 1
        if self._ragged_count <= SHOWN:
            self._ragged.append((row, expected, actual))

    def check(self, name: str, kind: LogicalType, cells: Cells, first: int) -> None:
        """Note the bad cells of a column; `first` is the number of well-formed rows before them."""
        bad = ~cells.good(kind)
        if kind is LogicalType.INTEGER and name in self._may_widen and bad.any():
            floats = bad & cells.floats() & ~cells.integers()
            if floats.any() and name not in self._widened:
                self._widened.append(name)
            bad &= ~floats
        places = bad.nonzero()[0]
        if not len(places):
            return
        column = self._cells.setdefault(name, {"type": kind.value, "count": 0, "first": []})
        column["count"] += len(places)
        for place in places[: SHOWN - len(column["first"])]:
            column["first"].append([first + int(place), cells.shown(int(place)), _reason(kind, cells, int(place))])

    def number(self, rows: int, ragged: list[int]) -> None:
        """Turn places among the well-formed rows into row numbers of the range, from 1."""
        self.rows = rows + len(ragged)
        before = [row - 1 - place for place, row in enumerate(ragged)]
        for column in self._cells.values():
            for cell in column["first"]:
                cell[0] = cell[0] + 1 + bisect_right(before, cell[0])

    def to_state(self) -> State:
        """Return the findings as JSON types."""
        return {
            "widened": self._widened,
            "ragged": {"count": self._ragged_count, "first": self._ragged, "names": self._names},
            "cells": self._cells,
        }


def _reason(kind: LogicalType, cells: Cells, place: int) -> str:
    if kind is LogicalType.INTEGER and cells.integers()[place]:
        return "beyond the range of 64-bit integers"
    if kind is LogicalType.STRING and cells.null_bytes()[place]:
        return "text with a null byte"
    return WHAT[kind]


class _Watch:
    """Looks for null bytes, and for what may be a hexadecimal integer, in the bytes of successive blocks."""

    def __init__(self) -> None:
        self.seen = False
        self.null_bytes = False
        self._last = b""

    def __call__(self, data: bytes) -> None:
        self.null_bytes |= b"\0" in data
        # Single letters are looked for at the speed of memory, and most tables of numbers have none.
        if not self.seen and (b"x" in data or b"X" in data):
            self.seen = bool(_HEX.search(self._last + data[:_HEX_OVERLAP]) or _HEX.search(data))
        self._last = data[-_HEX_OVERLAP:]


def _without_nan(batch: pa.RecordBatch, floats: list[int]) -> pa.RecordBatch:
    """Turn not-a-number into null, so that a missing number has one form."""
    for place in floats:
        column = batch.column(place)
        found = pc.is_nan(column)
        if pc.any(found).as_py():
            values = pc.if_else(found, pa.scalar(None, pa.float64()), column)
            batch = batch.set_column(place, batch.schema.field(place), values)
    return batch
