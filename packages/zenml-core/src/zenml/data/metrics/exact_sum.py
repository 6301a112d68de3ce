"""ExactSums: sums of floats that no order of adding changes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

_BITS = 53
_LOW = 27
_MOST = 1 << 22
"""Values that are added at once: so few that the sums of their halves stay below 2 ** 53."""

_SMALLEST = -1074 - _BITS
"""Power of two of which the sums are multiples: no float has a smaller last bit."""


class ExactSums:
    """One sum per group of rows, kept as a whole number of the smallest float, so that nothing is ever rounded.

    Because adding is exact, batches and shards may come in any cut and any order; only the result is rounded, once.

    Args:
        groups: how many sums there are.
    """

    def __init__(self, groups: int) -> None:
        self.totals = [0] * groups
        self.infinite = np.zeros(groups, np.bool_)

    def update(self, numbers: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> None:
        """Add each value to the sum of its number; what is not finite only marks that sum."""
        finite = np.isfinite(values)
        if not finite.all():
            self.infinite[numbers[~finite]] = True
            numbers, values = numbers[finite], values[finite]
        for start in range(0, len(values), _MOST):
            self._add(numbers[start : start + _MOST], values[start : start + _MOST])

    def merge(self, other: ExactSums) -> None:
        """Add the sums of other rows."""
        self.totals = [mine + theirs for mine, theirs in zip(self.totals, other.totals, strict=True)]
        self.infinite |= other.infinite

    def result(self) -> Sequence[Fraction | None]:
        """Return each sum, None where something that is not finite was added."""
        unit = Fraction(1, 1 << -_SMALLEST)
        rows = zip(self.totals, self.infinite.tolist(), strict=True)
        return [None if infinite else total * unit for total, infinite in rows]

    def _add(self, numbers: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> None:
        if len(values) == 0:
            return
        fractions, exponents = np.frexp(values)
        digits = np.ldexp(fractions, _BITS).astype(np.int64)
        least = int(exponents.min())
        span = int(exponents.max()) - least + 1
        places = numbers * span + (exponents - least)
        high = np.bincount(places, weights=digits >> _LOW)
        low = np.bincount(places, weights=digits & ((1 << _LOW) - 1))
        for place in np.flatnonzero((high != 0) | (low != 0)).tolist():
            number, exponent = divmod(place, span)
            digit = (int(high[place]) << _LOW) + int(low[place])
            self.totals[number] += digit << (exponent + least - _BITS - _SMALLEST)


def product_error(values: npt.NDArray[np.float64], squares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return what rounding took from squares: `squares` and this together are the exact squares of `values`."""
    cut = values * 134217729.0  # 2 ** 27 + 1 splits a float into halves whose products are exact
    high = cut - (cut - values)
    low = values - high
    return low * low - ((squares - high * high) - 2 * high * low)
