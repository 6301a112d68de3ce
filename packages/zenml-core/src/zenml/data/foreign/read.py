"""ReadTFRecord: the shard operation that keeps the records of a TFRecord file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from zenml.data.schema import Schema, Shape
from zenml.data.source_files import SourceFile
from zenml.data.tables.writing import BadShardError, WriteTable
from zenml.data.tfrecord import decode_batches
from zenml.errors import DataError

KINDS = {"bytes": pa.binary(), "float": pa.float32(), "int64": pa.int64()}


@contextmanager
def reading(file: SourceFile) -> Iterator[Any]:
    """Open a file as a function that gives so many bytes from a position on."""
    with file.open() as source:

        def read(position: int, size: int) -> bytes:
            source.seek(position)
            return source.read(size)

        yield read


def _stored_type(kind: pa.DataType, shape: Shape) -> pa.DataType:
    return pa.list_(kind, shape[0] or -1) if shape else kind


class ReadTFRecord(WriteTable):
    """Write one shard from one file; see `WriteTable`.

    Params: `kinds` (how each column is stored: `bytes`, `float` or `int64`), `open` (whether other features are left
    out, not refused).
    """

    def read(self, shard: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        """Yield the records as rows."""
        file = SourceFile(**shard["file"])
        features = Schema.from_json(self.params["schema"])
        kinds = {name: KINDS[kind] for name, kind in self.params["kinds"].items()}
        schema = pa.schema([(name, _stored_type(kind, features[name].shape)) for name, kind in kinds.items()])
        rows = 0
        try:
            with reading(file) as read:
                for batch in decode_batches(read, file.size, schema, name="", closed=not self.params["open"]):
                    yield batch
                    rows += batch.num_rows
        except FileNotFoundError:
            raise BadShardError({"changed": True}) from None
        except DataError as error:
            (problem,) = error.problems
            where = problem.where.removeprefix(", ")
            what = f"{where}: {problem.what}" if where else problem.what
            raise BadShardError({"failed": what, "mend": problem.mend}, rows) from None
