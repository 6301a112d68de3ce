"""SplitRows: the shard operation that deals rows out to splits."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np
import pyarrow as pa

from zenml.data.dealing import make_dealer
from zenml.data.schema import Schema
from zenml.data.shards import ShardOp, State
from zenml.data.snapshot import shard_batches
from zenml.data.splits import ShardWriter, shard_writer


class SplitRows(ShardOp):
    """Write shard k of every split from shard k of a snapshot.

    Params: `schema` (JSON text), `splits` (their names), `dealer` (see `zenml.data.dealing`), `sample` (from
    `sample_size`), `tfrecord`.
    """

    def work(self, shard: Mapping[str, Any]) -> State:
        """Deal out the rows of one Arrow shard."""
        schema = Schema.from_json(self.params["schema"])
        dealer = make_dealer(self.params["dealer"])
        splits: list[str] = self.params["splits"]
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
                for split in splits
            ]
            for batch in shard_batches(shard["file"]):
                places = dealer.places(batch, first)
                counts = np.bincount(places + 1, minlength=len(splits) + 1)[1:]
                for place, (writer, count) in enumerate(zip(writers, counts.tolist(), strict=True)):
                    if count == batch.num_rows:
                        writer.write(batch)
                    elif count:
                        writer.write(batch.filter(pa.array(places == place)))
                first += batch.num_rows
        states = {split: writer.state for split, writer in zip(splits, writers, strict=True)}
        return {"splits": states, "facts": dealer.facts()}
