"""Weights of rows: a column of the data, and the classes of a label."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from zenml.errors import DataError, Problem
from zenml.steps.trainer.label_scan import LabelScan
from zenml.steps.trainer.names import ClassWeights
from zenml.steps.trainer.objective import class_weights
from zenml.steps.trainer.prediction import LabelInfo
from zenml.steps.trainer.reader import SplitReader, label_array
from zenml.steps.trainer.training import Training

_MEND = "Correct the data; a feature keeps its values where its transform is no_transform, a label always does"


def refuse_bad_weights(training: Training, column: str) -> None:
    """Look through a column of weights, in memory that does not grow with the data.

    Args:
        training: its readers have the column among their labels.
        column: its name.

    Raises:
        DataError: weights are negative or not finite, or all are zero; of each split.
    """
    readers = [reader for reader in (training.train, training.eval) if reader is not None]
    wrong = [problem for reader in readers for problem in _wrong(reader, column, f"{training.name}.sample_weight")]
    if wrong:
        raise DataError(wrong)


def _wrong(reader: SplitReader, column: str, where: str) -> list[Problem]:
    negative = unknown = rows = 0
    lowest = largest = 0.0
    for batch in reader.batches():
        values = label_array(batch.column(column))
        rows += len(values)
        finite = values[np.isfinite(values)]
        unknown += len(values) - len(finite)
        negative += int((finite < 0).sum())
        if len(finite):
            lowest, largest = min(lowest, float(finite.min())), max(largest, float(finite.max()))
    place = f"column {column!r}, split {reader.name}"
    found = []
    if negative:
        found.append(f"{place}: {negative:,} of {rows:,} weights are negative, the lowest is {lowest:.6g}")
    if unknown:
        found.append(f"{place}: {unknown:,} of {rows:,} weights are missing or not finite")
    if rows and not found and largest == 0:
        found.append(f"{place}: all weights are zero")
    return [Problem(what, where, _MEND) for what in found]


def row_weights(
    label: LabelInfo,
    values: npt.NDArray[Any],
    of_rows: npt.NDArray[Any] | None,
    of_classes: ClassWeights,
    where: str,
) -> npt.NDArray[np.float64] | None:
    """Return the weight of each row: that of the row times that of its class; None where all count the same.

    Args:
        label: the label.
        values: its codes, or numbers.
        of_rows: weights of these rows.
        of_classes: weights by class.
        where: the trainer.

    Raises:
        DataError: weights are of classes that the label does not have, or all are zero.
    """
    found = None if of_rows is None else of_rows.astype(np.float64)
    if of_classes is not None:
        scan = LabelScan()
        scan.update(values)
        by_class, wrong = class_weights(label, scan, of_classes, where)
        if wrong:
            raise DataError(wrong)
        of_each = by_class.astype(np.float64)[np.searchsorted(np.array(label.codes), values)]
        found = of_each if found is None else found * of_each
    if found is not None and not found.any():
        what = f"all rows that have a value of {label.name!r} have the weight zero"
        raise DataError(what, f"{where}.sample_weight")
    return found
