"""TableStatistics: the summary of a table's columns, as it is kept in `statistics.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from zenml.data.schema import FeatureType, feature_type
from zenml.errors import DataError, Problem, closest

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts between neighbouring borders of equal distance; the last bar includes its upper border."""

    borders: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Summary of the finite numbers of a column (timestamps: microseconds since the epoch).

    Args:
        mean: arithmetic mean.
        std: sample standard deviation (divisor n - 1); None below two values, and beyond the range of floats.
        min: smallest value.
        max: largest value.
        infinite: how many infinities there are; they are in no other figure.
        quantiles: by share, interpolated linearly.
        histogram: of bars of equal width.
        sampled: None where quantiles and histogram are exact, else the size of the sample that they come from; their
            rank error is then about 0.5 / sqrt(sampled).
    """

    mean: float
    std: float | None
    min: int | float
    max: int | float
    infinite: int
    quantiles: Mapping[str, float]
    histogram: Histogram
    sampled: int | None


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lengths of the cells of a column, in characters for strings and in bytes for bytes."""

    mean: float
    min: int
    max: int


@dataclass(frozen=True, slots=True)
class ListFigures:
    """How long the lists of a column are.

    Args:
        mean: mean number of values in a list.
        min: the fewest values in a list.
        max: the most values in a list.
        values: values in all lists together that are there.
        missing: values missing inside of lists.
    """

    mean: float
    min: int
    max: int
    values: int
    missing: int


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """Summary of one column; of lists, what is not said of cells is said of the values of all lists together.

    Args:
        name: the column's name.
        type: its type.
        count: cells with a value.
        missing: cells without one; not-a-number is none.
        distinct: number of distinct values.
        distinct_exact: whether `distinct` was counted; else it is an estimate with a standard error of 1.6 %.
        top: the most frequent values and their exact counts; None where there are more than 4,096 values (or more than
            1 MiB of them), and for bytes.
        numbers: of integers, floats and timestamps that have a finite value.
        lengths: of strings and bytes.
        lists: of lists.
    """

    name: str
    type: FeatureType
    count: int
    missing: int
    distinct: int
    distinct_exact: bool
    top: tuple[tuple[bool | int | float | str | bytes, int], ...] | None
    numbers: Numbers | None
    lengths: Lengths | None
    lists: ListFigures | None = None

    @property
    def values(self) -> int:
        """Return how many values there are, in cells or in lists."""
        return self.count if self.lists is None else self.lists.values


@dataclass(frozen=True)
class TableStatistics:
    """Summary of a table: its row count and its columns, in the schema's order."""

    rows: int
    columns: tuple[ColumnStatistics, ...]

    def __getitem__(self, name: str) -> ColumnStatistics:
        """Return the summary of the column called `name`.

        Raises:
            DataError: there is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise DataError(Problem(f"there is no column {name!r}", mend=closest(name, (c.name for c in self.columns))))

    def to_json(self) -> str:
        """Return the text of `statistics.json`."""
        body = {"format": FORMAT, **asdict(self)}
        for column in body["columns"]:
            if column["lists"] is None:
                del column["lists"]
        return json.dumps(body, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> TableStatistics:
        """Read what `to_json` wrote."""
        row = json.loads(text)
        return cls(row["rows"], tuple(_column(column) for column in row["columns"]))


def _column(row: dict[str, object]) -> ColumnStatistics:
    numbers, lengths, top = row.pop("numbers"), row.pop("lengths"), row.pop("top")
    fields = {
        **row,
        "type": feature_type(str(row["type"])),
        "top": None if not isinstance(top, list) else tuple((value, count) for value, count in top),
        "numbers": None,
        "lengths": None,
    }
    if isinstance(numbers, dict):
        bars = numbers.pop("histogram")
        histogram = Histogram(tuple(bars["borders"]), tuple(bars["counts"]))
        fields["numbers"] = Numbers(**numbers, histogram=histogram)
    if isinstance(lengths, dict):
        fields["lengths"] = Lengths(**lengths)
    if isinstance(row.get("lists"), dict):
        fields["lists"] = ListFigures(**row["lists"])  # type: ignore[arg-type] # the fields that to_json wrote
    return ColumnStatistics(**fields)  # type: ignore[arg-type] # the fields of a JSON object that to_json wrote
