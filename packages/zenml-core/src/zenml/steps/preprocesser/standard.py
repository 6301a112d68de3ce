"""StandardPreprocesser: fillings and transforms by the type of each column, or as the user asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from zenml.data.shards import ShardJob
from zenml.errors import DataError, Problem
from zenml.steps.base import Inputs, StepContext
from zenml.steps.preprocesser.base import TRAIN, Preprocesser
from zenml.steps.preprocesser.config import ColumnConfig, GroupConfig

if TYPE_CHECKING:
    from zenml.data.schema import Schema
    from zenml.data.shards import State
    from zenml.data.snapshot import Snapshot
    from zenml.data.statistics import TableStatistics
    from zenml.data.transforms import Chain, Fitting, Group, Summary, Transform
    from zenml.steps.preprocesser.description import Description


class StandardPreprocesser(Preprocesser):
    """Fill what is missing and transform each column by its type.

    By default numbers are filled with their mean (integers: their median) and scaled to z-scores, booleans are filled
    with their mode, strings are filled with their mode and one-hot encoded. A column of more than 256 distinct strings
    in the training rows is filled with the empty string and hashed into a vector of 256 buckets (`hash_strings`).
    Timestamps and bytes have no default. Labels are not filled; string labels become the places of their sorted
    classes. Rows without a label are left out of the transformed examples. `describe` shows what is chosen for a table.

    Args:
        features: columns that a model may read; all but the labels by default.
        labels: columns to predict.
        overwrite: by column, what to do instead, as in `{"age": {"filling": [{"method": "constant", "parameters":
            {"value": 0}}], "transform": [{"method": "scale_by_min_max"}]}}`. Fillings are `min`, `max`, `mean`,
            `median`, `mode`, `constant`; transforms `scale_to_z_score`, `scale_by_min_max`, `scale_to_0_1`, `clip`,
            `log`, `bucketize`, `one_hot_encode`, `compute_and_apply_vocabulary`, `hash_strings`, `ngrams`, `tfidf`,
            `date_part`, `load_binary_image`, `image_reshape`, `no_transform`; each is documented at its class in
            `zenml.data.transforms`. A transform of your own, a `zenml.data.transforms.CustomTransform`, is named
            `module:Class`.
        groups: by name of a new vector, which features become it together after their own transforms, as in
            `{"body": {"features": ["height", "weight"], "method": "pca", "parameters": {"n_components": 1}}}`.
    """

    CACHE_VERSION = 2
    SEEDED = False

    features: list[str] | None = None
    labels: list[str] = Field(default_factory=list)
    overwrite: dict[str, ColumnConfig] = Field(default_factory=dict)
    groups: dict[str, GroupConfig] = Field(default_factory=dict)

    def code_classes(self) -> Iterable[type]:
        """Return the user's own transforms."""
        for column in self.overwrite.values():
            for transform in column.transform or ():
                kind = transform.code_class()
                if kind is not None:
                    yield kind

    def describe(self, schema: Schema, statistics: TableStatistics | None = None) -> Description:
        """Show what is done with each column, by default or as asked, as a table for terminals and notebooks.

        Args:
            schema: the columns of the data.
            statistics: of the training rows, which tell columns of many distinct strings.

        Raises:
            DataError: the config does not fit the columns; with every problem.
        """
        from zenml.steps.preprocesser.description import described

        asked = {name: column.build() for name, column in self.overwrite.items()}
        groups = [group.build_group(name) for name, group in self.groups.items()]
        return described(schema, statistics, (self.features or (), self.labels), asked, groups)

    def check(self, inputs: Inputs) -> Iterable[Problem]:
        """Find what is wrong with the columns without looking at the data."""
        yield from super().check(inputs)
        for name in dict.fromkeys(self.features or ()):
            if name in self.labels:
                what, mend = f"column {name!r} is both a feature and a label", "A model would see the answer"
                yield Problem(what, f"{type(self).__name__}.features", mend)

    def run(self, context: StepContext) -> None:
        """Learn the transform from the split train, and apply it to all splits."""
        from zenml.data.snapshot import Snapshot

        source = Snapshot.of(context.inputs["examples"])
        chains = self._plan(source)
        groups = [group.build_group(name) for name, group in self.groups.items()]
        transform = _grouped(context, source, _learned(context, source, chains), groups)
        folder = context.outputs["transform"].path
        transform.save(folder)
        shards = source.shard_rows()
        job = ShardJob(
            "zenml.steps.preprocesser.applying:ApplyShard",
            shards,
            str(context.outputs["examples"].path.absolute()),
            {"transform": str(folder.absolute())},
            "transform rows",
            _size(shards),
        )
        states = context.run_job(job)
        by_split: dict[str, list[State]] = {split: [] for split in source.splits}
        for shard, state in zip(shards, states, strict=True):
            by_split[shard["split"]].append(state)
        _record(context, by_split, list(transform.labels))

    def _plan(self, source: Snapshot) -> list[Chain]:
        from zenml.data.transforms import group_problems, plan_chains, used_columns
        from zenml.steps.preprocesser.checking import value_problems

        if TRAIN not in source.splits:
            mend = f"The splits are: {', '.join(source.splits)}; add a split step that gives {TRAIN}"
            raise DataError(f"there is no split named {TRAIN} to learn from", type(self).__name__, mend)
        if not source.rows(TRAIN):
            raise DataError(f"split {TRAIN!r} has no rows to learn from", type(self).__name__)
        features = self.features or ()
        asked = {name: column.build() for name, column in self.overwrite.items()}
        statistics = source.statistics(TRAIN)
        chains, problems = plan_chains(source.schema, features, self.labels, asked, statistics)
        if not problems:
            groups = [group.build_group(name) for name, group in self.groups.items()]
            problems += group_problems(groups, chains, source.schema.names)
        columns = used_columns(source.schema, features, self.labels)
        problems += value_problems(statistics, columns, self.labels)
        if problems:
            raise DataError(problems)
        return chains


