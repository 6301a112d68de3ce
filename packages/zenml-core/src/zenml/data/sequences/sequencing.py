"""SequencePartition: the shard operation that makes the windows of one partition of a shuffle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zenml.data.sequences.cells import CellMaker
from zenml.data.sequences.plan import SequencePlan
from zenml.data.sequences.windows import WindowMaker
from zenml.data.shards import ShardOp, State
from zenml.data.shuffle import SortedPartition, SortedRows
from zenml.data.splits import shard_writer

_ROWS = 1 << 18


class SequencePartition(ShardOp):
    """Write shard p of a split from partition p.

    Params: `plans` (of each split, from `SequencePlan.to_params`), `sample`, `tfrecord`, `scratch` (a folder), `limit`
    (bytes to sort at a time).
    """

    READS: ClassVar[tuple[str, ...]] = ("files",)
    WRITES: ClassVar[tuple[str, ...]] = ("scratch",)

    def work(self, shard: Mapping[str, Any]) -> State:
        """Make the windows of one partition."""
        plan = SequencePlan.from_params(self.params["plans"][shard["split"]])
        order = _Order(plan)
        partition = SortedPartition(
            shard["files"],
            shard["number"],
            shard["of"],
            plan.columns,
            plan.key_names,
            order,
            Path(self.params["scratch"]),
            self.params["limit"],
        )
        cells, windows = CellMaker(plan), WindowMaker(plan)
        with shard_writer(
            self.out,
            shard["split"],
            shard["number"],
            plan.schema,
            sample=self.params["sample"],
            tfrecord=self.params["tfrecord"],
        ) as writer:
            for rows in _slices(partition):
                for made in cells.feed(rows):
                    for batch in windows.feed(made):
                        writer.write(batch)
            for batch in windows.feed(None):
                writer.write(batch)
        counts = windows.counts
        return {
            "shard": writer.state,
            "sequences": counts.sequences,
            "short": counts.short,
            "longest": counts.longest,
            "no_time": order.no_time,
            "bad_time": order.bad_time,
            "no_key": order.no_key,
            "example": order.example,
        }


class _Order:
    """Gives the times of rows, and counts those that have no place in any sequence."""

    def __init__(self, plan: SequencePlan) -> None:
        self._plan = plan
        self.no_time = self.bad_time = 0
        self.no_key = dict.fromkeys(plan.key_names, 0)
        self.example = ""

    def __call__(self, batch: pa.RecordBatch) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        ticks = self._plan.clock.read(batch.column(self._plan.time))
        self.no_time += ticks.empty
        self.bad_time += ticks.bad
        self.example = self.example or ticks.example
        keep = ticks.usable
        for name in self._plan.key_names:
            array = batch.column(name)
            if array.null_count:
                self.no_key[name] += array.null_count
                keep = keep & array.is_valid().to_numpy(zero_copy_only=False)
        return ticks.values, keep


def _slices(partition: SortedPartition) -> Iterator[SortedRows | None]:
    """Stream the rows in parts of even size, and None at the end."""
    for rows in partition.read():
        for first in range(0, len(rows.codes), _ROWS):
            last = first + _ROWS
            yield SortedRows(rows.rows.slice(first, _ROWS), rows.codes[first:last], rows.times[first:last])
    yield None
