"""SplitRows: the shard operation that deals rows out to splits by a hash of their number."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa

from zenml.data.hashing import row_hashes
from zenml.data.schema import Schema
from zenml.data.shards import ShardOp, State
from zenml.data.snapshot import shard_batches
from zenml.data.splits import ShardWriter, shard_writer

_WHOLE = 1 << 64


def hash_borders(shares: Mapping[str, float]) -> dict[str, int]:
    """Return by split, in the order of their names, the first hash that no longer belongs to it.

    Args:
        shares: parts of the whole; they sum to 1.
    """
    names = sorted(shares)
    totals = [*accumulate(shares[name] for name in names)][:-1]
    return dict(zip(names, [*(min(_WHOLE, round(total * _WHOLE)) for total in totals), _WHOLE], strict=True))


class SplitRows(ShardOp):
    """Write shard k of every split from shard k of a snapshot.

    Params: `schema` (JSON text), `borders` (from `hash_borders`), `seed`, `sample` (from `sample_size`), `tfrecord`.
    """

    def work(self, shard: Mapping[str, Any]) -> State:
        """Deal out the rows of one Arrow shard."""
        schema = Schema.from_json(self.params["schema"])
        borders: dict[str, int] = self.params["borders"]
        inner = np.array([border for border in borders.values() if border < _WHOLE], np.uint64)
        first = shard["first_row"]
        with ExitStack() as stack:
            writers: list[ShardWriter] = [
                stack.enter_context(
                    shard_writer(
                        self.out,
                        split,
                        shard["number"],
                        schema,
                        sample=self.params["sample"],
                        tfrecord=self.params["tfrecord"],
                    )
                )
                for split in borders
            ]
            for batch in shard_batches(shard["file"]):
                if len(inner):
                    hashes = row_hashes(self.params["seed"], first, batch.num_rows)
                    places = np.searchsorted(inner, hashes, side="right")
                    for place, writer in enumerate(writers):
                        writer.write(batch.filter(pa.array(places == place)))
                else:
                    writers[0].write(batch)
                first += batch.num_rows
        return {split: writer.state for split, writer in zip(borders, writers, strict=True)}
