"""Grouping: into which of some groups each row falls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt


class Grouping(Protocol):
    """Rows in groups; a row is in one of them, or in none."""

    @property
    def sizes(self) -> Sequence[int]:
        """Return how many rows each group has."""

    def numbers(self, start: int, stop: int) -> npt.NDArray[np.int64]:
        """Return the number of the group of each row from `start` to before `stop`, -1 for a row in none."""


class Whole:
    """All rows as one group.

    Args:
        rows: how many there are.
    """

    def __init__(self, rows: int) -> None:
        self.sizes = (rows,)

    def numbers(self, start: int, stop: int) -> npt.NDArray[np.int64]:
        """Return a zero for each row."""
        return np.zeros(stop - start, np.int64)
