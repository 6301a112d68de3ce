"""Targets: what a model is fitted on, from the label columns of transformed data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zenml.errors import DataError, Problem
from zenml.steps.trainer.prediction import Class, LabelInfo, Task
from zenml.steps.trainer.training import Training


@dataclass(frozen=True)
class Target:
    """A label to fit on.

    Args:
        label: what the model will predict.
        rows: which rows of the split have a value of the label, bool of shape (rows,).
        values: the values of those rows, int64 codes of classes, or float64.
    """

    label: LabelInfo
    rows: npt.NDArray[np.bool_]
    values: npt.NDArray[Any]


def read_targets(training: Training, labels: Mapping[str, npt.NDArray[Any]], task: Task) -> list[Target]:
    """Return what to fit on, by label.

    Args:
        training: the training.
        labels: the labels of `training.train`, as its `arrays` gives them.
        task: what the model does.

    Raises:
        DataError: all that is wrong with the labels, at once.
    """
    read = classes_of if task == "classification" else numbers_of
    targets: list[Target] = []
    wrong: list[Problem] = []
    for name, column in labels.items():
        try:
            targets.append(read(name, column, training))
        except DataError as error:
            wrong += error.problems
    if wrong:
        raise DataError(wrong)
    return targets


def classes_of(name: str, column: npt.NDArray[Any], training: Training) -> Target:
    """Return a label's classes; a row of a class that the transform does not know counts as one without value.

    Raises:
        DataError: the label has no values, continuous ones, or only one class.
    """
    place = f"label {name!r}"
    names = training.transform.label_values(name)
    rows = _present(column)
    if names is not None:
        rows &= column >= 0
    known = _known(column, rows, place)
    if known.dtype.kind == "f":
        broken = known != np.rint(known)
        if broken.any():
            what = f"a classifier needs classes, and the label has continuous values such as {known[broken][0]:.6g}"
            raise DataError(what, place, "Take a regressor")
    values = known.astype(np.int64, copy=False)
    codes = tuple(np.unique(values).tolist())
    classes: tuple[Class, ...] = codes
    if names is not None:
        classes = tuple(names[code] for code in codes)
    elif training.transform.labels[name] == "boolean":
        classes = tuple(bool(code) for code in codes)
    if len(codes) < 2:
        what = f"all rows of the split {training.train.name} have the same class, {classes[0]!r}"
        raise DataError(what, place, "A classifier needs at least two")
    return Target(LabelInfo(name, "classification", classes, codes), rows, values)


def numbers_of(name: str, column: npt.NDArray[Any], training: Training) -> Target:
    """Return a label's numbers.

    Raises:
        DataError: the label has no values, or classes in the place of numbers.
    """
    place = f"label {name!r}"
    if training.transform.label_values(name) is not None:
        raise DataError("a regressor needs numbers, and the label has classes", place, "Take a classifier")
    rows = _present(column)
    known = _known(column, rows, place)
    return Target(LabelInfo(name, "regression"), rows, known.astype(np.float64, copy=False))


def _present(column: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    rows: npt.NDArray[np.bool_] = np.ones(len(column), np.bool_)
    if column.dtype.kind == "f":
        np.isfinite(column, out=rows)
    return rows


def _known(column: npt.NDArray[Any], rows: npt.NDArray[np.bool_], place: str) -> npt.NDArray[Any]:
    known = column[rows]
    if len(known) == 0:
        raise DataError("the label has no values in the split to fit on", place)
    return known
