"""Reads TFRecord files into a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from zenml.data.foreign.read import reading
from zenml.data.schema import Feature, FeatureType, ListType, LogicalType, Schema
from zenml.data.shards import RunJob
from zenml.data.source_files import SourceFile
from zenml.data.tables.files import check_files, unknown_names
from zenml.data.tables.read import TableRead
from zenml.data.tables.writing import TableJob
from zenml.data.tfrecord import Sampled, sample_features
from zenml.errors import DataError, Problem

SAMPLE_RECORDS = 4096

_LOGICAL = {"float": LogicalType.FLOAT, "int64": LogicalType.INTEGER}
_STORED = {
    LogicalType.FLOAT: "float",
    LogicalType.INTEGER: "int64",
    LogicalType.BOOLEAN: "int64",
    LogicalType.TIMESTAMP: "int64",
    LogicalType.STRING: "bytes",
    LogicalType.BYTES: "bytes",
}
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class TFRecordReader:
    """Reads the files of one table.

    Args:
        files: the files, in order.
        declared: types that the user gave, by feature.
        columns: names of the features to read, in that order; all of the sample by default.
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
        sampled = self._sample()
        schema, kinds = self._schema(sampled)
        files = [file for file in self.files if file.size]
        shards = [{"file": asdict(file), "number": number} for number, file in enumerate(files)]
        params = {"kinds": kinds, "open": self.columns is not None}
        size = sum(file.size for file in files)
        job = TableJob(
            "zenml.data.foreign.read:ReadTFRecord", shards, schema, params, self.tfrecord, "read TFRecord", size
        )
        return job.write(out, run_job, partial(check_files, files, shards))

    def _sample(self) -> dict[str, Sampled]:
        """Look into the first records of the files, a share of them in each; damage is told when all is read."""
        found: dict[str, Sampled] = {}
        problems: list[Problem] = []
        damage: list[Problem] = []
        each = -(-SAMPLE_RECORDS // len(self.files))
        for file in self.files:
            if file.read(0, 2) == _GZIP:
                problems.append(Problem("this is gzip", file.url, "Unpack it first"))
                continue
            try:
                with reading(file) as read:
                    sample_features(read, file.size, each, name=file.url, found=found)
            except DataError as error:
                damage += error.problems
        if not found:
            problems += damage
        if not problems and not any(file.size for file in self.files):
            problems = [Problem("the file is empty", file.url) for file in self.files]
        if problems:
            raise DataError(problems)
        return found

    def _schema(self, sampled: Mapping[str, Sampled]) -> tuple[Schema, dict[str, str]]:
        """Return the columns, sorted by name unless they were chosen, and how each is stored."""
        first = self.files[0].url
        names = sorted({*sampled, *self.declared})
        problems = unknown_names(self.columns or (), names, "columns", first)
        features: list[Feature] = []
        kinds: dict[str, str] = {}
        for name in (name for name in self.columns or names if name in names):
            known = sampled.get(name) or Sampled({_STORED[self.declared[name].element]})
            problem = _feature_problem(name, known, self.declared.get(name), first)
            if problem:
                problems.append(problem)
                continue
            (kinds[name],) = known.kinds
            features.append(Feature(name, self.declared.get(name) or _sampled_type(kinds[name], known)))
        if not names:
            problems.append(Problem("the first records hold no feature", first))
        if problems:
            raise DataError(problems)
        return Schema(tuple(features)), kinds


def _sampled_type(kind: str, known: Sampled) -> FeatureType:
    """Return the type of a feature: one value if all records have one, numbers of one count as lists of that length."""
    element = _LOGICAL.get(kind, LogicalType.STRING if known.text else LogicalType.BYTES)
    if known.fewest == known.most == 1:
        return element
    return ListType.of(element, known.most if element.numeric and known.fewest == known.most else None)


def _feature_problem(name: str, known: Sampled, declared: FeatureType | None, where: str) -> Problem | None:
    place, mend = f"{where}, feature {name}", "Leave it out by naming the others in columns=[…]"
    if len(known.kinds) > 1:
        return Problem(f"it is of several kinds: {' and '.join(sorted(known.kinds))}", place, mend)
    if declared and not declared.shape and (known.fewest, known.most) != (1, 1):
        count = f"{known.fewest}" if known.fewest == known.most else f"{known.fewest} to {known.most}"
        mend = f'Declare it as lists, as in types={{"{name}": "list<{declared}>"}}'
        return Problem(f"its lists hold {count} values, and {declared} is one value", place, mend)
    return None
