"""CategoricalRatioSplit: splits of given shares of the categories, or of the rows of each."""

from __future__ import annotations

from itertools import accumulate
from math import floor
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from zenml.steps.base import Inputs, StepContext
from zenml.steps.split.categories import CategoricalSplit, Category, twice
from zenml.steps.split.shares import check_shares

_TRAIN = "train"


class CategoricalRatioSplit(CategoricalSplit):
    """Share listed categories out to splits, or the rows of each of them.

    Of `categories`, in their order, the first go to `train` and the rest to the other splits by name, each as many as
    its share says (rounded), at least one. With `ratio_of="rows"` each category has its rows in all splits instead,
    dealt at random in these shares, by a hash of the pipeline's seed and the row's number. Either way rows that are
    appended to the data leave the others where they were.

    Args:
        categories: the categories of interest; `None` (in YAML `null`) stands for missing cells.
        split_ratio: share of the categories, or of each one's rows, by split, as in `{"train": 0.5, "eval": 0.5}`.
        ratio_of: what the shares are shares of.
    """

    CACHE_VERSION = 1

    categories: list[Category] = Field(min_length=1)
    split_ratio: dict[str, float]
    ratio_of: Literal["categories", "rows"] = "categories"

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems = twice(self.categories) + self._policy_problems(list(self.split_ratio))
        try:
            check_shares(self.split_ratio)
        except ValueError as error:
            problems.append(str(error))
        else:
            if self.ratio_of == "categories":
                empty = [split for split, count in self._counts().items() if count < 1]
                problems += [
                    f"{len(self.categories)} categories are too few for split {split!r} to get one" for split in empty
                ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def split_names(self, inputs: Inputs) -> tuple[str, ...]:
        """Return the names in `split_ratio`."""
        return tuple(self.split_ratio)

    def run(self, context: StepContext) -> None:
        """Deal the rows out."""
        from zenml.data.dealing import hash_borders
        from zenml.data.dealing.categories import BY_ROW

        splits = sorted(self.split_ratio)
        more: dict[str, Any] = {}
        if self.ratio_of == "rows":
            places = dict.fromkeys(self.categories, BY_ROW)
            more = {"borders": [*hash_borders(self.split_ratio).values()], "seed": context.seed}
        else:
            each = [splits.index(split) for split, count in self._counts().items() for _ in range(count)]
            places = dict(zip(self.categories, each, strict=True))
        self._deal_by_category(context, splits, places, "categories", more)

    def _counts(self) -> dict[str, int]:
        """Return how many categories each split gets, in the order in which they are given out."""
        order = sorted(self.split_ratio, key=lambda split: (split != _TRAIN, split))
        totals = accumulate(self.split_ratio[split] for split in order)
        ends = [floor(total * len(self.categories) + 0.5) for total in totals]
        return {split: end - start for split, start, end in zip(order, [0, *ends], ends, strict=False)}
