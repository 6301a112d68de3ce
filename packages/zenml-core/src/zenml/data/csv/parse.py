"""ReadCSV: the shard operation that parses a range of a CSV file, keeps its rows and gathers their statistics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.csv.careful import CarefulReader
from zenml.data.csv.cells import has_hexadecimal
from zenml.data.csv.cut import Range
from zenml.data.csv.form import CSVForm
from zenml.data.csv.stream import RowTooLongError, ShrunkError, blocks, stream
from zenml.data.schema import LogicalType, Schema
from zenml.data.shards import ShardOp, State
from zenml.data.source_files import SourceFile
from zenml.data.splits import shard_writer
from zenml.data.tables.bad_rows import left_out_rows
from zenml.data.tables.writing import BadShardError

SPLIT = "all"
_HEX = re.compile(rb"(?:^|[^0-9A-Za-z])0[xX]")
_HEX_OVERLAP = 4


class _LookCloserError(Exception):
    """Arrow may have taken what this reader does not: a hexadecimal integer, or a null byte."""


class ReadCSV(ShardOp):
    """Write one shard from one range.

    Params: `schema` (JSON text), `form`, `widen` (integer columns that may become float), `sample` (from
    `sample_size`), `tfrecord`, `bad_rows` (of a `BadRowRule`). The state is a `ShardWriter`'s, with `left_out` and
    `findings` where bad rows were left out; or it has `findings` alone and no shard is written.

    The range is first read by Arrow in its final types. Only where that fails is it read again as text, which finds
    each bad cell and also takes what Arrow does not: blanks around null markers and quoted null markers in columns
    that are not text.
    """

    WRITES: ClassVar[tuple[str, ...]] = ("bad_rows.keep",)

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
        """Read the range as text, and write its good rows, or find out all that is wrong with it."""
        with left_out_rows(self.op.params["bad_rows"], self.shard) as left_out:
            reader = CarefulReader(self.schema, self.form, self.op.params["widen"], left_out)
            try:
                state = self.write(reader.batches(self._stream))
            except BadShardError as error:
                return {"rows": error.rows, "findings": dict(error.findings)}
        return {**state, "left_out": left_out.to_state(), "findings": reader.findings} if left_out.rows else state


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
