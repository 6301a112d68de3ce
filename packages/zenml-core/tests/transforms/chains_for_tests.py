"""Fits chains as the preprocesser does: a summary per shard and tap, sent as bytes, folded in order."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from zenml.data.shards import decode_state, encode_state
from zenml.data.transforms import Chain, FittedChain, Fitting


def learn(chain: Chain, *shards: pa.Array) -> tuple[FittedChain, int]:
    """Return the fitted chain, and how many passes over the shards that took."""
    fitting, passes = Fitting(chain), 0
    while not fitting.done:
        passes += bool(fitting.taps)
        summaries: list[Any] = []
        for tap in fitting.taps:
            whole = tap.empty.fresh()
            for shard in shards:
                part = tap.empty.fresh()
                for half in (shard[: len(shard) // 2], shard[len(shard) // 2 :]):
                    tap.update(part, half)
                state = decode_state(encode_state({"summary": part.to_state()}))
                whole.merge(type(whole).from_state(whole.kind, state["summary"], whole.learner))
            summaries.append(whole)
        fitting.take(summaries)
    return fitting.result, passes
