"""LabelScan: what the values of a label are, found in one pass that keeps no rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from zenml.steps.trainer.reader import SplitReader, label_array

MOST_VALUES = 100_000
"""More different values than these are not counted one by one."""


@dataclass
class LabelScan:
    """The values of a label in a split.

    Args:
        rows: how many rows have a value.
        absent: how many have none.
        counts: how often each value occurs; only some of the values where there are more than `MOST_VALUES`.
    """

    rows: int = 0
    absent: int = 0
    counts: dict[float, int] = field(default_factory=dict)

    def update(self, column: npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> None:
        """Count the values of some rows."""
        if column.dtype.kind == "f":
            present = column[np.isfinite(column)]
            self.absent += len(column) - len(present)
            column = present
        self.rows += len(column)
        if len(self.counts) <= MOST_VALUES:
            for value, count in zip(*(part.tolist() for part in np.unique(column, return_counts=True)), strict=True):
                self.counts[value] = self.counts.get(value, 0) + count

    @property
    def values(self) -> npt.NDArray[np.float64] | npt.NDArray[np.int64]:
        """The different values, ascending."""
        return np.array(sorted(self.counts))


def scan_labels(reader: SplitReader) -> Mapping[str, LabelScan]:
    """Return what the values of each label of a split are."""
    found = {name: LabelScan() for name in reader.labels}
    for batch in reader.batches():
        for name, scan in found.items():
            scan.update(label_array(batch.column(name)))
    return found
