"""The n-th smallest values of a column of times, exactly, in a few passes and little memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zenml.data.shards import RunJob, ShardJob, ShardOp, State
from zenml.data.snapshot import shard_batches
from zenml.data.times import ordered, read_times

_BITS = 12
COLLECT = 1 << 18
"""Values that may be brought together to find one of them."""


@dataclass(frozen=True)
class Extent:
    """What a column of times holds.

    Args:
        count: rows with a time.
        missing: rows without one, texts that are no time among them.
        bad_rows: rows whose text is no time.
        bad: one of these texts, if any.
        low: the smallest time, in the order of `zenml.data.times.ordered`.
        high: the largest.
    """

    count: int
    missing: int
    bad_rows: int
    bad: tuple[str, ...]
    low: int
    high: int


class MeasureTimes(ShardOp):
    """Find the extent of a column in each shard. Params: `column`."""

    def work(self, shard: Mapping[str, Any]) -> State:
        """Read the column of one shard."""
        state: State = {"count": 0, "missing": 0, "bad_rows": 0, "bad": [], "low": [], "high": []}
        for batch in shard_batches(shard["file"], [self.params["column"]]):
            times = read_times(batch.column(0))
            values = ordered(times.values[~times.missing])
            state["count"] += len(values)
            state["missing"] += batch.num_rows - len(values)
            state["bad_rows"] += times.bad_rows
            state["bad"] = (state["bad"] + [*times.bad])[:1]
            if len(values):
                state["low"] = [min([*state["low"], int(values.min())])]
                state["high"] = [max([*state["high"], int(values.max())])]
        return state


class CountTimes(ShardOp):
    """Count the values of a column in the bins of ranges, or collect them.

    Params: `column`, `ranges` (pairs of the first and the last value, ordered), `collect`.
    """

    def work(self, shard: Mapping[str, Any]) -> State:
        """Read the column of one shard."""
        ranges: list[list[int]] = self.params["ranges"]
        counts = [np.zeros(_bins(low, high), np.int64) for low, high in ranges]
        found: list[list[np.ndarray[Any, np.dtype[np.uint64]]]] = [[] for _ in ranges]
        for batch in shard_batches(shard["file"], [self.params["column"]]):
            times = read_times(batch.column(0))
            values = ordered(times.values[~times.missing])
            for place, (low, high) in enumerate(ranges):
                inside = values[(values >= np.uint64(low)) & (values <= np.uint64(high))]
                if self.params["collect"]:
                    found[place].append(inside)
                else:
                    bins = (inside - np.uint64(low)) >> np.uint64(_shift(low, high))
                    counts[place] += np.bincount(bins.astype(np.int64), minlength=len(counts[place]))
        if self.params["collect"]:
            return {"values": [np.concatenate([np.empty(0, np.uint64), *some]) for some in found]}
        return {"counts": counts}


def measure(shards: Sequence[Mapping[str, Any]], column: str, scratch: Path, run_job: RunJob, size: int) -> Extent:
    """Return the extent of a column over all shards."""
    params = {"column": column}
    job = ShardJob(f"{__name__}:MeasureTimes", tuple(shards), str(scratch), params, "measure times", size)
    states = run_job(job)
    return Extent(
        sum(state["count"] for state in states),
        sum(state["missing"] for state in states),
        sum(state["bad_rows"] for state in states),
        tuple(text for state in states for text in state["bad"])[:1],
        min((low for state in states for low in state["low"]), default=0),
        max((high for state in states for high in state["high"]), default=0),
    )


def nth_values(
    shards: Sequence[Mapping[str, Any]],
    column: str,
    ranks: Sequence[int],
    extent: Extent,
    scratch: Path,
    run_job: RunJob,
    size: int,
) -> list[int]:
    """Return the values at places in the sorted column, exactly, in the order of `zenml.data.times.ordered`.

    Args:
        shards: the shards of a snapshot.
        column: name of the column.
        ranks: places, counted from 0 and below `extent.count`.
        extent: what `measure` gave.
        scratch: a folder for the jobs.
        run_job: runs a job.
        size: bytes of the shards.
    """
    ranges = [[extent.low, extent.high] for _ in ranks]
    rests, inside = [*ranks], [extent.count for _ in ranks]

    def pass_over(*, collect: bool) -> list[State]:
        params = {"column": column, "ranges": ranges, "collect": collect}
        job = ShardJob(f"{__name__}:CountTimes", tuple(shards), str(scratch), params, "find borders", size)
        return run_job(job)

    while any(count > COLLECT and low < high for count, (low, high) in zip(inside, ranges, strict=True)):
        states = pass_over(collect=False)
        for place, (low, high) in enumerate(ranges):
            counts = np.sum([state["counts"][place] for state in states], axis=0)
            totals = np.cumsum(counts)
            which = int(np.searchsorted(totals, rests[place], side="right"))
            rests[place] -= int(totals[which - 1]) if which else 0
            inside[place] = int(counts[which])
            shift = _shift(low, high)
            first = low + (which << shift)
            ranges[place] = [first, min(high, first + (1 << shift) - 1)]
    states = [] if all(low == high for low, high in ranges) else pass_over(collect=True)
    found = []
    for place, (low, high) in enumerate(ranges):
        if low == high:
            found.append(low)
        else:
            values = np.concatenate([state["values"][place] for state in states])
            found.append(int(np.partition(values, rests[place])[rests[place]]))
    return found


def _shift(low: int, high: int) -> int:
    return max(0, (high - low).bit_length() - _BITS)


def _bins(low: int, high: int) -> int:
    return ((high - low) >> _shift(low, high)) + 1
