"""Reads Parquet files into a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from zenml.data.parquet.read import ROWS, open_parquet
from zenml.data.schema import FeatureType
from zenml.data.shards import RunJob
from zenml.data.source_files import SourceFile
from zenml.data.splits import BATCH_BYTES
from zenml.data.tables.files import Typed, check_files, common_schema, unknown_type_warning
from zenml.data.tables.read import TableRead
from zenml.data.tables.writing import TableJob
from zenml.errors import DataError, Problem

TARGET = 1 << 24
"""Row groups that follow one another make up a shard of about so many bytes, whatever the number of workers."""


@dataclass(frozen=True)
class _Footer:
    """What the end of a file tells: its columns, and rows and bytes of its row groups."""

    file: SourceFile
    schema: pa.Schema
    groups: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, file: SourceFile) -> _Footer | Problem:
        """Read the footer of a file."""
        if not file.size:
            return Problem("the file is empty", file.url)
        try:
            with open_parquet(file) as table:
                facts: pq.FileMetaData = table.metadata
                groups = [facts.row_group(number) for number in range(facts.num_row_groups)]
                sizes = tuple((group.num_rows, group.total_byte_size) for group in groups)
                return cls(file, table.schema_arrow, sizes)
        except (OSError, pa.ArrowException) as error:
            return Problem(f"this is no Parquet file that can be read: {error}", file.url)

    def shards(self, first: int) -> list[dict[str, Any]]:
        """Return the shards of the file; the first has this number."""
        found: list[dict[str, Any]] = []
        room = 0
        for number, (rows, size) in enumerate(self.groups):
            if not rows:
                continue
            if room <= 0:
                found.append({"file": asdict(self.file), "groups": [], "rows": ROWS, "number": first + len(found)})
                room = TARGET
            found[-1]["groups"].append(number)
            found[-1]["rows"] = max(1, min(found[-1]["rows"], BATCH_BYTES * rows // max(1, size)))
            room -= size
        return found


@dataclass(frozen=True)
class ParquetReader:
    """Reads the files of one table.

    Args:
        files: the files, in order.
        declared: types that the user gave, by column.
        columns: names of the columns to read, in that order; all by default.
        tfrecord: whether to write TFRecord copies.
        warn: tells the user what may need attention.
    """

    files: Sequence[SourceFile]
    declared: Mapping[str, FeatureType]
    columns: Sequence[str] | None
    tfrecord: bool
    warn: Callable[[str], None]

    def read(self, out: Path, run_job: RunJob) -> TableRead:
        """Write the snapshot of the files into `out`.

        Raises:
            DataError: whatever is wrong with the files, all at once.
        """
        found = [_Footer.of(file) for file in self.files]
        problems = [footer for footer in found if isinstance(footer, Problem)]
        if problems:
            raise DataError(problems)
        footers = [footer for footer in found if isinstance(footer, _Footer)]
        schema, empty = common_schema(
            [Typed(footer.file.url, footer.schema) for footer in footers], self.declared, self.columns
        )
        shards: list[dict[str, Any]] = []
        for footer in footers:
            shards += footer.shards(len(shards))
        if not shards:
            raise DataError([Problem("there is no row", file.url) for file in self.files])
        for name in empty:
            self.warn(unknown_type_warning(name))
        size = sum(size for footer in footers for _, size in footer.groups)
        op = "zenml.data.parquet.read:ReadParquet"
        job = TableJob(op, shards, schema, {}, self.tfrecord, "read Parquet", size)
        return job.write(out, run_job, partial(check_files, self.files, shards))
