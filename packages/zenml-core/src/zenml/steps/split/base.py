"""Split: the step that deals the rows of a snapshot out to named splits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from zenml.artifacts.types import Artifact, Examples
from zenml.errors import DataError, Problem
from zenml.steps.base import Step, StepContext

if TYPE_CHECKING:
    from zenml.data.schema import LogicalType, Schema
    from zenml.data.shards import State

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_RESERVED = ("tfrecord",)

SKIP = "skip"
"""In place of the name of a split: leave such rows out."""


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

    The rows of a split keep their order. A split that gets no row is warned of; it is an error if all stay empty.

    Args:
        tfrecord: also keep the rows as TFRecord files of `tf.Example`.
    """

    inputs: ClassVar[Mapping[str, type[Artifact]]] = {"examples": Examples}
    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"examples": Examples}

    tfrecord: bool = False

    def _deal(self, context: StepContext, splits: Sequence[str], dealer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Deal the rows of the input out.

        Args:
            context: the step's context.
            splits: names of the splits.
            dealer: parameters of a dealer, see `zenml.data.dealing`; its places count in `splits`.

        Returns:
            The facts that the dealer found, by shard.

        Raises:
            DataError: no row went into any split.
        """
        from zenml.data.shards import ShardJob
        from zenml.data.snapshot import Snapshot
        from zenml.data.splits import fold_split, write_schema
        from zenml.data.statistics import sample_size

        source = Snapshot.of(context.inputs["examples"])
        output = context.outputs["examples"]
        shards = tuple({**row, "number": number} for number, row in enumerate(source.shard_rows()))
        params: dict[str, Any] = {
            "schema": source.schema.to_json(),
            "splits": list(splits),
            "dealer": dict(dealer),
            "sample": sample_size(len(shards)),
            "tfrecord": self.tfrecord,
        }
        size = sum(file.stat().st_size for split in source.splits for file in source.shards(split))
        job = ShardJob("zenml.data.splitter:SplitRows", shards, str(output.path), params, "split rows", size)
        results = context.run_job(job)
        states = [state["splits"] for state in results]
        output.properties["splits"] = {
            split: fold_split(output.path, split, source.schema, [state[split] for state in states]) for split in splits
        }
        self._note_rows(context, sum(source.rows(split) for split in source.splits))
        if self.tfrecord:
            self._note_casts(context, states)
        write_schema(output.path, source.schema)
        return [state["facts"] for state in results]

    def _note_rows(self, context: StepContext, total: int) -> None:
        """Record how many rows went nowhere, and tell of that and of splits that stay empty."""
        properties = context.outputs["examples"].properties
        rows = {split: counts["rows"] for split, counts in properties["splits"].items()}
        properties["skipped"] = skipped = total - sum(rows.values())
        if skipped == total:
            what = f"all {total:,} rows are skipped" if total else "there are no rows to split"
            raise DataError(what, type(self).__name__)
        if skipped:
            context.report.log(f"{skipped:,} of {total:,} rows are in no split")
        for split, count in rows.items():
            if not count:
                context.report.warn(f"split {split!r} has no rows")

    def _note_casts(self, context: StepContext, states: Sequence[State]) -> None:
        from zenml.data.splits import cast_messages, folded_casts

        properties = context.outputs["examples"].properties
        casts = folded_casts(state[split] for state in states for split in properties["splits"])
        for message in cast_messages(casts):
            context.report.log(message)
        properties["tfrecord_casts"] = casts

    def _column(
        self, schema: Schema, field: str, name: str, types: Sequence[LogicalType] = ()
    ) -> tuple[LogicalType | None, list[Problem]]:
        """Return the type of a column that a parameter names, and what is wrong with it."""
        from zenml.data.schema import ListType

        where = f"{type(self).__name__}.{field}"
        try:
            kind = schema[name].type
        except DataError as error:
            return None, [Problem(problem.what, where, problem.mend) for problem in error.problems]
        if isinstance(kind, ListType):
            what = f"column {name!r} holds lists ({kind}), by which rows cannot be dealt out"
            return None, [Problem(what, where, "Name a column of single values")]
        if types and kind not in types:
            wanted = ", ".join(known.value for known in types)
            return None, [Problem(f"column {name!r} is of type {kind.value}", where, f"It takes: {wanted}")]
        return kind, []
