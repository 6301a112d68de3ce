"""Reads files of JSON lines into a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zenml.data.jsonl.infer import infer
from zenml.data.jsonl.lines import TARGET, ranges
from zenml.data.schema import Feature, FeatureType, LogicalType, Schema, feature_type
from zenml.data.shards import RunJob
from zenml.data.source_files import SourceFile
from zenml.data.tables.bad_rows import REFUSE, BadRowRule, check_rows, leave_out
from zenml.data.tables.read import TableRead
from zenml.data.tables.writing import TableJob, finish
from zenml.errors import DataError, Problem

_HEAD = 64
_FOREIGN = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x1f\x8b": "gzip", b"PK": "zip", b"BZ": "bzip2"}
_MENDS = {"gzip": "Say so: compression='gzip'", "bzip2": "Say so: compression='bz2'", "zip": "Unpack it first"}


@dataclass(frozen=True)
class JSONLinesReader:
    """Reads the files of one table.

    Args:
        files: the files, in order.
        declared: types that the user gave, by column.
        columns: names of the columns to read, in that order; all by default.
        tfrecord: whether to write TFRecord copies.
        warn: tells the user what may need attention.
        target: length of the ranges that files are cut into; part of what the shards depend on.
        bad_rows: what is to become of bad rows.
    """

    files: Sequence[SourceFile]
    declared: Mapping[str, FeatureType]
    columns: Sequence[str] | None
    tfrecord: bool
    warn: Callable[[str], None]
    target: int = TARGET
    bad_rows: BadRowRule = REFUSE

    def read(self, out: Path, scratch: Path, run_job: RunJob) -> TableRead:
        """Write the snapshot of the files into `out`.

        Raises:
            DataError: whatever is wrong with the files, all at once.
        """
        problems = [problem for problem in map(_foreign, self.files) if problem]
        if problems:
            raise DataError(problems)
        schema, as_text = infer(self.files, self.declared, self.columns, self.warn, self.bad_rows.drops)
        shards: list[dict[str, Any]] = []
        for file in self.files:
            shards += ranges(file, len(shards), self.target)
        while True:
            job = self._job(schema, as_text, shards, scratch)
            states = job.run(out, run_job)
            check_rows(self.bad_rows, self.files, shards, states)
            widened = {name for state in states for name in state.get("findings", {}).get("widened", ())}
            if not widened:
                left_out = leave_out(self.bad_rows, self.files, shards, states, out, scratch, self.warn)
                return replace(finish(out, schema, states), bad_rows=left_out)
            schema = Schema(tuple(_widened(each) if each.name in widened else each for each in schema))

    def _job(self, schema: Schema, as_text: Sequence[str], shards: Sequence[dict[str, Any]], scratch: Path) -> TableJob:
        integers = [feature.name for feature in schema if feature.type.element is LogicalType.INTEGER]
        params = {
            "open": self.columns is not None,
            "widen": [name for name in integers if name not in self.declared],
            "declared": [*self.declared, *as_text],
            "bad_rows": self.bad_rows.to_params(scratch, self.files),
        }
        size = sum(file.size for file in self.files)
        op = "zenml.data.jsonl.read:ReadJSONLines"
        return TableJob(op, shards, schema, params, self.tfrecord, "read JSON lines", size)


def _widened(feature: Feature) -> Feature:
    return Feature(feature.name, feature_type(LogicalType.FLOAT, feature.shape))


def _foreign(file: SourceFile) -> Problem | None:
    """Say what a file is that holds no lines of JSON, by how it begins."""
    if not file.size:
        return Problem("the file is empty", file.place)
    head = file.read(0, _HEAD)
    foreign = next((name for magic, name in _FOREIGN.items() if head.startswith(magic)), None)
    if foreign:
        return Problem(f"this is {foreign}", file.place, _MENDS.get(foreign, "JSON lines must be UTF-8 text"))
    problem = Problem("the file holds one JSON list", file.place, "Write each of its objects on a line of its own")
    return problem if head.lstrip().startswith(b"[") else None
