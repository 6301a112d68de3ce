"""StandardSequencer: windows of equal length from the rows of each key, in the order of time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from zenml.errors import DataError, Problem
from zenml.steps.base import StepContext
from zenml.steps.sequencer.base import Sequencer
from zenml.steps.sequencer.config import SequenceConfig
from zenml.steps.sequencer.durations import nanoseconds

if TYPE_CHECKING:
    from zenml.data.sequences.plan import SequencePlan
    from zenml.data.shards import State
    from zenml.data.snapshot import Snapshot

_MOST_CELLS = 1_000_000
"""Cells of the grid that a gap within a sequence may span."""


class StandardSequencer(Sequencer):
    """Make windows of `sequence_length` cells from the rows of each key, in the order of time.

    The rows of a key are sorted by time; rows of one time keep the order of the data. A gap longer than
    `gap_threshold` ends a sequence. With `resampling_rate` the rows of a sequence fall into cells of a grid of that
    width, which counts from 1970-01-01 UTC; a cell's time is its beginning, and cells without rows are there too.
    Without it each row is a cell. Then cells that have no value are filled, within their sequence. A window begins
    every `sequence_shift` cells; what is left of a sequence after its last whole window is in none.

    A window is one row: the key, the time of its last cell, and for each feature one column per cell, `x_t-2`, `x_t-1`
    and `x_t` for a length of 3; so every step that takes columns takes windows. To predict the next value, take windows
    one cell longer and make `x_t` the label. Windows overlap: split them by key (`KeySplit`) or by time (`TimeSplit`),
    not at random. Sequences come out ordered within shards that depend on the hash of the key.

    Cells that have no value after all fillings stay missing, and are the preprocesser's to fill. Memory is bounded
    whatever the number of rows, but for the rows of one cell, and for what `backward` has to look ahead.

    Args:
        time_column: a column of timestamps, of numbers, or of texts in ISO 8601 (without a zone they count as UTC).
        time_unit: the unit of a column of numbers.
        category_column: the column, or columns, that make the key; none where all rows are one series.
        features: columns that go into windows; by default all others.
        resampling_rate: width of the cells: seconds, or a text such as `1min`; None keeps rows as they are.
        gap_threshold: time between two rows beyond which a new sequence begins: seconds, or a text; needed with
            `resampling_rate`, and at most 1,000,000 times as long.
        sequence_length: cells in a window.
        sequence_shift: cells from the beginning of a window to that of the next.
        overwrite: by feature, what to do instead of the default, as in `{"x": {"resampling": [{"method": "max"}],
            "filling": [{"method": "forward"}, {"method": "constant", "parameters": {"value": 0}}]}}`. Resampling is
            one of `mean` (of numbers, by default), `min`, `max`, `sum`, `first`, `last` (of all others, by default)
            and `count`. Fillings, one after the other, are `forward` (by default with `resampling_rate`), `backward`,
            `constant` and `mean` (of the column's rows; of those of the split train where there is one).
        missing_policy: what to do with rows that lack the time or a part of the key: `error`, or `skip` them.
    """

    CACHE_VERSION = 1
    SEEDED = False

    time_column: str = Field(min_length=1)
    time_unit: Literal["s", "ms", "us", "ns"] = "s"
    category_column: str | list[str] | None = None
    features: list[str] | None = Field(default=None, min_length=1)
    resampling_rate: float | str | None = None
    gap_threshold: float | str | None = None
    sequence_length: int = Field(default=4, ge=1, le=1024)
    sequence_shift: int = Field(default=1, ge=1)
    overwrite: dict[str, SequenceConfig] = Field(default_factory=dict)
    missing_policy: Literal["error", "skip"] = "error"

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems: list[str] = []
        lengths: dict[str, int] = {}
        for name in ("resampling_rate", "gap_threshold"):
            value = getattr(self, name)
            if value is not None:
                try:
                    lengths[name] = nanoseconds(value)
                except ValueError as error:
                    problems.append(f"{name} {error}")
        if self.resampling_rate is not None and self.gap_threshold is None:
            problems.append("resampling_rate needs a gap_threshold, so that a long gap is not filled with cells")
        elif len(lengths) == 2 and lengths["gap_threshold"] > _MOST_CELLS * lengths["resampling_rate"]:
            problems.append(f"gap_threshold is more than {_MOST_CELLS:,} times the resampling_rate")
        if self.resampling_rate is None:
            named = [name for name, config in self.overwrite.items() if config.resampling]
            problems += [f"overwrite of {name!r} has a resampling, but there is no resampling_rate" for name in named]
        columns = [*self.key_columns, self.time_column, *(self.features or ())]
        twice = sorted({name for name in columns if columns.count(name) > 1})
        problems += [f"column {name!r} is named twice" for name in twice]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def key_columns(self) -> list[str]:
        """Return the names of the columns that make the key."""
        given = self.category_column
        return [given] if isinstance(given, str) else list(given or ())

    def run(self, context: StepContext) -> None:
        """Bring the rows of each key together, sort them, and make the windows."""
        from zenml.data.shards import ShardJob
        from zenml.data.shuffle import partition_count, partition_rows
        from zenml.data.shuffle.sorted import SORT_BYTES
        from zenml.data.snapshot import Snapshot
        from zenml.data.statistics import sample_size

        source = Snapshot.of(context.inputs["examples"])
        plans = self._plans(source)
        plan = next(iter(plans.values()))
        total = sum(file.stat().st_size for split in source.splits for file in source.shards(split))
        shards: list[dict[str, Any]] = []
        for split in source.splits:
            size = sum(file.stat().st_size for file in source.shards(split))
            count = partition_count(size) if plan.keys else 1
            folder = (context.scratch / f"shuffle-{split}").absolute()
            rows = source.shard_rows([split])
            files = partition_rows(rows, plan.key_names, plan.columns, count, folder, context.run_job, size=size)
            shards += [{"split": split, "number": part, "of": count, "files": files} for part in range(count)]
        params = {
            "plans": {split: plan.to_params() for split, plan in plans.items()},
            "sample": sample_size(len(shards)),
            "tfrecord": self.tfrecord,
            "scratch": str((context.scratch / "sort").absolute()),
            "limit": SORT_BYTES,
        }
        out = str(context.outputs["examples"].path.absolute())
        op = "zenml.data.sequences.sequencing:SequencePartition"
        states = context.run_job(ShardJob(op, tuple(shards), out, params, "make windows", total))
        self._refuse(context, states)
        self._record(context, plan, shards, states)

    def _plans(self, source: Snapshot) -> dict[str, SequencePlan]:
        """Return the plan of each split; they differ in the means that fill cells.

        Raises:
            DataError: all that does not fit the columns.
        """
        from zenml.steps.sequencer.planning import Planner

        planner = Planner(
            source,
            type(self).__name__,
            self.key_columns,
            self.time_column,
            self.time_unit,
            self.features,
            self.overwrite,
            rate=0 if self.resampling_rate is None else nanoseconds(self.resampling_rate),
            gap=0 if self.gap_threshold is None else nanoseconds(self.gap_threshold),
        )
        return planner.plans(self.sequence_length, self.sequence_shift)

    def _refuse(self, context: StepContext, states: Iterable[State]) -> None:
        """Raise for rows that have no place in any sequence, or tell of them where they may be skipped."""
        rows = {"time": 0, "bad": 0, **dict.fromkeys(self.key_columns, 0)}
        examples: list[str] = []
        for state in states:
            examples += [state["example"]] if state["example"] else []
            rows["time"] += state["no_time"]
            rows["bad"] += state["bad_time"]
            for name, count in state["no_key"].items():
                rows[name] += count
        where = f"{type(self).__name__}."
        mend = 'Leave such rows out with missing_policy="skip"'
        found: list[Problem] = []
        if rows["bad"]:
            what = f"{rows['bad']:,} rows have no time that can be read in {self.time_column!r}, as {examples[0]!r}"
            found.append(Problem(what, f"{where}time_column", "Times look like 2013-10-01 or 2013-10-01T06:30:00"))
        lacking = [(self.time_column, "time_column", rows["time"])]
        lacking += [(name, "category_column", rows[name]) for name in self.key_columns]
        missing = [
            Problem(f"{count:,} rows have no {name!r}", where + field, mend) for name, field, count in lacking if count
        ]
        if self.missing_policy == "error":
            found += missing
        if found:
            raise DataError(found)
        for problem in missing:
            context.report.warn(f"{problem.what}, and are left out")

    def _record(
        self, context: StepContext, plan: SequencePlan, shards: Sequence[Mapping[str, Any]], states: Sequence[State]
    ) -> None:
        """Fold the shards of each split, and tell of sequences that are too short."""
        from zenml.data.splits import cast_messages, fold_split, folded_casts, write_schema

        output = context.outputs["examples"]
        by_split: dict[str, list[State]] = {}
        for shard, state in zip(shards, states, strict=True):
            by_split.setdefault(shard["split"], []).append(state)
        output.properties["splits"] = {
            split: fold_split(output.path, split, plan.schema, [state["shard"] for state in some])
            for split, some in by_split.items()
        }
        for split, some in by_split.items():
            count = sum(state["sequences"] for state in some)
            short = sum(state["short"] for state in some)
            longest = max(state["longest"] for state in some)
            rows = output.properties["splits"][split]["rows"]
            if not rows:
                raise DataError(
                    f"split {split!r}: none of {count:,} sequences has {plan.length} cells; the longest has {longest}",
                    f"{type(self).__name__}.sequence_length",
                    "Take a shorter length, or a longer gap_threshold" if plan.gap else "Take a shorter length",
                )
            left = f"; {short:,} are too short for a window" if short else ""
            context.report.log(f"{rows:,} windows from {count:,} sequences in split {split!r}{left}")
        if self.tfrecord:
            casts = folded_casts(state["shard"] for state in states)
            for message in cast_messages(casts):
                context.report.log(message)
            output.properties["tfrecord_casts"] = casts
        write_schema(output.path, plan.schema)
