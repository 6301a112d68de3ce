"""Comparing the distributions of a column in several tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

from zenml.data.statistics.summary import ColumnStatistics, Histogram

BINS = 24
"""Bars into which numeric columns are put for drawing and comparing."""


def common_bins(columns: Sequence[ColumnStatistics]) -> tuple[list[list[float]], float, float] | None:
    """Return the shares of the values of each column in bars of one common axis, and the axis's ends.

    Exact where the statistics hold the count of every value; else a histogram's counts are spread evenly inside its
    bars. None where no column has a number.
    """
    numbers = [column.numbers for column in columns if column.numbers]
    if not numbers:
        return None
    low, high = float(min(row.min for row in numbers)), float(max(row.max for row in numbers))
    return [_shares(column, low, high) for column in columns], low, high


def _shares(column: ColumnStatistics, low: float, high: float) -> list[float]:
    if column.numbers is None:
        return [0.0] * BINS
    counts = [(float(value), count) for value, count in column.top or () if not isinstance(value, str | bytes)]
    if column.numbers.infinite or sum(count for _, count in counts) != column.values:
        return _rebin(column.numbers.histogram, low, high)
    shares = [0.0] * BINS
    for value, count in counts:
        place = int((value - low) / (high - low) * BINS) if high > low else 0
        shares[min(place, BINS - 1)] += count / column.values
    return shares


def _rebin(histogram: Histogram, low: float, high: float) -> list[float]:
    shares = [0.0] * BINS
    total = sum(histogram.counts)
    if not total:
        return shares
    width = (high - low) / BINS
    for left, right, count in zip(histogram.borders, histogram.borders[1:], histogram.counts, strict=False):
        if not count:
            continue
        if width <= 0 or right <= left:
            place = 0 if width <= 0 else min(int((left - low) / width), BINS - 1)
            shares[place] += count / total
            continue
        first, last = (min(max(int((edge - low) / width), 0), BINS - 1) for edge in (left, right))
        for place in range(first, last + 1):
            overlap = min(right, low + (place + 1) * width) - max(left, low + place * width)
            shares[place] += count / total * max(overlap, 0.0) / (right - left)
    return shares


def jensen_shannon(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the Jensen-Shannon distance of two distributions: 0 for equal ones, 1 for ones that share nothing.

    The square root of the divergence to the base 2 (Endres and Schindelin 2003, https://doi.org/10.1109/TIT.2003.813506).
    """
    total_first, total_second = sum(first) or 1.0, sum(second) or 1.0
    divergence = 0.0
    for a, b in zip(first, second, strict=True):
        p, q = a / total_first, b / total_second
        middle = (p + q) / 2
        divergence += sum(part * math.log2(part / middle) / 2 for part in (p, q) if part)
    return math.sqrt(min(max(divergence, 0.0), 1.0))


def by_chance(first: Sequence[float], second: Sequence[float], rows: tuple[int, int]) -> float:
    """Return the Jensen-Shannon distance to expect between two samples of one distribution.

    From the expected divergence (k - 1) / (8 ln 2) * (1 / n + 1 / m) of k bars (as of a chi-squared statistic).
    """
    bars = sum(1 for a, b in zip(first, second, strict=True) if a or b)
    return math.sqrt(max(bars - 1, 0) / (8 * math.log(2)) * sum(1 / max(count, 1) for count in rows))


def shares_of_values(columns: Sequence[ColumnStatistics]) -> dict[str, list[float]] | None:
    """Return, for each value of a categorical column, its share of all values in each table.

    None where a table has too many values to have counted them.
    """
    if any(column.top is None for column in columns):
        return None
    found: dict[str, list[float]] = {}
    for number, column in enumerate(columns):
        for value, count in column.top or ():
            found.setdefault(str(value), [0.0] * len(columns))[number] = count / max(column.values, 1)
    return dict(sorted(found.items(), key=lambda item: -sum(item[1])))


def l_infinity(shares: dict[str, list[float]], first: int, second: int) -> float:
    """Return the largest difference between the shares of one value in two tables."""
    return max((abs(row[first] - row[second]) for row in shares.values()), default=0.0)
