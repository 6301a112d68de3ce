"""Split: the step that deals the rows of a snapshot out to named splits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from zenml.artifacts.types import Artifact, Examples
from zenml.steps.base import Step, StepContext

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_RESERVED = ("tfrecord",)


def check_split_name(name: str) -> str:
    """Return `name` if a split can be called so.

    Raises:
        ValueError: it cannot be the name of a folder on every system.
    """
    if not _NAME.fullmatch(name) or name.lower() in _RESERVED:
        raise ValueError(
            f"{name!r} cannot name a split: use up to 63 letters, digits, '-' and '_', and start with a letter or digit"
        )
    return name


class Split(Step):
    """Base of all splits: takes examples, gives the same examples in other splits.

    Args:
        tfrecord: also keep the rows as TFRecord files of `tf.Example`.
    """

    inputs: ClassVar[Mapping[str, type[Artifact]]] = {"examples": Examples}
    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"examples": Examples}

    tfrecord: bool = False

    def _deal(self, context: StepContext, shares: Mapping[str, float]) -> None:
        """Deal the rows of the input out by a hash of the seed and their number.

        Args:
            context: the step's context.
            shares: part of the rows by split; they sum to 1.
        """
        from zenml.data.shards import ShardJob
        from zenml.data.snapshot import Snapshot
        from zenml.data.splits import cast_messages, fold_split, folded_casts, write_schema
        from zenml.data.splitter import hash_borders
        from zenml.data.statistics import sample_size

        source = Snapshot.of(context.inputs["examples"])
        output = context.outputs["examples"]
        shards = tuple({**row, "number": number} for number, row in enumerate(source.shard_rows()))
        params: dict[str, Any] = {
            "schema": source.schema.to_json(),
            "borders": hash_borders(shares),
            "seed": context.seed,
            "sample": sample_size(len(shards)),
            "tfrecord": self.tfrecord,
        }
        size = sum(file.stat().st_size for split in source.splits for file in source.shards(split))
        job = ShardJob("zenml.data.splitter:SplitRows", shards, str(output.path), params, "split rows", size)
        states = context.run_job(job)
        output.properties["splits"] = {
            split: fold_split(output.path, split, source.schema, [state[split] for state in states]) for split in shares
        }
        if self.tfrecord:
            casts = folded_casts(state[split] for state in states for split in shares)
            for message in cast_messages(casts):
                context.report.log(message)
            output.properties["tfrecord_casts"] = casts
        write_schema(output.path, source.schema)