def _size(shards: Sequence[Any]) -> int:
    from pathlib import Path

    return sum(Path(shard["file"]).stat().st_size for shard in shards)


def _learned(context: StepContext, source: Snapshot, chains: Sequence[Chain]) -> Transform:
    """Analyse the training rows in as few passes as the chains need, mostly one, and fit every chain."""
    from zenml.data.transforms import Fitting, Transform
    from zenml.steps.preprocesser.analysing import analysis_of, fold_analysis

    shards = source.shard_rows([TRAIN])
    fittings = waiting = [Fitting(chain) for chain in chains]
    example = None
    while example is None or waiting:
        params = analysis_of(
            [tap for fitting in waiting for tap in fitting.taps],
            [chain.name for chain in chains if not chain.label] if example is None else (),
            context.scratch / f"prefixes-{max(len(fitting.fitted) for fitting in fittings)}",
        )
        op, out = "zenml.steps.preprocesser.analysing:AnalyseShard", str(context.scratch.absolute())
        states = context.run_job(ShardJob(op, shards, out, params, "analyse rows", _size(shards)))
        summaries, rows = fold_analysis(waiting, states)
        example = rows if example is None else example
        _fit(waiting, summaries)
        waiting = [fitting for fitting in waiting if not fitting.done]
    return Transform(tuple(fitting.result for fitting in fittings), tuple(example))


def _grouped(context: StepContext, source: Snapshot, transform: Transform, groups: Sequence[Group]) -> Transform:
    """Learn in one more pass, if there are groups, how their features vary together."""
    if not groups:
        return transform
    from zenml.data.transforms import Transform
    from zenml.steps.preprocesser.grouping import fold_groups, grouping_of

    shards = source.shard_rows([TRAIN])
    params = grouping_of(groups, transform, context.scratch / "grouped")
    op, out = "zenml.steps.preprocesser.grouping:GroupShard", str(context.scratch.absolute())
    states = context.run_job(ShardJob(op, shards, out, params, "analyse groups", _size(shards)))
    return Transform(transform.chains, transform.example, fold_groups(groups, states))


def _fit(fittings: Iterable[Fitting], summaries: Iterable[Summary]) -> None:
    """Let each chain learn from the summaries of its taps."""
    problems = []
    left = iter(summaries)
    for fitting in fittings:
        own = [next(left) for _ in fitting.taps]
        try:
            fitting.take(own)
        except ValueError as error:
            chain = fitting.chain
            problems.append(Problem(str(error), f"{'label' if chain.label else 'feature'} {chain.name!r}"))
    if problems:
        raise DataError(problems)


def _record(context: StepContext, by_split: dict[str, list[State]], labels: Sequence[str]) -> None:
    """Note the row counts in the manifest, and tell of rows that are left out or have an unknown class."""
    splits: dict[str, Any] = {}
    for split, states in by_split.items():
        rows = [state["rows"] for state in states]
        left_out = sum(state["left_out"] for state in states)
        splits[split] = {"shards": rows, "rows": sum(rows), "left_out": left_out}
        if left_out:
            context.report.warn(
                f"split {split}: {left_out:,} of {sum(rows) + left_out:,} rows are left out, "
                f"as they lack a value of {' or '.join(labels)}"
            )
        for label in labels:
            unknown = sum(state["unknown"].get(label, 0) for state in states)
            if unknown:
                rows_have = "1 row has" if unknown == 1 else f"{unknown:,} rows have"
                context.report.warn(f"split {split}: {rows_have} a class of {label} that split {TRAIN} lacks")
    context.outputs["examples"].properties["splits"] = splits
