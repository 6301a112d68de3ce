"""Dealer: the interface of all ways to deal rows out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

SKIP = -1
"""The place of a row that goes into no split."""

Places = npt.NDArray[np.int64]


class Dealer(ABC):
    """Says for each row which split it goes into.

    Args:
        params: JSON parameters; those of each dealer stand in its docstring.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params

    @abstractmethod
    def places(self, batch: pa.RecordBatch, first: int) -> Places:
        """Return for each row the place of its split in the list of splits, or `SKIP`.

        Args:
            batch: rows that follow each other.
            first: number of the first of them in the whole snapshot.
        """

    def facts(self) -> dict[str, Any]:
        """Return what was found in the rows of the shard, for the fold (JSON types and arrays of numbers)."""
        return {}
