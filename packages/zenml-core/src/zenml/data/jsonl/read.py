"""ReadJSONLines: the shard operation that keeps the lines of a byte range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pyarrow as pa

from zenml.data.jsonl.arrow import read_block
from zenml.data.jsonl.lines import line_blocks
from zenml.data.jsonl.rows import RowReader
from zenml.data.schema import FeatureType, ListType, LogicalType, Schema
from zenml.data.shards import ShardOp, State
from zenml.data.source_files import SourceFile
from zenml.data.tables.bad_rows import LeftOutRows, bad_rows, left_out_rows
from zenml.data.tables.convert import convert
from zenml.data.tables.writing import BadShardError, table_writer

_PIECE = 1 << 12
"""Blocks with a bad line are halved down to so many bytes, which are then read line by line."""


class ReadJSONLines(ShardOp):
    """Write one shard from the lines that begin in a byte range.

    Params: `schema` (JSON text), `open` (whether other members than the schema's are left out, not refused), `widen`
    (integer columns that may become float), `declared` (columns whose type the user gave), `sample`, `tfrecord`,
    `bad_rows` (of a `BadRowRule`). The state is a `ShardWriter`'s, with `left_out` and `findings` where bad rows were
    left out; or it has `findings` alone and no shard is written.

    A block of lines is first read by Arrow in its final types. Only where that fails are its lines read one by one.
    """

    WRITES: ClassVar[tuple[str, ...]] = ("bad_rows.keep",)

    def work(self, shard: Mapping[str, Any]) -> State:
        """Read one range."""
        schema = Schema.from_json(self.params["schema"])
        with left_out_rows(self.params["bad_rows"], shard) as left_out:
            reader = _RangeReader(schema, self.params, left_out)
            try:
                with table_writer(self.out, shard["number"], schema, self.params) as writer:
                    for block in line_blocks(SourceFile(**shard["file"]), shard["start"], shard["end"]):
                        for batch in reader.batches(block):
                            writer.write(batch)
                    reader.check()
            except BadShardError as error:
                return {"rows": error.rows, "findings": dict(error.findings)}
            except FileNotFoundError:
                return {"rows": 0, "findings": {"changed": True}}
        if left_out.rows:
            return {**writer.state, "left_out": left_out.to_state(), "findings": reader.rows.findings}
        return writer.state


class _RangeReader:
    """Reads the lines of one range.

    Args:
        schema: the columns.
        params: those of the operation.
        left_out: takes the bad rows, if any may be left out.
    """

    def __init__(self, schema: Schema, params: Mapping[str, Any], left_out: LeftOutRows) -> None:
        self.rows = RowReader(schema, params)
        self._schema = schema
        self._read_as = pa.schema([(each.name, _json_type(each.type)) for each in schema])
        self._unexpected = "ignore" if params["open"] else "error"
        self._left_out = left_out

    def batches(self, block: bytes) -> Iterator[pa.RecordBatch]:
        """Yield the good rows of some lines in their types."""
        if not block.strip():
            return
        table = read_block(block, self._read_as, self._unexpected)
        if table is not None:
            try:
                batches = [self._typed(batch) for batch in table.to_batches()]
            except (pa.ArrowInvalid, UnicodeDecodeError):
                pass
            else:
                self.rows.count += table.num_rows
                if not self._refused:
                    yield from batches
                return
        middle = block.find(b"\n", len(block) // 2) + 1
        if len(block) > _PIECE and 0 < middle < len(block):
            yield from self.batches(block[:middle])
            yield from self.batches(block[middle:])
            return
        first = self.rows.count
        read = self.rows.read(block)
        places = sorted(read.faults)
        if self._left_out.drop and places:
            texts = [read.lines[place] for place in places] if self._left_out.keep else None
            names, reasons = zip(*(read.faults[place] for place in places), strict=True)
            self._left_out.add(bad_rows([first + 1 + place for place in places], names, reasons, texts))
        if not self._refused:
            yield self._typed(read.batch.filter(pa.array(~read.bad)))

    @property
    def _refused(self) -> bool:
        """Say whether the shard will not be written."""
        return bool(self.rows.widened or (self.rows.any_bad and not self._left_out.drop))

    def _typed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        arrays = [convert(batch.column(feature.name), feature.type) for feature in self._schema]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema.to_arrow())

    def check(self) -> None:
        """Raise a BadShardError if the range must not be written as it is."""
        if self._refused:
            raise BadShardError(self.rows.findings, self.rows.count)


def _json_type(kind: FeatureType) -> pa.DataType:
    """Return the type in which Arrow reads a column, which `convert` then makes a feature's."""
    if isinstance(kind, ListType):
        return pa.list_(_json_type(kind.element))
    return pa.string() if kind in (LogicalType.TIMESTAMP, LogicalType.BYTES) else kind.arrow
