"""AnalyseShard: the shard operation that summarises columns of the training rows, and its fold."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar

from zenml.data.shards import ShardOp, State
from zenml.data.snapshot import shard_batches
from zenml.data.transforms import Chain, FittedChain, Fitting, Summary, Tap, Transform, transform_class
from zenml.data.transforms.values import ValueType
from zenml.errors import DataError

_EXAMPLE_ROWS = 3


def analysis_of(taps: Sequence[Tap], example: Sequence[str], folder: Path) -> dict[str, Any]:
    """Return the parameters of a job that summarises values at taps.

    Args:
        taps: places in chains.
        example: columns of which a few raw rows are wanted.
        folder: takes the methods before the taps, where there are any; workers read it.
    """
    prefixes = [tap.prefix for tap in taps]
    learned = any(prefix.fitted for prefix in prefixes)
    if learned:
        Transform(tuple(prefixes)).save(folder)
    rows = [
        {
            "column": tap.prefix.chain.name,
            "raw": tap.prefix.chain.kind.value,
            "position": tap.position,
            "kind": tap.empty.kind.value,
            "needs": sorted(tap.empty.needs),
            "learner": _learner_row(tap.empty.learner),
        }
        for tap in taps
    ]
    return {"taps": rows, "prefixes": str(folder.absolute()) if learned else None, "example": list(example)}


class AnalyseShard(ShardOp):
    """Summarise the columns of one Arrow shard.

    Params: what `analysis_of` gives.
    """

    READS: ClassVar[tuple[str, ...]] = ("file", "prefixes")

    def __init__(self, params: Mapping[str, Any], out: Path) -> None:
        super().__init__(params, out)
        rows: list[dict[str, Any]] = params["taps"]
        prefixes = Transform.load(Path(params["prefixes"])).chains if params["prefixes"] else None
        self._taps = [_tap(row, prefixes[number] if prefixes else None) for number, row in enumerate(rows)]

    def work(self, shard: Mapping[str, Any]) -> State:
        """Read the shard once."""
        wanted: list[str] = self.params["example"]
        columns = list(dict.fromkeys([*(tap.prefix.chain.name for tap in self._taps), *wanted]))
        summaries = [tap.empty.fresh() for tap in self._taps]
        example: list[dict[str, Any]] = []
        for batch in shard_batches(shard["file"], columns) if columns else ():
            for tap, summary in zip(self._taps, summaries, strict=True):
                name = tap.prefix.chain.name
                try:
                    tap.update(summary, batch.column(name))
                except ValueError as error:
                    raise DataError(str(error), f"column {name!r}") from error
            if wanted and len(example) < _EXAMPLE_ROWS:
                rows = batch.slice(0, _EXAMPLE_ROWS - len(example)).select(wanted).to_pylist()
                example += [{name: _json(value) for name, value in row.items()} for row in rows]
        return {"taps": [summary.to_state() for summary in summaries], "example": example}


def _tap(row: Mapping[str, Any], prefix: FittedChain | None) -> Tap:
    raw = Chain(row["column"], ValueType(row["raw"]), False, ())
    given = row["learner"]
    learner: Any = transform_class(given["transform"])(**given["parameters"]) if given else None
    empty = Summary(ValueType(row["kind"]), row["needs"], learner)
    return Tap(prefix or FittedChain(raw, ()), row["position"], empty)


def _learner_row(learner: Any) -> dict[str, Any] | None:
    return None if learner is None else {"transform": learner.NAME, "parameters": learner.model_dump()}


def _json(value: Any) -> Any:
    if isinstance(value, list):
        return [_json(each) for each in value]
    if isinstance(value, float) and not isfinite(value):
        return None
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime) else value


def fold_analysis(fittings: Sequence[Fitting], states: Iterable[State]) -> tuple[list[Summary], list[dict[str, Any]]]:
    """Fold the states of all shards, in their order, into a summary by tap and a few rows as an example."""
    taps = [tap for fitting in fittings for tap in fitting.taps]
    summaries = [tap.empty.fresh() for tap in taps]
    example: list[dict[str, Any]] = []
    for state in states:
        for summary, row in zip(summaries, state["taps"], strict=True):
            summary.merge(type(summary).from_state(summary.kind, row, summary.learner))
        example += state["example"]
    return summaries, example[:_EXAMPLE_ROWS]
