"""NoSplit: all rows in one split."""

from __future__ import annotations

from zenml.steps.base import Inputs, StepContext
from zenml.steps.split.base import Split

_NAME = "train"


class NoSplit(Split):
    """Put all rows into one split, `train`."""

    CACHE_VERSION = 1
    SEEDED = False

    def split_names(self, inputs: Inputs) -> tuple[str, ...]:
        """Return `train`."""
        return (_NAME,)

    def run(self, context: StepContext) -> None:
        """Take the rows over."""
        self._deal(context, [_NAME], {"by": "row", "borders": [], "seed": context.seed})
