"""Splits of a snapshot on disk: where their files lie, and how their shards are written and folded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from zenml.data.schema import Schema
from zenml.data.shards import State, atomic_file
from zenml.data.statistics import TableState

SCHEMA_FILE = "schema.json"
STATISTICS_FILE = "statistics.json"

BATCH_ROWS = 1 << 16
BATCH_BYTES = 1 << 26
"""A record batch holds at most so many rows, and about so many bytes."""


def shard_name(split: str, number: int) -> str:
    """Return the name of an Arrow shard in the snapshot's folder."""
    return f"{split}/shard-{number:05d}.arrow"


def tfrecord_name(split: str, number: int) -> str:
    """Return the name of the TFRecord copy of a shard in the snapshot's folder."""
    return f"tfrecord/{split}/shard-{number:05d}.tfrecord"


class ShardWriter:
    """Writes one shard of a split: the Arrow file, its TFRecord copy, and the statistics of its rows.

    Rows may come in batches of any size; where the written batches end depends on the rows alone. Use `shard_writer`,
    which makes the files appear whole or not at all.
    """

    def __init__(self, schema: Schema, number: int, size: int, arrow: BinaryIO, tfrecord: BinaryIO | None) -> None:
        self._file = pa.ipc.new_file(arrow, schema.to_arrow())
        self._tfrecord = tfrecord
        self._statistics = TableState(schema, number, size)
        self._casts: dict[str, str] = {}
        self._held: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows."""
        while batch.num_rows:
            each = max(1, batch.nbytes // batch.num_rows)
            room = min(BATCH_ROWS - self._rows, max(1, (BATCH_BYTES - self._bytes) // each))
            part = batch.slice(0, room)
            batch = batch.slice(room)
            self._held.append(part)
            self._rows += part.num_rows
            self._bytes += each * part.num_rows
            if self._rows >= BATCH_ROWS or self._bytes >= BATCH_BYTES:
                self._flush()

    def _flush(self) -> None:
        if not self._held:
            return
        batch = self._held[0] if len(self._held) == 1 else pa.concat_batches(self._held)
        self._held, self._rows, self._bytes = [], 0, 0
        self._file.write_batch(batch)
        self._statistics.update(batch)
        if self._tfrecord is not None:
            from zenml.data.tfrecord import encode_batch

            encoded = encode_batch(batch)
            self._tfrecord.write(encoded.data)
            for column, loss in encoded.casts.items():
                self._casts.setdefault(column, loss)

    def close(self) -> None:
        """Write the rows still held and the end of the Arrow file."""
        self._flush()
        self._file.close()

    @property
    def state(self) -> State:
        """Return what the shard, once closed, leaves for `fold_split`."""
        return {"rows": self._statistics.rows, "casts": self._casts, "statistics": self._statistics.to_state()}


@contextmanager
def shard_writer(
    out: Path, split: str, number: int, schema: Schema, *, sample: int, tfrecord: bool
) -> Iterator[ShardWriter]:
    """Open shard `number` of `split` for writing; its files appear whole when the context ends without an error.

    Args:
        out: the snapshot's folder.
        split: name of the split.
        number: number of the shard.
        schema: the columns.
        sample: values that the shard's statistics sample, from `sample_size`.
        tfrecord: whether to write the TFRecord copy too.
    """
    with ExitStack() as files:
        arrow = files.enter_context(atomic_file(out / shard_name(split, number)))
        copy = files.enter_context(atomic_file(out / tfrecord_name(split, number))) if tfrecord else None
        writer = ShardWriter(schema, number, sample, arrow, copy)
        yield writer
        writer.close()


def fold_split(out: Path, split: str, schema: Schema, states: Sequence[State]) -> dict[str, Any]:
    """Fold the states of a split's shards, write its `statistics.json`, and return its row counts for the manifest."""
    statistics = TableState.fold(schema, (state["statistics"] for state in states)).result()
    with atomic_file(out / split / STATISTICS_FILE) as file:
        file.write(statistics.to_json().encode())
    rows = [state["rows"] for state in states]
    return {"shards": rows, "rows": sum(rows)}


def folded_casts(states: Iterable[State]) -> dict[str, str]:
    """Return, by column, what the TFRecord copies lost; the first shard's wording stands for all."""
    casts: dict[str, str] = {}
    for state in states:
        found: Mapping[str, str] = state["casts"]
        for column, loss in found.items():
            casts.setdefault(column, loss)
    return dict(sorted(casts.items()))


def cast_messages(casts: Mapping[str, str]) -> list[str]:
    """Return a sentence for each kind of loss in the TFRecord copies, with its columns."""
    columns: dict[str, list[str]] = {}
    for column, loss in casts.items():
        columns.setdefault(loss, []).append(column)
    return [f"TFRecord copies: {loss} in {', '.join(names)}" for loss, names in columns.items()]


def write_schema(out: Path, schema: Schema) -> None:
    """Write the snapshot's `schema.json`."""
    with atomic_file(out / SCHEMA_FILE) as file:
        file.write(schema.to_json().encode())
