"""WriteTable: the shard operation that writes the typed batches of a source, and the job around it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from zenml.data.schema import FeatureType, Schema
from zenml.data.shards import RunJob, ShardJob, ShardOp, State
from zenml.data.splits import ShardWriter, fold_split, folded_casts, shard_writer, write_schema
from zenml.data.statistics import sample_size
from zenml.data.tables.convert import convert, misfits, reason, shown
from zenml.data.tables.problems import SHOWN
from zenml.data.tables.read import TableRead
from zenml.errors import DataError

SPLIT = "all"


class BadShardError(Exception):
    """Leaves the writing of a shard, so that no file appears.

    Args:
        findings: what is wrong with the shard, as `shard_problems` reads it.
        rows: how many rows of it were read.
    """

    def __init__(self, findings: Mapping[str, Any], rows: int = 0) -> None:
        super().__init__(findings)
        self.findings = findings
        self.rows = rows


class WriteTable(ShardOp):
    """Write one shard of a snapshot from the batches that a subclass reads.

    Params: `schema` (JSON text), `sample`, `tfrecord`, and what the subclass needs. The state is a `ShardWriter`'s, or
    has `findings` (see `shard_problems`) and no shard is written.
    """

    @abstractmethod
    def read(self, shard: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of one shard, with the columns of the schema in any convertible type.

        Raises:
            BadShardError: the shard cannot be read.
        """

    def work(self, shard: Mapping[str, Any]) -> State:
        """Write one shard."""
        schema = Schema.from_json(self.params["schema"])
        try:
            with table_writer(self.out, shard["number"], schema, self.params) as writer:
                cells = BadCells()
                rows = 0
                for batch in self.read(shard):
                    typed = cells.convert(batch, schema, rows)
                    rows += batch.num_rows
                    if typed is not None:
                        writer.write(typed)
                if cells.found:
                    raise BadShardError({"cells": cells.found}, rows)
        except BadShardError as error:
            return {"rows": error.rows, "findings": dict(error.findings)}
        return writer.state


def table_writer(
    out: Path, number: int, schema: Schema, params: Mapping[str, Any]
) -> AbstractContextManager[ShardWriter]:
    """Open the files of a shard; `params` are those of a `TableJob`."""
    return shard_writer(out, SPLIT, number, schema, sample=params["sample"], tfrecord=params["tfrecord"])


@dataclass
class BadCells:
    """The cells of a shard that do not fit the type of their column."""

    found: dict[str, dict[str, Any]] = field(default_factory=dict)

    def convert(self, batch: pa.RecordBatch, schema: Schema, first: int) -> pa.RecordBatch | None:
        """Return a batch in the types of the schema, or None once a cell did not fit.

        Args:
            batch: its columns include those of the schema.
            schema: the columns to give.
            first: how many rows of the shard came before.
        """
        arrays = []
        for feature in schema:
            array = batch.column(feature.name)
            try:
                arrays.append(convert(array, feature.type))
            except (pa.ArrowInvalid, UnicodeDecodeError):
                why = reason(feature.type, array.type)
                for place in misfits(array, feature.type, SHOWN - self._count(feature.name)):
                    self.add(feature.name, feature.type, first + place + 1, shown(array, place), why)
        return None if self.found else pa.RecordBatch.from_arrays(arrays, schema=schema.to_arrow())

    def _count(self, name: str) -> int:
        count: int = self.found[name]["count"] if name in self.found else 0
        return count

    def add(self, name: str, kind: FeatureType, row: int, value: str, why: str) -> None:
        """Note a cell; rows of the shard count from 1."""
        column = self.found.setdefault(name, {"type": kind.value, "count": 0, "first": []})
        column["count"] += 1
        if column["count"] <= SHOWN:
            column["first"].append([row, value, why])


@dataclass(frozen=True)
class TableJob:
    """A job that writes a snapshot.

    Args:
        op: the operation, as `module:Class` of a `WriteTable` or of what leaves the same states.
        shards: its shards, each with its `number`.
        schema: the columns.
        params: more parameters of the operation.
        tfrecord: whether to write TFRecord copies.
        label: what to call the work in progress displays.
        size: bytes that the job reads.
    """

    op: str
    shards: Sequence[Mapping[str, Any]]
    schema: Schema
    params: Mapping[str, Any]
    tfrecord: bool
    label: str
    size: int

    def run(self, out: Path, run_job: RunJob) -> list[State]:
        """Run the job; return the states of its shards."""
        params = {
            **self.params,
            "schema": self.schema.to_json(),
            "sample": sample_size(len(self.shards)),
            "tfrecord": self.tfrecord,
        }
        return run_job(ShardJob(self.op, tuple(self.shards), str(out), params, self.label, self.size))

    def write(self, out: Path, run_job: RunJob, check: Callable[[Sequence[State]], None]) -> TableRead:
        """Run the job, check what it found, and finish the snapshot.

        Args:
            out: the snapshot's folder.
            run_job: runs a job on the step's engine.
            check: raises a DataError with every problem in the states of the shards.
        """
        states = self.run(out, run_job)
        check(states)
        return finish(out, self.schema, states)


def finish(out: Path, schema: Schema, states: Sequence[State]) -> TableRead:
    """Fold the states of written shards, and write what stands beside the shards.

    Raises:
        DataError: there is no row.
    """
    splits = {SPLIT: fold_split(out, SPLIT, schema, states)}
    if not splits[SPLIT]["rows"]:
        raise DataError("the source has no row")
    write_schema(out, schema)
    return TableRead(splits, folded_casts(states))
