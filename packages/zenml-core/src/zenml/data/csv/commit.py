"""Reads CSV files into a snapshot: a chain of shard jobs, with all problems found before anything is published."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zenml.data.csv.cut import TARGET, ScanCSV, chunks, ranges
from zenml.data.csv.form import CSVForm
from zenml.data.csv.header import Header, read_headers
from zenml.data.csv.infer import infer
from zenml.data.csv.parse import SPLIT
from zenml.data.schema import Feature, LogicalType, Schema
from zenml.data.shards import RunJob, ShardJob, State
from zenml.data.source_files import SourceFile
from zenml.data.splits import fold_split, folded_casts, write_schema
from zenml.data.statistics import sample_size
from zenml.data.tables.bad_rows import REFUSE, BadRowRule, check_rows, leave_out
from zenml.data.tables.problems import changed_files
from zenml.data.tables.read import TableRead
from zenml.errors import DataError, Problem, closest


@dataclass(frozen=True)
class CSVReader:
    """Reads files of one table.

    Args:
        files: the files, in order.
        form: how to understand their text.
        declared: types that the user gave, by column.
        tfrecord: whether to write TFRecord copies.
        warn: tells the user what may need attention.
        target: length of the ranges that files are cut into; part of what the shards depend on.
        bad_rows: what is to become of bad rows.
    """

    files: Sequence[SourceFile]
    form: CSVForm
    declared: Mapping[str, LogicalType]
    tfrecord: bool
    warn: Callable[[str], None]
    target: int = TARGET
    bad_rows: BadRowRule = REFUSE

    def read(self, out: Path, scratch: Path, run_job: RunJob) -> TableRead:
        """Write the snapshot of the files into `out`.

        Raises:
            DataError: whatever is wrong with the files, all at once.
        """
        headers = read_headers(self.files, self.form)
        self._check_declared(headers[0])
        shards = self._shards(headers, scratch, run_job)
        if not shards:
            raise DataError([Problem(self._no_row, file.place) for file in self.files])
        inferred = infer(self.files, headers, self.form, self.declared)
        types, states = self._parse(dict(inferred.types), shards, out, scratch, run_job)
        self._check_unchanged()
        left_out = leave_out(self.bad_rows, self.files, shards, states, out, scratch, self.warn)
        schema = _schema(types)
        splits = {SPLIT: fold_split(out, SPLIT, schema, states)}
        if not splits[SPLIT]["rows"]:
            raise DataError([Problem(self._no_row, file.place) for file in self.files])
        for name in inferred.unknown:
            self.warn(
                f"column {name!r} has no value in the first rows and is read as text; "
                f'declare its type if it is another one, as in types={{"{name}": "float"}}'
            )
        write_schema(out, schema)
        return TableRead(splits, folded_casts(states), left_out)

    @property
    def _no_row(self) -> str:
        return "there is a header and no row" if self.form.columns is None else "there is no row"

    @property
    def _size(self) -> int:
        return sum(file.size for file in self.files)

    def _check_declared(self, header: Header) -> None:
        problems = [
            Problem(f"types names a column {name!r} that is not in the header", self.files[0].place, mend)
            for name in self.declared
            if name not in header.names
            for mend in [closest(name, header.names) or f"Columns: {', '.join(header.names)}"]
        ]
        if problems:
            raise DataError(problems)

    def _shards(self, headers: Sequence[Header], scratch: Path, run_job: RunJob) -> list[dict[str, Any]]:
        """Cut the files; small ones are scanned on the spot, as a function of their sizes alone."""
        scans = [chunks(file, header.start, self.target) for file, header in zip(self.files, headers, strict=True)]
        params = {"form": self.form.to_params()}
        flat = [chunk for some in scans for chunk in some]
        if self._size <= self.target:
            states = [ScanCSV(params, scratch).work(chunk) for chunk in flat]
        else:
            job = ShardJob(
                "zenml.data.csv.cut:ScanCSV", tuple(flat), str(scratch), params, "find row borders", self._size
            )
            states = run_job(job)
        self._check_unchanged()
        shards: list[dict[str, Any]] = []
        problems: list[Problem] = []
        for file, header, some in zip(self.files, headers, scans, strict=True):
            own, states = states[: len(some)], states[len(some) :]
            found = ranges(file, header.start, own, self.form)
            if isinstance(found, Problem):
                problems.append(found)
                continue
            for part in found:
                shards.append({"file": asdict(file), "range": asdict(part), "number": len(shards)})
        if problems:
            raise DataError(problems)
        return shards

    def _parse(
        self, types: dict[str, LogicalType], shards: list[dict[str, Any]], out: Path, scratch: Path, run_job: RunJob
    ) -> tuple[dict[str, LogicalType], list[State]]:
        """Parse all shards, again with floats where an integer column turns out to hold other numbers."""
        while True:
            integers = [name for name, kind in types.items() if kind is LogicalType.INTEGER]
            params = {
                "schema": _schema(types).to_json(),
                "form": self.form.to_params(),
                "widen": [name for name in integers if name not in self.declared],
                "sample": sample_size(len(shards)),
                "tfrecord": self.tfrecord,
                "bad_rows": self.bad_rows.to_params(scratch, self.files),
            }
            job = ShardJob("zenml.data.csv.parse:ReadCSV", tuple(shards), str(out), params, "read CSV", self._size)
            states = run_job(job)
            check_rows(self.bad_rows, self.files, shards, states)
            widened = {name for state in states for name in state.get("findings", {}).get("widened", ())}
            if not widened:
                return types, states
            types = {name: LogicalType.FLOAT if name in widened else kind for name, kind in types.items()}

    def _check_unchanged(self) -> None:
        problems = changed_files(self.files)
        if problems:
            raise DataError(problems)


def _schema(types: Mapping[str, LogicalType]) -> Schema:
    return Schema(tuple(Feature(name, kind) for name, kind in types.items()))
