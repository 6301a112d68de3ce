"""Keeps the rows of an unordered source as a snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zenml.data.schema import Schema
from zenml.data.shards import RunJob, ShardJob, State
from zenml.data.sql.cells import declare_mend
from zenml.data.tables.problems import SHOWN
from zenml.data.tables.read import TableRead
from zenml.data.tables.writing import TableJob, WriteTable
from zenml.data.unordered.ranges import open_runs
from zenml.errors import DataError, Problem

SHARD_ROWS = 1 << 18
"""A shard ends before the range of hashes that would give it more rows."""

_PIECE_ROWS = 1 << 12


@dataclass(frozen=True)
class Streams:
    """The streams of a source.

    Args:
        op: the `DealRows` that reads one, as `module:Class`.
        shards: the streams, as shards of its job, each with its `number`.
        params: parameters of the operation, besides the schema.
        place: what to call the source in an error.
        size: bytes of all rows, as far as known.
    """

    op: str
    shards: Sequence[Mapping[str, Any]]
    params: Mapping[str, Any]
    place: str
    size: int


class KeepRange(WriteTable):
    """Write one shard from the rows of all runs in some ranges of hashes.

    Params besides those of `WriteTable`: `runs`, the files. Shards: `low` and `high`, the ranges, and `rows`, how many
    rows at most.
    """

    READS: ClassVar[tuple[str, ...]] = ("runs",)

    def read(self, shard: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order."""
        with open_runs(self.params["runs"], shard["low"], shard["high"]) as batches:
            yield from _pieces(batches, shard["rows"])


def _pieces(batches: Iterator[pa.RecordBatch], most: int) -> Iterator[pa.RecordBatch]:
    """Yield the first rows in pieces of equal length, so that neither runs nor memory are seen in the files."""
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        start = 0
        while start < batch.num_rows and most:
            part = batch.slice(start, min(_PIECE_ROWS - rows, most))
            held.append(part)
            start, rows, most = start + part.num_rows, rows + part.num_rows, most - part.num_rows
            if rows == _PIECE_ROWS:
                yield _fresh(held)
                held, rows = [], 0
        if not most:
            break
    if held:
        yield _fresh(held)


def _fresh(parts: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Return rows in buffers of their own, with nothing of what a source left where no value is."""
    batch = pa.concat_batches(parts)
    return batch.take(pa.array(np.arange(batch.num_rows)))


def keep_unordered(
    streams: Streams,
    schema: Schema,
    tfrecord: bool,
    out: Path,
    scratch: Path,
    run_job: RunJob,
    *,
    limit: int | None = None,
) -> TableRead:
    """Write the snapshot of a source whose rows have no order into `out`.

    Args:
        streams: the source.
        schema: the columns.
        tfrecord: whether to write TFRecord copies.
        out: the snapshot's folder.
        scratch: takes the sorted runs.
        run_job: runs a job on the step's engine.
        limit: how many rows to keep: the first ones in the order of hashes, as good as drawn at random.

    Raises:
        DataError: there is no row, or cells do not fit their column.
    """
    folder = scratch / "runs"
    params = {**streams.params, "schema": schema.to_json()}
    deal = ShardJob(streams.op, tuple(streams.shards), str(folder), params, "read rows", streams.size)
    states = run_job(deal) if streams.shards else []
    _refuse_cells(streams.place, states)
    shards = plan_shards(np.sum([state["counts"] for state in states], axis=0, dtype=np.int64), limit) if states else []
    if not shards:
        raise DataError("there is no row", streams.place)
    files = [str(folder / state["file"]) for state in states]
    size = sum(Path(file).stat().st_size for file in files)
    job = TableJob(f"{__name__}:KeepRange", shards, schema, {"runs": files}, tfrecord, "keep rows", size)
    return job.write(out, run_job, lambda _: None)


def plan_shards(counts: npt.NDArray[np.int64], limit: int | None = None) -> list[dict[str, int]]:
    """Return the shards: neighbouring ranges of hashes that hold about `SHARD_ROWS` rows.

    Args:
        counts: rows by range.
        limit: how many rows to keep at most.
    """
    shards: list[dict[str, int]] = []
    left = int(counts.sum()) if limit is None else min(limit, int(counts.sum()))
    low = held = 0
    for place, rows in enumerate(counts.tolist()):
        if held and held + rows > SHARD_ROWS:
            shards.append({"number": len(shards), "low": low, "high": place, "rows": min(held, left)})
            left -= shards[-1]["rows"]
            low, held = place, 0
        if not left:
            return shards
        held += rows
    return [*shards, {"number": len(shards), "low": low, "high": len(counts), "rows": left}] if left else shards


def _refuse_cells(place: str, states: Sequence[State]) -> None:
    """Refuse the cells of all streams that do not fit their column, in an order that streams do not change."""
    found = sorted({(name, *cell[1:], column["type"]) for state in states for name, column, cell in _cells(state)})
    if not found:
        return
    problems = [Problem(f"{value!r} is {reason}", f"{place}, column {name}") for name, value, reason, _ in found]
    mends = {name: kind for name, *_, kind in found}
    for number, problem in enumerate(problems[:SHOWN]):
        name = found[number][0]
        if name in mends:
            problems[number] = replace(problem, mend=declare_mend(name, mends.pop(name)))
    count = sum(column["count"] for state in states for column in state["cells"].values())
    more = [Problem(f"these are the first {SHOWN} of at least {count} bad cells")] if count > SHOWN else []
    raise DataError(problems[:SHOWN] + more)


def _cells(state: State) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
    for name, column in state["cells"].items():
        for cell in column["first"]:
            yield name, column, cell
