"""Frame: a table in memory, which a spec names by the digest of its content."""

from __future__ import annotations

import hashlib
import weakref
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.lists import Lists, is_list
from zenml.data.memory.arrow_form import to_table
from zenml.data.schema import Schema
from zenml.data.tables.files import Typed, common_schema
from zenml.data.tables.problems import cell_problems
from zenml.data.tables.writing import BadCells
from zenml.errors import DataError

PLACE = "the data in memory"
PREFIX = "arrow:sha256:"

_ROWS = 1 << 16


@dataclass(frozen=True, eq=False)
class Frame:
    """A table in memory, in the types of a snapshot.

    Args:
        schema: its columns.
        table: its rows.
    """

    schema: Schema
    table: pa.Table

    @classmethod
    def of(cls, data: object) -> Frame:
        """Return the frame of a data frame, an Arrow table, a structured array or a mapping of names to arrays.

        The frame is found by its digest as long as someone holds it.

        Raises:
            DataError: it cannot be kept as a table of features; all problems.
            TypeError: it is no table.
        """
        table = to_table(data)
        if not table.num_rows:
            raise DataError("there is no row", PLACE)
        schema, _ = common_schema([Typed(PLACE, table.schema)], {}, None)
        cells = BadCells()
        batches: list[pa.RecordBatch] = []
        rows = 0
        for batch in table.to_batches(_ROWS):
            typed = cells.convert(batch, schema, rows)
            rows += batch.num_rows
            batches += [typed] if typed is not None else []
        if cells.found:
            raise DataError(cell_problems(cells.found, PLACE))
        frame = cls(schema, pa.Table.from_batches(batches, schema.to_arrow()))
        return _FRAMES.setdefault(frame.digest, frame)

    @cached_property
    def digest(self) -> str:
        """Return what names the frame: a digest of its columns and values, however they are chunked."""
        found = hashlib.sha256(self.schema.to_json().encode())
        table = self.table.combine_chunks()
        for start in range(0, table.num_rows, _ROWS):
            for column in table.slice(start, _ROWS).columns:
                for piece in _canonical(column):
                    found.update(len(piece).to_bytes(8, "little"))
                    found.update(piece)
        return f"{PREFIX}{found.hexdigest()}"


_FRAMES: weakref.WeakValueDictionary[str, Frame] = weakref.WeakValueDictionary()


def frame_of(digest: str) -> Frame | None:
    """Return the frame with this digest, if this process has it."""
    return _FRAMES.get(digest)


def _canonical(column: pa.ChunkedArray) -> list[bytes]:
    """Return the values of a column as bytes that depend on nothing else."""
    kind = column.type
    if is_list(kind):
        lists = Lists.of(column.combine_chunks())
        there = column.is_valid().cast(pa.uint8())
        return [_bytes(there), lists.counts.tobytes(), *_canonical(pa.chunked_array([lists.values]))]
    valid = column.is_valid().cast(pa.uint8())
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        values = column.cast(pa.binary())
        lengths = pc.binary_length(values).fill_null(0).cast(pa.int64())
        return [_bytes(valid), _bytes(lengths), b"".join(values.drop_null().to_pylist())]
    if pa.types.is_boolean(kind):
        column = column.cast(pa.uint8())
    elif pa.types.is_timestamp(kind):
        column = column.cast(pa.int64())
    return [_bytes(valid), _bytes(column.fill_null(0))]


def _bytes(numbers: pa.ChunkedArray) -> bytes:
    return bytes(numbers.to_numpy().tobytes())


class _Name(str):
    """The digest of a frame, which holds the frame."""

    frame: Frame | None


def as_data(value: object) -> str:
    """Return the digest of a table, or the one given; either holds its frame, if this process has it.

    Raises:
        ValueError: it is no table.
        DataError: it cannot be kept as a table of features.
    """
    try:
        frame = frame_of(value) if isinstance(value, str) else Frame.of(value)
    except (TypeError, pa.ArrowException) as error:
        raise ValueError(str(error)) from None
    if isinstance(value, str) and not value.startswith(PREFIX):
        raise ValueError("this is a text, not a table; read files with CSVDatasource and its like")
    name = _Name(frame.digest if frame else value)
    name.frame = frame
    return name
