"""GroupShard: the shard operation that learns how features of a group vary together, and its fold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from zenml.data.shards import ShardOp, State
from zenml.data.snapshot import shard_batches
from zenml.data.transforms import Covariance, FittedGroup, Group, Transform
from zenml.data.transforms.values import floats_of
from zenml.errors import DataError, Problem


def grouping_of(groups: Sequence[Group], transform: Transform, folder: Path) -> dict[str, Any]:
    """Return the parameters of the job, with the features' own methods saved in `folder`."""
    transform.save(folder)
    return {"transform": str(folder.absolute()), "groups": [list(group.features) for group in groups]}


class GroupShard(ShardOp):
    """Sum up the covariances of groups of features of one Arrow shard.

    Params: what `grouping_of` gives.
    """

    READS: ClassVar[tuple[str, ...]] = ("file", "transform")

    def __init__(self, params: Mapping[str, Any], out: Path) -> None:
        super().__init__(params, out)
        chains = {row.chain.name: row for row in Transform.load(Path(params["transform"])).chains}
        self._chains = {name: chains[name] for features in params["groups"] for name in features}

    def work(self, shard: Mapping[str, Any]) -> State:
        """Read the shard once."""
        groups: list[list[str]] = self.params["groups"]
        sums = [Covariance(len(features)) for features in groups]
        for batch in shard_batches(shard["file"], list(self._chains)):
            numbers = {name: floats_of(row.values(batch.column(name))) for name, row in self._chains.items()}
            for features, covariance in zip(groups, sums, strict=True):
                covariance.update(np.stack([numbers[name] for name in features]))
        return {"groups": [covariance.to_state() for covariance in sums]}


def fold_groups(groups: Sequence[Group], states: Iterable[State]) -> tuple[FittedGroup, ...]:
    """Fold the states of all shards, in their order, and fit every group.

    Raises:
        DataError: a group cannot be learned from.
    """
    sums = [Covariance(len(group.features)) for group in groups]
    for state in states:
        for covariance, row in zip(sums, state["groups"], strict=True):
            covariance.merge(Covariance.from_state(row))
    fitted, problems = [], []
    for group, covariance in zip(groups, sums, strict=True):
        try:
            fitted.append(FittedGroup(group, group.method.fit(covariance)))
        except ValueError as error:
            problems.append(Problem(str(error), group.place))
    if problems:
        raise DataError(problems)
    return tuple(fitted)
