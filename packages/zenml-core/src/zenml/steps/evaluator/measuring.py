"""Measuring: metrics and curves of collected predictions, overall and by slice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from zenml.data.metrics import Metric
from zenml.data.metrics.classification import by_class
from zenml.data.metrics.curves import against, confusion, curves
from zenml.data.metrics.outcomes import BLOCK, Outcomes
from zenml.data.metrics.ranking import Points
from zenml.data.metrics.tallies import ClassTally, Tally, tally, tally_and_points
from zenml.data.metrics.together import TogetherCounts
from zenml.steps.evaluator.collecting import Collected
from zenml.steps.evaluator.evaluated import Evaluated, LabelEvaluation, Part, Slice
from zenml.steps.evaluator.slicing import KnownRows, SliceGroups
from zenml.steps.trainer.prediction import LabelInfo

MOST_CURVES = 12
"""Of so many classes, those with most rows, the curves are kept."""

MOST_CLASSES = 100
"""Of more classes only the most frequent confusions are told."""

_MOST_CONFUSIONS = 1000


def measure(
    collected: Collected, metrics: Mapping[str, Sequence[Metric]], slices: Sequence[Sequence[str]]
) -> Evaluated:
    """Compute the metrics of each label, overall and for each slice."""
    labels = tuple(_label(collected, label, metrics[label.name], slices) for label in collected.labels)
    notes = [note for column in collected.columns.values() for note in column.notes]
    return Evaluated(collected.rows, labels, _together(collected), tuple(dict.fromkeys([*notes, *_notes(labels)])))


def _label(
    collected: Collected, label: LabelInfo, metrics: Sequence[Metric], slices: Sequence[Sequence[str]]
) -> LabelEvaluation:
    outcomes = collected.outcomes[label.name]
    known = partial(collected.known, label.name)
    having = sum(int(np.count_nonzero(known(start, stop))) for start, stop, _ in outcomes.blocks())
    everything = KnownRows(having, known)
    ranked = any(metric.name.endswith("_auc") for metric in metrics)
    keep = _curved(outcomes, everything) if outcomes.scores is not None and having else []
    (overall,), points = tally_and_points(outcomes, everything, ranked=ranked, keep=keep)
    extras: dict[str, Any] = {}
    if isinstance(overall, ClassTally):
        extras["by_class"] = _classes(label, overall)
        extras["confusion"] = _confusion(outcomes, everything, label)
        extras["curves"] = [
            {"class": label.classes[number], **_curves(outcomes, everything, number, found)}
            for number, found in points.items()
        ]
    else:
        extras["predicted_against_true"] = against(outcomes, everything)
    sliced = []
    for names in slices:
        groups = SliceGroups({name: collected.columns[name] for name in names}, collected.rows, known)
        found = tally(outcomes, groups, ranked=ranked)
        parts = [(values, _part(row, metrics)) for values, row in zip(groups.values, found, strict=True)]
        sliced.append(Slice(tuple(names), tuple(parts), groups.left_out, groups.rows_left_out))
    return LabelEvaluation(label, collected.rows - having, _part(overall, metrics), tuple(sliced), extras)


def _part(found: Tally, metrics: Sequence[Metric]) -> Part:
    return Part(found.rows, {metric.name: metric.measure(found) for metric in metrics})


def _curved(outcomes: Outcomes, everything: KnownRows) -> list[int]:
    """Return the classes whose curves are told: of two the second, of more those with most rows."""
    if outcomes.classes == 2:
        return [1]
    counts = np.zeros(outcomes.classes, np.int64)
    for start, stop, block in outcomes.blocks():
        truth = block.truth[(everything.numbers(start, stop) == 0) & (block.truth >= 0)]
        counts += np.bincount(truth, minlength=outcomes.classes)
    most = np.argsort(-counts, kind="stable")[:MOST_CURVES]
    return sorted(number for number in most.tolist() if counts[number])


def _curves(outcomes: Outcomes, everything: KnownRows, number: int, points: Points) -> dict[str, Any]:
    if outcomes.scores is None:
        return {}
    return curves(outcomes, outcomes.scores[:, number], everything, number, points).to_json()


def _classes(label: LabelInfo, found: ClassTally) -> list[dict[str, Any]]:
    columns = {name: by_class(found, name) for name in ("precision", "recall", "f1")}
    areas = found.roc if found.roc and len(found.roc) == len(label.classes) else None
    return [
        {
            "class": value,
            "true": int(found.true[number]),
            "predicted": int(found.predicted[number]),
            **{name: values[number] for name, values in columns.items()},
            **({"roc_auc": areas[number] if np.isfinite(areas[number]) else None} if areas else {}),
        }
        for number, value in enumerate(label.classes)
    ]


def _confusion(outcomes: Outcomes, everything: KnownRows, label: LabelInfo) -> dict[str, Any]:
    """Return the confusion matrix, or of very many classes its greatest cells off the diagonal."""
    classes = len(label.classes)
    matrix = confusion(outcomes, everything, classes)
    unknown = {"unknown": matrix[-1].tolist()} if matrix[-1].any() else {}
    if classes <= MOST_CLASSES:
        return {"matrix": matrix[:-1].tolist(), **unknown}
    wrong = matrix[:-1].copy()
    np.fill_diagonal(wrong, 0)
    largest = np.argsort(-wrong, axis=None, kind="stable")[:_MOST_CONFUSIONS]
    cells = [divmod(place, classes) for place in largest.tolist() if wrong.flat[place]]
    return {"largest": [[true, made, int(wrong[true, made])] for true, made in cells], **unknown}


def _together(collected: Collected) -> TogetherCounts | None:
    """Return counts of the rows that have all labels, where there are several of two classes each."""
    names = [label.name for label in collected.labels]
    if len(names) < 2 or any(len(label.classes) != 2 for label in collected.labels):
        return None
    counts = TogetherCounts(len(names))
    for start in range(0, collected.rows, BLOCK):
        stop = min(start + BLOCK, collected.rows)
        known = np.all([collected.outcomes[name].truth[start:stop] >= 0 for name in names], axis=0)
        truth, predicted = (
            np.stack([getattr(collected.outcomes[name], part)[start:stop][known] == 1 for name in names], axis=1)
            for part in ("truth", "predicted")
        )
        counts.update(truth, predicted)
    return counts


def _notes(labels: Sequence[LabelEvaluation]) -> Iterator[str]:
    for row in labels:
        name = row.label.name
        if row.without_value:
            rows = "1 row" if row.without_value == 1 else f"{row.without_value} rows"
            yield f"{rows} without a value of {name} left out of its metrics"
        for metric, measured in row.overall.metrics.items():
            if measured.value is None:
                yield f"{metric} of {name} is not defined: {measured.reason}"
        for part in row.slices:
            if part.left_out:
                yield (
                    f"{' x '.join(part.columns)} has {part.left_out} smaller groups, "
                    f"of {part.rows_left_out} rows, that are not told apart"
                )
