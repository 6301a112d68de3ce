"""ReadJSONLines: the shard operation that keeps the lines of a byte range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from zenml.data.jsonl.arrow import read_block
from zenml.data.jsonl.lines import line_blocks
from zenml.data.jsonl.objects import BadLine, parse_lines, written
from zenml.data.jsonl.values import NotIntegerError, UnfitError, cell
from zenml.data.schema import LogicalType, Schema
from zenml.data.shards import ShardOp, State
from zenml.data.source_files import SourceFile
from zenml.data.tables.problems import SHOWN
from zenml.data.tables.writing import BadCells, table_writer

_UNDECLARED = "Declare its type, so that it becomes a column, or name the columns to read in columns=[…]"


class ReadJSONLines(ShardOp):
    """Write one shard from the lines that begin in a byte range.

    Params: `schema` (JSON text), `open` (whether other members than the schema's are left out, not refused), `widen`
    (integer columns that may become float), `declared` (columns whose type the user gave), `sample`, `tfrecord`. The
    state is a `ShardWriter`'s, or has `findings` and no shard is written.

    A block of lines is first read by Arrow in its final types. Only where that fails are its lines read one by one.
    """

    def work(self, shard: Mapping[str, Any]) -> State:
        """Read one range."""
        schema = Schema.from_json(self.params["schema"])
        findings = _Findings(schema, self.params)
        try:
            with table_writer(self.out, shard["number"], schema, self.params) as writer:
                for batch in self._batches(shard, schema, findings):
                    writer.write(batch)
                if findings:
                    raise _BadRangeError
        except _BadRangeError:
            return {"rows": findings.rows, "findings": findings.to_state()}
        except FileNotFoundError:
            return {"rows": 0, "findings": {"changed": True}}
        return writer.state

    def _batches(self, shard: Mapping[str, Any], schema: Schema, findings: _Findings) -> Iterator[pa.RecordBatch]:
        texts = (LogicalType.TIMESTAMP, LogicalType.BYTES)
        read_as = pa.schema([(each.name, pa.string() if each.type in texts else each.type.arrow) for each in schema])
        unexpected = "ignore" if self.params["open"] else "error"
        for block in line_blocks(SourceFile(**shard["file"]), shard["start"], shard["end"]):
            if not block.strip():
                continue
            table = read_block(block, read_as, unexpected)
            batches = findings.read_one_by_one(block) if table is None else table.to_batches()
            for batch in batches:
                typed = findings.cells.convert(batch, schema, findings.rows)
                findings.rows += batch.num_rows
                if typed is not None and not findings:
                    yield typed


class _BadRangeError(Exception):
    """Leaves the writing of a shard, so that no file appears."""


@dataclass
class _Findings:
    """What is wrong with a range, and how far it was read."""

    schema: Schema
    params: Mapping[str, Any]
    rows: int = 0
    cells: BadCells = field(default_factory=BadCells)
    widened: list[str] = field(default_factory=list)
    bad_rows: dict[str, Any] = field(default_factory=lambda: {"count": 0, "first": []})

    def __bool__(self) -> bool:
        return bool(self.widened or self.bad_rows["count"] or self.cells.found)

    def read_one_by_one(self, block: bytes) -> list[pa.RecordBatch]:
        """Read lines as a batch in which what is bad is null, and note that."""
        kinds = {feature.name: feature.type for feature in self.schema}
        columns: dict[str, list[Any]] = {name: [] for name in kinds}
        for row, members in enumerate(parse_lines(block), self.rows + 1):
            if isinstance(members, BadLine):
                self._add_row(row, members.what, members.mend)
                members = {}
            elif not self.params["open"]:
                for name in members.keys() - kinds.keys():
                    self._add_row(row, f"it has a member {name!r} that the first rows do not have", _UNDECLARED)
            for name, values in columns.items():
                values.append(self._cell(name, kinds[name], members.get(name), row))
        arrays = [
            pa.array(values, pa.string() if kinds[name] is LogicalType.TIMESTAMP else kinds[name].arrow)
            for name, values in columns.items()
        ]
        return [pa.RecordBatch.from_arrays(arrays, names=list(columns))]

    def _cell(self, name: str, kind: LogicalType, value: Any, row: int) -> Any:
        if value is None:
            return None
        try:
            return cell(value, kind, name in self.params["declared"])
        except NotIntegerError as error:
            if name not in self.params["widen"]:
                self.cells.add(name, kind, row, written(value)[:80], str(error))
            elif name not in self.widened:
                self.widened.append(name)
        except UnfitError as error:
            self.cells.add(name, kind, row, written(value)[:80], str(error))
        return None

    def _add_row(self, row: int, what: str, mend: str) -> None:
        self.bad_rows["count"] += 1
        if self.bad_rows["count"] <= SHOWN:
            self.bad_rows["first"].append([row, what, mend])

    def to_state(self) -> dict[str, Any]:
        """Return the findings as JSON types."""
        return {"rows": self.bad_rows, "cells": self.cells.found, "widened": self.widened}
