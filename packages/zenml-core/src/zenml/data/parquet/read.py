"""ReadParquet: the shard operation that keeps some row groups of a Parquet file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from zenml.data.schema import Schema
from zenml.data.source_files import SourceFile
from zenml.data.tables.writing import BadShardError, WriteTable

ROWS = 1 << 14
"""Rows are read so many at a time, fewer where they are large."""

_BUFFER = 1 << 20


def open_parquet(file: SourceFile) -> pq.ParquetFile:
    """Open a file, local or not, so that its column chunks are read in pieces."""
    source = file.url if file.local else pa.PythonFile(file.open(), "r")
    return pq.ParquetFile(source, buffer_size=_BUFFER, pre_buffer=False)


_FIXED_LISTS = "A list of fixed length is missing somewhere, which pyarrow reads from version 26 on; write it as list"


class ReadParquet(WriteTable):
    """Write one shard from one or several row groups of a file; see `WriteTable`."""

    def read(self, shard: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the row groups."""
        names = [feature.name for feature in Schema.from_json(self.params["schema"])]
        try:
            with open_parquet(SourceFile(**shard["file"])) as table:
                yield from table.iter_batches(
                    batch_size=shard["rows"], row_groups=shard["groups"], columns=names, use_threads=False
                )
        except FileNotFoundError:
            raise BadShardError({"changed": True}) from None
        except (OSError, pa.ArrowException) as error:
            fixed = "Expected all lists to be of size" in str(error)
            mend = _FIXED_LISTS if fixed else "The file is damaged; make it again"
            raise BadShardError({"failed": f"a row group cannot be read: {error}", "mend": mend}) from None
