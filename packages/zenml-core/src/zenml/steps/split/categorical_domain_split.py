"""CategoricalDomainSplit: splits by lists of categories."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from zenml.steps.base import Inputs, StepContext
from zenml.steps.split.categories import CategoricalSplit, Category, twice
from zenml.steps.split.shares import check_names


class CategoricalDomainSplit(CategoricalSplit):
    """Put the rows of listed categories into splits.

    Where a row goes depends on its category alone.

    Args:
        split_map: categories by split, as in `{"train": ["Adelie", "Gentoo"], "eval": ["Chinstrap"]}`; `None` (in YAML
            `null`) stands for missing cells.
    """

    CACHE_VERSION = 1
    SEEDED = False

    split_map: dict[str, list[Category]]

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems = check_names(self.split_map)
        problems += [f"split {name!r} has no category" for name, some in self.split_map.items() if not some]
        problems += twice([category for some in self.split_map.values() for category in some])
        problems += self._policy_problems(list(self.split_map))
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def split_names(self, inputs: Inputs) -> tuple[str, ...]:
        """Return the names in `split_map`."""
        return tuple(self.split_map)

    def run(self, context: StepContext) -> None:
        """Deal the rows out."""
        splits = sorted(self.split_map)
        places = {category: splits.index(split) for split in splits for category in self.split_map[split]}
        self._deal_by_category(context, splits, places, "split_map", {})
