"""Inference: logical types from the first rows of the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from zenml.data.csv.cells import Cells
from zenml.data.csv.cut import Range
from zenml.data.csv.form import CSVForm
from zenml.data.csv.header import Header
from zenml.data.csv.stream import RowTooLongError, blocks, stream
from zenml.data.schema import LogicalType
from zenml.data.source_files import SourceFile

SAMPLE_ROWS = 1 << 16
_NUMERIC_SHARE = 0.95


@dataclass
class _Tally:
    """What the sampled cells of a column look like; `whole` says that all numbers so far were integers."""

    valid: int = 0
    floats: int = 0
    fitting: int = 0
    booleans: int = 0
    whole: bool = True

    def add(self, cells: Cells) -> None:
        """Count the cells of one batch."""
        valid = int(cells.valid().sum())
        self.valid += valid
        if self.whole and cells.all_integers():
            self.floats += valid
            self.fitting += valid
            return
        floats = int(cells.floats().sum())
        self.floats += floats
        if floats and self.whole:
            self.whole = int(cells.integers().sum()) == floats
            self.fitting += int(cells.fitting_integers().sum())
        if not self.floats:
            self.booleans += int(cells.booleans().sum())

    @property
    def type(self) -> LogicalType:
        """Return the type that fits."""
        enough = _NUMERIC_SHARE * self.valid
        if not self.valid:
            return LogicalType.STRING
        if self.booleans == self.valid:
            return LogicalType.BOOLEAN
        if self.floats < enough:
            return LogicalType.STRING
        if not self.whole:
            return LogicalType.FLOAT
        # Integers beyond 64 bits are identifiers, which a float would round.
        return LogicalType.INTEGER if self.fitting >= enough else LogicalType.STRING


@dataclass(frozen=True)
class Inferred:
    """Types of all columns, and the names of those in which the sample held no value."""

    types: Mapping[str, LogicalType]
    unknown: tuple[str, ...]


def infer(
    files: Sequence[SourceFile], headers: Sequence[Header], form: CSVForm, declared: Mapping[str, LogicalType]
) -> Inferred:
    """Infer the types of the columns that are not declared from the first 65,536 rows of the files.

    A column is numeric when at least 95 % of its cells that are not null are numbers: integer when all of these are
    integers, else float. It is boolean when all are `true` or `false`. Anything else is a string.
    """
    names = headers[0].names
    tallies = {name: _Tally() for name in names if name not in declared}
    left = SAMPLE_ROWS if tallies else 0
    for file, header in zip(files, headers, strict=True):
        if left <= 0:
            break
        for batch in _sample(file, Range(header.start, file.size, quoted=True), names, form, left):
            left -= batch.num_rows
            for name, tally in tallies.items():
                tally.add(Cells(batch.column(name), form))
    types = {name: declared[name] if name in declared else tallies[name].type for name in names}
    return Inferred(types, tuple(name for name, tally in tallies.items() if not tally.valid))


def _sample(file: SourceFile, part: Range, names: Sequence[str], form: CSVForm, rows: int) -> list[pa.RecordBatch]:
    types = {name: pa.binary() for name in names}
    for block in blocks(part):
        found: list[pa.RecordBatch] = []
        left = rows
        try:
            for batch in stream(file, part, types, form, block=block, on_ragged=_skip):
                found.append(batch.slice(0, left))
                left -= found[-1].num_rows
                if left <= 0:
                    break
        except RowTooLongError:
            continue
        return found
    return []


def _skip(_: object) -> str:
    return "skip"
