"""Checks of columns by the statistics of the training rows, before anything is computed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from zenml.data.statistics import TableStatistics
from zenml.errors import Problem


def value_problems(statistics: TableStatistics, columns: Iterable[str], labels: Collection[str]) -> Iterator[Problem]:
    """Find columns without values, and labels with only one.

    Args:
        statistics: of the training rows.
        columns: the columns that are used.
        labels: those of them that are labels.
    """
    for name in columns:
        column = statistics[name]
        label = name in labels
        place = f"{'label' if label else 'feature'} {name!r}"
        rows = f"in the {statistics.rows:,} rows of the split train"
        if column.count == 0:
            mend = "Check the column in the source" if label else "Leave it out of the features"
            yield Problem(f"there is no value at all {rows}", place, mend)
        elif label and column.distinct == 1:
            shown = f", {column.top[0][0]!r}" if column.top else ""
            mend = "There is nothing to learn from one class; check the column, or how the rows are split"
            yield Problem(f"there is only one value{shown}, {rows}", place, mend)
