"""RandomSplit: splits of given shares, by a hash of each row's number."""

from __future__ import annotations

from math import fsum

from pydantic import Field, field_validator

from zenml.steps.base import Inputs, StepContext
from zenml.steps.split.base import Split, check_split_name

_TOLERANCE = 1e-9


class RandomSplit(Split):
    """Put each row into a split at random, in given shares.

    Where a row goes depends on the pipeline's seed and the row's number alone: rows that are appended to the data
    leave the others where they were.

    Args:
        split_map: share of the rows by name of the split, as in `{"train": 0.7, "eval": 0.3}`; the shares sum to 1.
    """

    CACHE_VERSION = 1

    split_map: dict[str, float] = Field(default_factory=lambda: {"train": 0.7, "eval": 0.3})

    @field_validator("split_map")
    @classmethod
    def _check_shares(cls, split_map: dict[str, float]) -> dict[str, float]:
        problems: list[str] = []
        if not split_map:
            problems.append("at least one split is needed")
        for name, share in split_map.items():
            try:
                check_split_name(name)
            except ValueError as error:
                problems.append(str(error))
            if not share > 0:
                problems.append(f"the share of {name!r} is {share:g}, and must be above 0")
        folded = {name.lower() for name in split_map}
        if len(folded) < len(split_map):
            problems.append("names of splits must differ by more than case")
        total = fsum(split_map.values())
        if split_map and not abs(total - 1) <= _TOLERANCE:
            problems.append(f"the shares sum to {total:.12g}, and must sum to 1")
        if problems:
            raise ValueError("; ".join(problems))
        return split_map

    def split_names(self, inputs: Inputs) -> tuple[str, ...]:
        """Return the names in `split_map`."""
        return tuple(self.split_map)

    def run(self, context: StepContext) -> None:
        """Deal the rows out."""
        self._deal(context, self.split_map)
