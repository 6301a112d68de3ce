"""AgnosticEvaluator: metrics of a model on a split, overall and by slice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from zenml.artifacts.types import Artifact, Evaluation, Examples, Model
from zenml.data.metrics import DEFAULTS, METRICS, Metric, find_metric
from zenml.errors import ConfigError, Problem, closest
from zenml.steps.base import Inputs, Step, StepContext

if TYPE_CHECKING:
    from zenml.data.snapshot import Snapshot
    from zenml.steps.trainer.prediction import LabelInfo


class AgnosticEvaluator(Step):
    """Measure a model of any framework on raw rows, which the model transforms by itself.

    It writes `evaluation.json`: for each label the metrics overall and, for each slice, per group of rows. A metric
    that is not defined on some rows (the ROC AUC of rows of one class) is null there, with the reason. Rows without a
    value of a label are counted and left out of its metrics. The metrics overall become `run.metrics`.

    Args:
        slices: lists of columns; the rows with equal values in all columns of a list are measured as a group. Numbers
            with more than 32 values are grouped by quarters of the rows, and of many groups the 100 largest are told.
        metrics: names of metrics by label. A label that is not named gets the usual ones of its task: accuracy,
            roc_auc and log_loss, or mae, rmse and r2.
        split: the split to measure on.
    """

    inputs: ClassVar[Mapping[str, type[Artifact]]] = {"examples": Examples, "model": Model}
    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"evaluation": Evaluation}
    CACHE_VERSION: ClassVar[int | None] = 1
    SEEDED: ClassVar[bool] = False

    slices: list[list[str]] = Field(default_factory=list)
    metrics: dict[str, list[str]] = Field(default_factory=dict)
    split: str = "eval"

    def check(self, inputs: Inputs) -> Iterable[Problem]:
        """Find metrics that do not exist, and a split that the data will not have."""
        place = type(self).__name__
        for label, names in self.metrics.items():
            for name in names:
                try:
                    find_metric(name, f"{place}.metrics.{label}")
                except ConfigError as error:
                    yield from error.problems
        producer = inputs.get("examples")
        splits = producer.split_names() if producer is not None else None
        if splits is not None and self.split not in splits:
            yield _no_split(self.split, splits, place)

    def run(self, context: StepContext) -> None:
        """Predict the split, measure, and write `evaluation.json`."""
        from zenml.data.snapshot import Snapshot
        from zenml.steps.evaluator.collecting import collect
        from zenml.steps.evaluator.measuring import measure
        from zenml.steps.trainer.bundle import write_json
        from zenml.steps.trainer.loading import load_model

        model = load_model(context.inputs["model"].path)
        labels = model.bundle.labels
        snapshot = Snapshot.of(context.inputs["examples"])
        wrong = [*self.check({}), *self._misfits(snapshot, labels)]
        if wrong:
            raise ConfigError(wrong)
        slices = [list(dict.fromkeys(names)) for names in self.slices if names]
        with context.report.progress(f"evaluate {self.split}", snapshot.rows(self.split)) as advance:
            collected = collect(model, snapshot, self.split, slices, advance)
        result = measure(collected, {label.name: self._chosen(label) for label in labels}, slices)
        write_json(context.outputs["evaluation"].path / "evaluation.json", result.to_json(self.split))
        context.metrics.update(result.flat())
        for note in result.notes:
            context.report.warn(note)

    def _chosen(self, label: LabelInfo) -> list[Metric]:
        names = self.metrics.get(label.name) or DEFAULTS[label.task]
        return list({metric.name: metric for metric in map(find_metric, names)}.values())

    def _misfits(self, snapshot: Snapshot, labels: Sequence[LabelInfo]) -> Iterator[Problem]:
        """Yield what does not fit the data and the model."""
        place = type(self).__name__
        if self.split not in snapshot.splits:
            yield _no_split(self.split, snapshot.splits, place)
        columns = snapshot.schema.names
        for column in dict.fromkeys(name for names in self.slices for name in names):
            if column not in columns:
                mend = closest(column, columns) or f"Columns: {', '.join(columns)}"
                yield Problem(f"there is no column {column!r} to slice by", f"{place}.slices", mend)
            elif snapshot.schema[column].type == "bytes":
                yield Problem(f"column {column!r} holds bytes, by which rows cannot be sliced", f"{place}.slices")
            elif snapshot.schema[column].shape:
                yield Problem(f"column {column!r} holds lists, by which rows cannot be sliced", f"{place}.slices")
        tasks = {label.name: label.task for label in labels}
        for label, names in self.metrics.items():
            if label not in tasks:
                mend = closest(label, tasks) or f"Labels: {', '.join(tasks)}"
                yield Problem(f"the model does not predict {label!r}", f"{place}.metrics", mend)
                continue
            for name in names:
                metric = next((row for row in METRICS.values() if name in (row.name, *row.aliases)), None)
                if metric is not None and metric.task != tasks[label]:
                    fitting = ", ".join(row.name for row in METRICS.values() if row.task == tasks[label])
                    what = f"{name} is a metric of a {metric.task}, and this label is a {tasks[label]}"
                    yield Problem(what, f"{place}.metrics.{label}", f"Metrics of a {tasks[label]}: {fitting}")


def _no_split(split: str, splits: Sequence[str], place: str) -> Problem:
    mend = closest(split, splits) or f"The splits are: {', '.join(splits)}"
    return Problem(f"there is no split named {split!r} to measure on", f"{place}.split", mend)
