"""Quarantine: the bad rows of a source, kept beside its snapshot as they are, with where they stand and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.shards import atomic_file
from zenml.data.snapshot import quarantine_name, shard_batches

SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("row", pa.int64()),
        ("column", pa.string()),
        ("reason", pa.string()),
        ("text", pa.binary()),
    ]
)
"""File, number of the row among the data rows of the file (from 1), column where one is to blame, reason, and text."""

_ROWS, _BYTES = 1 << 16, 1 << 23


class QuarantineWriter:
    """Writes bad rows of one shard to a file that is made with the first of them; use `quarantine_writer`.

    Args:
        path: the file.
        files: closes the file, or drops it after an error.
    """

    def __init__(self, path: Path, files: ExitStack) -> None:
        self._path = path
        self._files = files
        self._writer: pa.ipc.RecordBatchFileWriter | None = None
        self._held: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows of the columns of `SCHEMA`."""
        for start in range(0, batch.num_rows, _ROWS):
            part = batch.slice(start, _ROWS)
            if self._rows + part.num_rows > _ROWS:
                self._flush()
            self._held.append(part)
            self._rows += part.num_rows
            self._bytes += part.nbytes
            if self._bytes >= _BYTES:
                self._flush()

    def _flush(self) -> None:
        if not self._held:
            return
        if self._writer is None:
            self._writer = pa.ipc.new_file(self._files.enter_context(atomic_file(self._path)), SCHEMA)
        self._writer.write_batch(pa.concat_batches(self._held))
        self._held, self._rows, self._bytes = [], 0, 0

    def close(self) -> None:
        """Write the rows still held and the end of the file, if there is one."""
        self._flush()
        if self._writer is not None:
            self._writer.close()


@contextmanager
def quarantine_writer(folder: Path, number: int) -> Iterator[QuarantineWriter]:
    """Open the quarantine of shard `number` for writing; it appears whole when the context ends without an error."""
    with ExitStack() as files:
        writer = QuarantineWriter(folder / quarantine_name(number), files)
        yield writer
        writer.close()


def number_rows(source: Path, out: Path, number: int, before: int) -> None:
    """Write the quarantine of shard `number` into the snapshot `out`.

    Args:
        source: the folder with what the shard's operation wrote, which counts the rows of the shard.
        out: the snapshot's folder.
        number: of the shard.
        before: how many rows of the same file stand before the shard.
    """
    with quarantine_writer(out, number) as writer:
        for batch in shard_batches(source / quarantine_name(number)):
            rows = pc.add(batch.column("row"), before)
            writer.write(batch.set_column(SCHEMA.get_field_index("row"), SCHEMA.field("row"), rows))


def short_names(places: Iterable[str]) -> dict[str, str]:
    """Return what to call files in a quarantine: their paths below the folder that all of them are in."""
    parts = {place: place.replace("\\", "/").split("/") for place in places}
    common = 0
    for level in zip(*(names[:-1] for names in parts.values()), strict=False):
        if len(set(level)) > 1:
            break
        common += 1
    return {place: "/".join(names[common:]) for place, names in parts.items()}
