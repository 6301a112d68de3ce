"""Objective: what a network is trained towards, and what its outputs mean, whatever framework it is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from zenml.errors import DataError, Problem
from zenml.steps.trainer.batches import Arrays
from zenml.steps.trainer.label_scan import LabelScan, scan_labels
from zenml.steps.trainer.names import LOSSES, Kind, canonical
from zenml.steps.trainer.prediction import LabelInfo, Prediction
from zenml.steps.trainer.targets import classes_of, numbers_of
from zenml.steps.trainer.training import Training

ClassWeight = Mapping[str, float] | str | None
"""Weights by class, `balanced`, or None for the same weight everywhere."""

_TINY = 1e-7
_SHOWN = 5


@dataclass(frozen=True)
class Objective:
    """A loss over the labels of a training.

    Args:
        loss: its name, as `names.LOSSES` has it.
        labels: what is predicted, in the order of the columns of the outputs.
        weights: by label, the weight of each class; empty where all count the same.
        weighed: whether rows have weights at all: by class, or because some lack a label.
    """

    loss: str
    labels: tuple[LabelInfo, ...]
    weights: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    weighed: bool = False

    @property
    def kind(self) -> Kind:
        """What the loss compares."""
        return LOSSES[self.loss]

    @property
    def outputs(self) -> int:
        """How many numbers the network gives for a row: one per class, or one per label."""
        return len(self.labels[0].classes) if self.kind == "classes" else len(self.labels)

    def arrays(self, features: npt.NDArray[np.float32], labels: Mapping[str, npt.NDArray[Any]]) -> Arrays:
        """Return features, targets, and weights where rows have any; `SplitReader.batch_view` takes this as `prepare`.

        Targets of `categorical_crossentropy` are the positions of the classes, int64 (rows,); all others float32 (rows,
        labels), two classes being 0 and 1. Weights have the shape of the targets; rows without a value have 0.
        """
        columns = [self._column(label, labels[label.name]) for label in self.labels]
        targets = [values for values, _ in columns]
        weights = [weight for _, weight in columns]
        if self.kind == "classes":
            made: Arrays = (features, targets[0].astype(np.int64))
            return (*made, weights[0]) if self.weighed else made
        made = (features, np.stack(targets, axis=1).astype(np.float32))
        return (*made, np.stack(weights, axis=1)) if self.weighed else made

    def _column(self, label: LabelInfo, values: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32]]:
        if label.task == "regression":
            known = np.isfinite(values)
            return np.where(known, values, 0), known.astype(np.float32)
        codes = np.array(label.codes)
        positions = np.minimum(np.searchsorted(codes, values), len(codes) - 1)
        known = codes[positions] == values
        positions = np.where(known, positions, 0)
        weight = known.astype(np.float32)
        if label.name in self.weights:
            weight *= self.weights[label.name][positions]
        return positions, weight

    def predictions(self, outputs: npt.NDArray[Any]) -> Mapping[str, Prediction]:
        """Return what the outputs (rows, outputs) of a network, after its last activation, say of each label."""
        given = outputs.astype(np.float64, copy=False)
        if self.kind == "classes":
            scores = given / given.sum(axis=1, keepdims=True)
            (label,) = self.labels
            return {label.name: Prediction(label, scores.argmax(axis=1), scores)}
        found = {}
        for number, label in enumerate(self.labels):
            column = given[:, number]
            if label.task == "regression":
                found[label.name] = Prediction(label, column)
            else:
                scores = np.column_stack([1 - column, column])
                found[label.name] = Prediction(label, scores.argmax(axis=1), scores)
        return found

    def sums(self, outputs: npt.NDArray[Any], arrays: Arrays) -> tuple[float, float]:
        """Return the sum of the losses of some rows, and the sum of their weights.

        Args:
            outputs: of the network, after its last activation.
            arrays: targets and, if any, weights, as `arrays` gives them behind the features.
        """
        given, targets = outputs.astype(np.float64), arrays[0]
        if self.kind == "classes":
            losses = -np.log(np.clip(given[np.arange(len(given)), targets], _TINY, 1))
        elif self.kind == "binary":
            given = np.clip(given, _TINY, 1 - _TINY)
            losses = -(targets * np.log(given) + (1 - targets) * np.log1p(-given))
        else:
            off = np.abs(given - targets)
            losses = _NUMBER_LOSSES[self.loss](off)
        weights = arrays[1] if len(arrays) > 1 else np.ones(losses.shape, np.float32)
        return float((losses * weights).sum()), float(weights.sum(dtype=np.float64))

    def refuse_output(self, shape: Sequence[int], rows: int, where: str) -> None:
        """Find whether what a network gave for `rows` rows fits the labels.

        Raises:
            DataError: it does not; names both shapes.
        """
        wanted = (rows, self.outputs)
        if tuple(shape) == wanted:
            return
        names = ", ".join(label.name for label in self.labels)
        what = f"the model gives an output of shape {tuple(shape)} for {rows} rows, and {self.loss} of {names} needs"
        mend = f"Let its last layer have {self.outputs} unit{'s' if self.outputs > 1 else ''}"
        raise DataError(f"{what} {wanted}", where, mend)


_NUMBER_LOSSES: Mapping[str, Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]] = {
    "mse": lambda off: off * off,
    "mae": lambda off: off,
    "huber": lambda off: np.where(off <= 1, 0.5 * off * off, off - 0.5),
}


def usual_loss(training: Training, scans: Mapping[str, LabelScan]) -> str:
    """Return the loss that fits the labels: numbers that are no classes, one label of many classes, or two each."""
    numbers = [name for name in scans if _is_number(name, scans[name], training)]
    if numbers:
        return "mse"
    return "categorical_crossentropy" if any(len(scan.counts) > 2 for scan in scans.values()) else "binary_crossentropy"


def _is_number(name: str, scan: LabelScan, training: Training) -> bool:
    if training.transform.label_values(name) is not None or training.transform.labels[name] == "boolean":
        return False
    return len(scan.counts) > 2 or any(value not in (0, 1) for value in scan.counts)


def find_objective(training: Training, loss: str | None = None, class_weight: ClassWeight = None) -> Objective:
    """Return the objective of a training after a look at the values of its labels.

    Args:
        training: the training.
        loss: one of `names.LOSSES`, or another name of it; None for the one that fits the labels.
        class_weight: weights by class, `balanced`, or None.

    Raises:
        DataError: all that keeps the labels from going with the loss.
    """
    scans = scan_labels(training.train)
    name = canonical(loss) if loss else usual_loss(training, scans)
    kind = LOSSES[name]
    problems: list[Problem] = []
    labels: list[LabelInfo] = []
    for label, scan in scans.items():
        try:
            labels.append(_label(label, scan, training, name))
        except DataError as error:
            problems += error.problems
    if kind == "classes" and len(scans) > 1:
        what = f"{name} is of one label, and there are {len(scans)}: {', '.join(scans)}"
        problems.append(Problem(what, training.name, "Take binary_crossentropy for labels of two classes each"))
    weights: dict[str, npt.NDArray[np.float32]] = {}
    if class_weight is not None and not problems:
        for info in labels:
            found, wrong = class_weights(info, scans[info.name], class_weight, training.name)
            problems += wrong
            weights[info.name] = found
    if problems:
        raise DataError(problems)
    weighed = bool(weights) or any(scan.absent or _unknown(scan, training, label) for label, scan in scans.items())
    return Objective(name, tuple(labels), weights, weighed)


def _unknown(scan: LabelScan, training: Training, label: str) -> bool:
    return training.transform.label_values(label) is not None and any(value < 0 for value in scan.counts)


def _label(name: str, scan: LabelScan, training: Training, loss: str) -> LabelInfo:
    if LOSSES[loss] == "numbers":
        return numbers_of(name, scan.values, training).label
    place = f"label {name!r}"
    try:
        label = classes_of(name, scan.values, training).label
    except DataError as error:
        told = [
            Problem(f"{row.what}, which {loss} cannot learn", row.where, "Take loss='mse'") for row in error.problems
        ]
        raise DataError(told if "continuous" in str(error) else error.problems) from error
    if LOSSES[loss] == "binary" and len(label.classes) > 2:
        shown = ", ".join(map(repr, label.classes[:_SHOWN])) + (", …" if len(label.classes) > _SHOWN else "")
        what = f"{loss} needs a label of two classes, and this one has {len(label.classes)}: {shown}"
        mend = "Take loss='categorical_crossentropy', or 'mse' for a number"
        raise DataError(what, place, mend)
    return label


def class_weights(
    label: LabelInfo, scan: LabelScan, wanted: Mapping[str, float] | str, where: str
) -> tuple[npt.NDArray[np.float32], list[Problem]]:
    """Return the weight of each class of a label, in their order, and what is wrong with what is wanted.

    Args:
        label: the label.
        scan: its values.
        wanted: weights by class, or `balanced`.
        where: the step.
    """
    if label.task != "classification":
        what = f"class_weight is of classes, and the label {label.name!r} is a number"
        return np.ones(0, np.float32), [Problem(what, where)]
    if isinstance(wanted, str):
        counts = np.array([scan.counts[code] for code in label.codes], np.float64)
        return (counts.sum() / (len(counts) * counts)).astype(np.float32), []
    names = [str(value).lower() if isinstance(value, bool) else str(value) for value in label.classes]
    given = {str(name).lower() if str(name).lower() in names else str(name): float(w) for name, w in wanted.items()}
    problems = [
        Problem(f"class_weight names {name!r}, which is no class of the label {label.name!r}", where,
                f"Classes: {', '.join(names)}")
        for name in given if name not in names
    ]  # fmt: skip
    return np.array([given.get(name, 1.0) for name in names], np.float32), problems
