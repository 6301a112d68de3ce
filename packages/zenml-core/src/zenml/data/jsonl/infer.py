"""Inference: columns and their logical types from the first lines of the files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.jsonl.arrow import count_lines, first_lines, read_block
from zenml.data.jsonl.lines import line_blocks
from zenml.data.jsonl.objects import BadLine, Members, Number, parse_lines
from zenml.data.jsonl.values import NotIntegerError, UnfitError, cell
from zenml.data.lists import Lists
from zenml.data.schema import ELEMENTS, Feature, FeatureType, ListType, LogicalType, Schema
from zenml.data.source_files import SourceFile
from zenml.data.tables.files import unknown_names, unknown_type_warning
from zenml.errors import DataError, Problem

SAMPLE_ROWS = 1 << 16
_SHARE = 0.95
_MOST = float(1 << 53)
"""Whole numbers from here on may be integers that Arrow has rounded."""


@dataclass
class _Tally:
    """What the sampled values of a column are; `nested_in` is the file in which the first one nested deeper stands.

    The values in the lists of a column have a tally of their own; `lengths` are those of the lists, two at most.
    """

    integers: int = 0
    floats: int = 0
    large: int = 0
    booleans: int = 0
    texts: int = 0
    lists: int = 0
    inner: _Tally | None = None
    lengths: set[int] = field(default_factory=set)
    nested: int = 0
    nested_in: str = ""

    @property
    def valid(self) -> int:
        return self.integers + self.floats + self.large + self.booleans + self.texts + self.lists

    def in_lists(self) -> _Tally:
        """Return the tally of the values in the lists."""
        self.inner = self.inner or _Tally()
        return self.inner

    def add_lengths(self, lengths: set[int]) -> None:
        """Note how long some lists are."""
        if len(self.lengths) < 2:
            self.lengths |= lengths

    def add_nested(self, count: int, url: str) -> None:
        """Count values nested deeper than a list."""
        self.nested += count
        self.nested_in = self.nested_in or (url if count else "")

    def too_nested(self, lenient: bool) -> bool:
        """Say whether nested values are what is wrong with the column, and not with a few rows that may be left out."""
        return bool(self.nested) and not (lenient and self.valid >= _SHARE * (self.valid + self.nested))

    def type(self) -> FeatureType | None:
        """Return the type that fits 95 % of the values, or None."""
        enough = _SHARE * self.valid
        if self.inner and self.lists >= enough:
            return self._list_type(self.inner.type())
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

    def _list_type(self, element: FeatureType | None) -> FeatureType | None:
        if not isinstance(element, LogicalType) or element not in ELEMENTS:
            return None
        fixed = element.numeric and len(self.lengths) == 1
        return ListType.of(element, next(iter(self.lengths)) if fixed else None)


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
        if pa.types.is_list(column.type) and not pa.types.is_nested(column.type.value_type):
            tally.lists += valid
            for chunk in column.chunks:
                lists = Lists.of(chunk)
                known = lists.counts if lists.missing is None else lists.counts[~lists.missing]
                tally.add_lengths(set(known[:1].tolist()) | set(known[known != known[:1]][:1].tolist()))
                self._add_column(tally.in_lists(), pa.chunked_array([lists.values]), url)
        elif pa.types.is_nested(column.type):
            tally.add_nested(valid, url)
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
            self._add_value(self.tallies.setdefault(name, _Tally()), value, url)

    def _add_value(self, tally: _Tally, value: Any, url: str, inside: bool = False) -> None:
        if isinstance(value, Members) or (inside and isinstance(value, list)):
            tally.add_nested(1, url)
        elif isinstance(value, list):
            tally.lists += 1
            tally.add_lengths({len(value)})
            for each in value:
                self._add_value(tally.in_lists(), each, url, inside=True)
            tally.in_lists()
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
    if pa.types.is_list(column.type):
        column = column.combine_chunks().flatten()
    return pa.types.is_floating(column.type) and bool(pc.any(pc.greater_equal(pc.abs(column), _MOST)).as_py())


def infer(
    files: Sequence[SourceFile],
    declared: Mapping[str, FeatureType],
    columns: Sequence[str] | None,
    warn: Callable[[str], None],
    lenient: bool = False,
) -> tuple[Schema, tuple[str, ...]]:
    """Return the columns, and the names of those whose numbers are kept as text, as they are written.

    The columns are those of the first 65,536 lines of the files, in the order in which they are met, and the declared
    ones. A column is of the kind (integers, numbers, texts, truth values) that 95 % of its values are.

    Args:
        files: the files.
        declared: types that the user gave, by column.
        columns: names of the columns to read, in that order; all by default.
        warn: tells the user what may need attention.
        lenient: whether rows may be left out, so that a few nested values are no fault of their column.

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
        if tally.too_nested(lenient):
            mend = "Flatten the column first, or leave it out by naming the others in columns=[…]"
            what = "it holds values nested deeper than a list, which a table of features cannot"
            problems.append(Problem(what, f"{tally.nested_in}, column {name}", mend))
        elif kind is None:
            problems.append(_mixed(name, tally, files[0].place))
        else:
            features.append(Feature(name, kind))
            if kind is LogicalType.STRING and tally.large and name not in declared:
                as_text.append(name)
            if not (tally.inner or tally).valid and name not in declared:
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
        "lists": tally.lists,
    }
    if tally.inner and tally.lists == tally.valid:
        mend = f'A list can have integers, floats or texts; declare them, as in types={{"{name}": "list<string>"}}'
        return Problem("its lists are of truth values, or of several kinds", f"{url}, column {name}", mend)
    told = " and ".join(f"{count} {what}" for what, count in counts.items() if count)
    mend = f'Declare its type, as in types={{"{name}": "string"}}, which keeps numbers as they are written'
    return Problem(f"its first values are of several kinds: {told}", f"{url}, column {name}", mend)
