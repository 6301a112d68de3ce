"""Anomalies: how a table differs from what is expected of it, and from an earlier version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from zenml.data.pinned_schema import ColumnRule, PinnedSchema
from zenml.data.schema import LogicalType
from zenml.data.statistics.comparing import by_chance, common_bins, jensen_shannon, l_infinity, shares_of_values
from zenml.data.statistics.summary import ColumnStatistics, TableStatistics
from zenml.errors import Problem, closest

_SHOWN = 5
_NUMERIC = (LogicalType.INTEGER, LogicalType.FLOAT, LogicalType.TIMESTAMP)


@dataclass(frozen=True)
class Limits:
    """Distances from which two versions of a column are called different, where chance does not explain them.

    Args:
        jensen_shannon: of numeric columns, 0 to 1.
        l_infinity: of columns of few values, the largest difference between the shares of one value.
        missing: difference between the shares of missing cells.
    """

    jensen_shannon: float = 0.1
    l_infinity: float = 0.1
    missing: float = 0.1


@dataclass(frozen=True)
class Anomaly:
    """One thing that is not as expected.

    Args:
        column: which column.
        kind: `missing-column`, `new-column`, `type`, `shape`, `presence`, `domain`, `range` or `drift`.
        what: what it is, with the figures.
        mend: what to do about it.
    """

    column: str
    kind: str
    what: str
    mend: str = ""

    def to_problem(self) -> Problem:
        """Return it as a problem of an error."""
        return Problem(self.what, f"column {self.column!r}", self.mend)


def find_anomalies(
    table: TableStatistics,
    pinned: PinnedSchema | None = None,
    previous: TableStatistics | None = None,
    limits: Limits | None = None,
) -> list[Anomaly]:
    """Return everything about a table that is not as expected.

    Args:
        table: statistics of the table.
        pinned: what is expected of its columns.
        previous: statistics of an earlier version, to compare distributions with.
        limits: from where distributions differ.
    """
    found: list[Anomaly] = []
    columns = {column.name: column for column in table.columns}
    if pinned:
        found += _against_schema(columns, pinned)
    if previous:
        limits = limits or Limits()
        for old in previous.columns:
            if old.name in columns and columns[old.name].type == old.type:
                found += find_drift(columns[old.name], old, limits)
    return found


def _against_schema(columns: dict[str, ColumnStatistics], pinned: PinnedSchema) -> Iterator[Anomaly]:
    for name, rule in pinned.columns.items():
        if name not in columns:
            new = [column for column in columns if column not in pinned.columns]
            yield Anomaly(name, "missing-column", "it is not in the data", closest(name, new))
        else:
            yield from _against_rule(columns[name], rule)
    for name in columns:
        if name not in pinned.columns:
            yield Anomaly(
                name, "new-column", "the pinned schema does not know it", "Pin the schema again if it is meant"
            )


def _against_rule(column: ColumnStatistics, rule: ColumnRule) -> Iterator[Anomaly]:
    if column.type.element != rule.type:
        yield Anomaly(column.name, "type", f"it was {rule.type}, and is {column.type}")
        return
    if not rule.takes(column.type.shape):
        yield Anomaly(column.name, "shape", f"it was {rule.feature_type}, and is {column.type}")
        return
    cells = column.count + column.missing
    share = column.count / cells if cells else 1.0
    if share < rule.presence:
        what = f"{share:.1%} of its cells have a value, and at least {rule.presence:.1%} should"
        yield Anomaly(column.name, "presence", what)
    if rule.domain is not None:
        if column.top is None:
            yield Anomaly(
                column.name, "domain", f"it has {column.distinct:,} values, and {len(rule.domain)} are allowed"
            )
        else:
            strange = [(str(value), count) for value, count in column.top if str(value) not in rule.domain]
            if strange:
                listed = ", ".join(f"{value!r} ({count:,} times)" for value, count in strange[:_SHOWN])
                more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
                yield Anomaly(column.name, "domain", f"values outside of its domain: {listed}{more}")
    if column.numbers and rule.min is not None and column.numbers.min < rule.min:
        yield Anomaly(column.name, "range", f"its smallest value is {column.numbers.min}, below {rule.min}")
    if column.numbers and rule.max is not None and column.numbers.max > rule.max:
        yield Anomaly(column.name, "range", f"its largest value is {column.numbers.max}, above {rule.max}")


def find_drift(new: ColumnStatistics, old: ColumnStatistics, limits: Limits) -> Iterator[Anomaly]:
    """Yield how a column's distribution differs from that of a column of the same type."""
    shares_missing = [column.missing / max(column.count + column.missing, 1) for column in (old, new)]
    if abs(shares_missing[1] - shares_missing[0]) >= limits.missing:
        what = f"the share of missing cells went from {shares_missing[0]:.1%} to {shares_missing[1]:.1%}"
        yield Anomaly(new.name, "drift", what)
    rows = (old.values, new.values)
    if new.type.element in _NUMERIC:
        bins = common_bins([old, new])
        if bins is None:
            return
        first, second = bins[0]
        distance, chance = jensen_shannon(first, second), 2 * by_chance(first, second, rows)
        if distance >= max(limits.jensen_shannon, chance):
            what = f"the distributions differ: Jensen-Shannon distance {distance:.2f}"
            yield Anomaly(new.name, "drift", what)
        return
    shares = shares_of_values([old, new])
    if shares is None:
        return
    distance, chance = l_infinity(shares, 0, 1), 1.5 * sum(1 / max(count, 1) for count in rows) ** 0.5
    if distance >= max(limits.l_infinity, chance):
        what = f"the distributions differ: L-infinity distance {distance:.2f}"
        yield Anomaly(new.name, "drift", what)
