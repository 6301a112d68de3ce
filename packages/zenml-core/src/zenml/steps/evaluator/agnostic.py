"""AgnosticEvaluator: metrics of a model on a split, overall and by slice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from zenml.artifacts.types import Artifact, Evaluation, Examples, Model
from zenml.data.metrics import DEFAULTS, METRICS, Metric, find_metric
from zenml.errors import ConfigError, Problem, QualityError, closest
from zenml.steps.base import Inputs, Step, StepContext
from zenml.steps.evaluator.gate import Bound, bound_problems, gated, label_problems, parts

if TYPE_CHECKING:
    from zenml.data.snapshot import Snapshot
    from zenml.steps.trainer.prediction import LabelInfo


class AgnosticEvaluator(Step):
    """Measure a model of any framework on raw rows, which the model transforms by itself.

    It writes `evaluation.json`: for each label the metrics overall and, for each slice, per group of rows; of a
    classification the confusion matrix and the curves. In `worst_rows.arrow` are the rows that are predicted worst,
    with all their columns. A metric that is not defined on some rows (the ROC AUC of rows of one class) is null there,
    with the reason. Rows without a value of a label are counted and left out of its metrics. The metrics overall
    become `run.metrics`. Where they break a bound, the step fails, and its evaluation is published all the same.

    Predictions are kept on disk while they are measured, and sorted in parts, so that memory does not grow with the
    split. Sums are exact until they are rounded once, and areas under curves are exact: no result depends on how the
    rows are cut into batches and shards.

    Args:
        slices: lists of columns; the rows with equal values in all columns of a list are measured as a group. Numbers
            with more than 32 values are grouped by quarters of the rows, and of many groups the 100 largest are told.
        metrics: names of metrics by label. A label that is not named gets the usual ones of its task: accuracy,
            roc_auc and log_loss, or mae, rmse and r2. Several labels of two classes each are also measured together:
            subset_accuracy, hamming_loss, f1_micro and f1_macro.
        split: the split to measure on.
        min_metrics: the least value by metric, or by `label/metric` where there are several labels.
        max_metrics: the greatest value, for losses and errors.
        worst_rows: how many of the worst rows of each label are kept.
    """

    inputs: ClassVar[Mapping[str, type[Artifact]]] = {"examples": Examples, "model": Model}
    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"evaluation": Evaluation}
    CACHE_VERSION: ClassVar[int | None] = 2
    SEEDED: ClassVar[bool] = False

    slices: list[list[str]] = Field(default_factory=list)
    metrics: dict[str, list[str]] = Field(default_factory=dict)
    split: str = "eval"
    min_metrics: dict[str, float] = Field(default_factory=dict)
    max_metrics: dict[str, float] = Field(default_factory=dict)
    worst_rows: int = Field(default=20, ge=0, le=1000)

    @property
    def is_gate(self) -> bool:
        """Whether it has bounds, which must be kept before a step after it may begin."""
        return bool(self.min_metrics or self.max_metrics)

    def check(self, inputs: Inputs) -> Iterable[Problem]:
        """Find metrics that do not exist, bounds that do not fit, and a split that the data will not have."""
        place = type(self).__name__
        for label, names in self.metrics.items():
            for name in names:
                try:
                    find_metric(name, f"{place}.metrics.{label}")
                except ConfigError as error:
                    yield from error.problems
        yield from bound_problems(self.min_metrics, self.max_metrics, place)
        producer = inputs.get("examples")
        splits = producer.split_names() if producer is not None else None
        if splits is not None and self.split not in splits:
            yield _no_split(self.split, splits, place)

    def run(self, context: StepContext) -> None:
        """Predict the split, measure, write the evaluation, and judge it."""
        from zenml.data.snapshot import Snapshot
        from zenml.steps.evaluator.collecting import collect
        from zenml.steps.evaluator.evaluated import EVALUATION_FILE
        from zenml.steps.evaluator.gate import bounds
        from zenml.steps.evaluator.measuring import measure
        from zenml.steps.evaluator.worst_rows import write_worst_rows
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
            collected = collect(
                model, snapshot, self.split, slices, advance,
                scratch=context.scratch / "predictions", worst=self.worst_rows,
            )  # fmt: skip
        bound = bounds(self.min_metrics, self.max_metrics)
        chosen = {label.name: self._chosen(label, bound, len(labels) == 1) for label in labels}
        result = measure(collected, chosen, slices)
        measured = result.measured()
        verdicts = [row.judge(measured.get(row.metric, measured.get(parts(row.metric)[1]))) for row in bound]
        folder = context.outputs["evaluation"].path
        if any(collected.worst.values()):
            write_worst_rows(folder, snapshot, self.split, labels, collected.worst)
        write_json(folder / EVALUATION_FILE, result.to_json(self.split, verdicts))
        context.metrics.update(result.flat())
        for note in result.notes:
            context.report.warn(note)
        broken = [verdict for verdict in verdicts if not verdict.kept]
        if broken:
            mend = "See what is wrong on the page that pipeline.evaluate() writes"
            raise QualityError(f"the model is not good enough: {'; '.join(map(str, broken))}", mend=mend)

    def _chosen(self, label: LabelInfo, bound: Sequence[Bound], only: bool) -> list[Metric]:
        names = self.metrics.get(label.name) or DEFAULTS[label.task]
        found = [*map(find_metric, names), *gated(bound, label.name, only)]
        return list({metric.name: metric for metric in found}.values())

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
        yield from label_problems(self.min_metrics, self.max_metrics, labels, place)
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
