"""RandomSplit: splits of given shares, by a hash of each row's number."""

from __future__ import annotations

from pydantic import Field, field_validator

from zenml.steps.base import Inputs, StepContext
from zenml.steps.split.base import Split
from zenml.steps.split.shares import check_shares


class RandomSplit(Split):
    """Put each row into a split at random, in given shares.

    Where a row goes depends on the pipeline's seed and the row's number alone: rows that are appended to the data
    leave the others where they were.

    Args:
        split_map: share of the rows by name of the split, as in `{"train": 0.7, "eval": 0.3}`; the shares sum to 1.
    """

    CACHE_VERSION = 1

    split_map: dict[str, float] = Field(default_factory=lambda: {"train": 0.7, "eval": 0.3})

    _shares = field_validator("split_map")(check_shares)

    def split_names(self, inputs: Inputs) -> tuple[str, ...]:
        """Return the names in `split_map`."""
        return tuple(self.split_map)

    def run(self, context: StepContext) -> None:
        """Deal the rows out."""
        from zenml.data.dealing import hash_borders

        borders = hash_borders(self.split_map)
        self._deal(context, [*borders], {"by": "row", "borders": [*borders.values()], "seed": context.seed})
