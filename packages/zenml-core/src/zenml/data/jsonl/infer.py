"""Inference: columns and their logical types from the first lines of the files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.jsonl.arrow import count_lines, first_lines, read_block
from zenml.data.jsonl.lines import line_blocks
from zenml.data.jsonl.objects import BadLine, Number, parse_lines
from zenml.data.jsonl.values import NotIntegerError, UnfitError, cell
from zenml.data.schema import Feature, LogicalType, Schema
from zenml.data.source_files import SourceFile
from zenml.data.tables.files import unknown_names, unknown_type_warning
from zenml.errors import DataError, Problem

SAMPLE_ROWS = 1 << 16
_SHARE = 0.95
_MOST = float(1 << 53)
"""Whole numbers from here on may be integers that Arrow has rounded."""


@dataclass
class _Tally:
    """What the sampled values of a column are; `nested` is the file in which the first nested one stands."""

    integers: int = 0
    floats: int = 0
    large: int = 0
    booleans: int = 0
    texts: int = 0
    nested: str = ""

    @property
    def valid(self) -> int:
        return self.integers + self.floats + self.large + self.booleans + self.texts

    def type(self) -> LogicalType | None:
        """Return the type that fits 95 % of the values, or None."""
        enough = _SHARE * self.valid
        if not self.valid or self.texts >= enough:
            return LogicalType.STRING
        if self.booleans >= enough:
            return LogicalType.BOOLEAN
        if self.integers + self.floats + self.large < enough:
            return None
        if self.floats:
            return LogicalType.FLOAT
        # Integers beyond 64 bits are identifiers, which a float would round.
        return LogicalType.INTEGER if self.integers >= enough else LogicalType.STRING


@dataclass
class _Sample:
    """Tallies of all columns, in the order in which they are met."""

    tallies: dict[str, _Tally] = field(default_factory=dict)
    rows: int = 0
    bad: list[Problem] = field(default_factory=list)

    def add_block(self, block: bytes, url: str) -> None:
        """Count the values of some lines."""
        table = read_block(block, None, "infer")
        if table is None or any(_rounded(column) for column in table.columns):
            for row in parse_lines(block):
                self.rows += 1
                if isinstance(row, BadLine):
                    self.bad.append(Problem(row.what, url, row.mend))
                else:
                    self._add_members(row, url)
            return
        self.rows += table.num_rows
        for name, column in zip(table.column_names, table.columns, strict=True):
            self._add_column(self.tallies.setdefault(name, _Tally()), column, url)

    def _add_column(self, tally: _Tally, column: pa.ChunkedArray, url: str) -> None:
        valid = len(column) - column.null_count
        if pa.types.is_nested(column.type):
            tally.nested = tally.nested or (url if valid else "")
        elif pa.types.is_int64(column.type):
            tally.integers += valid
        elif pa.types.is_floating(column.type):
            tally.floats += valid
        elif pa.types.is_boolean(column.type):
            tally.booleans += valid
        elif not pa.types.is_null(column.type):
            tally.texts += valid

    def _add_members(self, members: Mapping[str, Any], url: str) -> None:
        for name, value in members.items():
            tally = self.tallies.setdefault(name, _Tally())
            if isinstance(value, list):
                tally.nested = tally.nested or url
            elif isinstance(value, bool):
                tally.booleans += 1
            elif isinstance(value, Number):
                self._add_number(tally, value)
            elif value is not None:
                tally.texts += 1

    def _add_number(self, tally: _Tally, value: Number) -> None:
        try:
            tally.integers += cell(value, LogicalType.INTEGER, declared=False) is not None
        except NotIntegerError:
            tally.floats += 1
        except UnfitError:
            tally.large += 1


def _rounded(column: pa.ChunkedArray) -> bool:
    return pa.types.is_floating(column.type) and bool(pc.any(pc.greater_equal(pc.abs(column), _MOST)).as_py())


def infer(
    files: Sequence[SourceFile],
    declared: Mapping[str, LogicalType],
    columns: Sequence[str] | None,
    warn: Callable[[str], None],
) -> tuple[Schema, tuple[str, ...]]:
    """Return the columns, and the names of those whose numbers are kept as text, as they are written.

    The columns are those of the first 65,536 lines of the files, in the order in which they are met, and the declared
    ones. A column is of the kind (integers, numbers, texts, truth values) that 95 % of its values are.

    Raises:
        DataError: nested values, columns of several kinds, unknown names in `columns`; all at once.
    """
    sample = _Sample()
    for file, block in _blocks(files):
        sample.add_block(first_lines(block, SAMPLE_ROWS - sample.rows), file.place)
        if sample.rows >= SAMPLE_ROWS:
            break
    names = [*sample.tallies, *(name for name in declared if name not in sample.tallies)]
    problems = unknown_names(columns or (), names, "columns", files[0].place)
    features: list[Feature] = []
    as_text: list[str] = []
    for name in (name for name in columns or names if name in names):
        tally = sample.tallies.get(name, _Tally())
        kind = declared.get(name) or tally.type()
        if tally.nested:
            mend = "Flatten the column first, or leave it out by naming the others in columns=[…]"
            what = "it holds nested values, which a table of features cannot"
            problems.append(Problem(what, f"{tally.nested}, column {name}", mend))
        elif kind is None:
            problems.append(_mixed(name, tally, files[0].place))
        else:
            features.append(Feature(name, kind))
            if kind is LogicalType.STRING and tally.large and name not in declared:
                as_text.append(name)
            if not tally.valid and name not in declared:
                warn(unknown_type_warning(name))
    if not names:
        problems += sample.bad[:1] or [Problem("there is no object with a member", file.place) for file in files]
    if problems:
        raise DataError(problems)
    return Schema(tuple(features)), tuple(as_text)


def _blocks(files: Sequence[SourceFile]) -> Iterator[tuple[SourceFile, bytes]]:
    for file in files:
        for block in line_blocks(file, 0, file.size):
            if count_lines(block):
                yield file, block


def _mixed(name: str, tally: _Tally, url: str) -> Problem:
    counts = {
        "numbers": tally.integers + tally.floats + tally.large,
        "texts": tally.texts,
        "truth values": tally.booleans,
    }
    told = " and ".join(f"{count} {what}" for what, count in counts.items() if count)
    mend = f'Declare its type, as in types={{"{name}": "string"}}, which keeps numbers as they are written'
    return Problem(f"its first values are of several kinds: {told}", f"{url}, column {name}", mend)
