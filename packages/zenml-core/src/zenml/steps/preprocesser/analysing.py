"""AnalyseShard: the shard operation that summarises columns of the training rows, and its fold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from zenml.data.shards import ShardOp, State
from zenml.data.snapshot import shard_batches
from zenml.data.transforms import Chain, Summary
from zenml.data.transforms.values import ValueType, entering

_EXAMPLE_ROWS = 3


def analysis_of(chains: Sequence[Chain]) -> dict[str, Any]:
    """Return the parameters of the job that learns what `chains` are fitted on."""
    columns = [{"name": chain.name, "kind": chain.kind.value, "needs": sorted(chain.needs)} for chain in chains]
    return {"columns": columns, "example": [chain.name for chain in chains if not chain.label]}


class AnalyseShard(ShardOp):
    """Summarise the columns of one Arrow shard.

    Params: what `analysis_of` gives.
    """

    def work(self, shard: Mapping[str, Any]) -> State:
        """Read the shard once."""
        columns: list[dict[str, Any]] = self.params["columns"]
        kinds = {column["name"]: ValueType(column["kind"]) for column in columns}
        summaries = {column["name"]: Summary(kinds[column["name"]], column["needs"]) for column in columns}
        example: list[dict[str, Any]] = []
        for batch in shard_batches(shard["file"], list(kinds)):
            for name, summary in summaries.items():
                summary.update(entering(batch.column(name), kinds[name]))
            if len(example) < _EXAMPLE_ROWS:
                rows = batch.slice(0, _EXAMPLE_ROWS - len(example)).select(self.params["example"]).to_pylist()
                example += [{name: _json(value) for name, value in row.items()} for row in rows]
        return {"columns": {name: summary.to_state() for name, summary in summaries.items()}, "example": example}


def _json(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value


def fold_analysis(chains: Sequence[Chain], states: Iterable[State]) -> tuple[dict[str, Summary], list[dict[str, Any]]]:
    """Fold the states of all shards, in their order, into a summary by column and a few rows as an example."""
    summaries = {chain.name: Summary(chain.kind, chain.needs) for chain in chains}
    example: list[dict[str, Any]] = []
    for state in states:
        for chain in chains:
            summaries[chain.name].merge(Summary.from_state(chain.kind, state["columns"][chain.name]))
        example += state["example"]
    return summaries, example[:_EXAMPLE_ROWS]
