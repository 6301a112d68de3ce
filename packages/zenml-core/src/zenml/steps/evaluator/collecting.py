"""Collecting: stream a split through a model, and keep on disk what metrics and slices need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from zenml.data.metrics.outcomes import Outcomes
from zenml.errors import DataError
from zenml.steps.evaluator.columns import Coded, coder
from zenml.steps.evaluator.spilling import Spilled
from zenml.steps.evaluator.worst_rows import Worst, WorstRows, losses_of

if TYPE_CHECKING:
    from zenml.data.snapshot import Snapshot
    from zenml.steps.base import Advance
    from zenml.steps.trainer.loading import LoadedModel
    from zenml.steps.trainer.prediction import LabelInfo, Prediction

MISSING = -2
"""What stands for the true class of a row that has none."""


@dataclass(frozen=True)
class Collected:
    """A split after prediction; arrays have one entry per row of the split, and lie in files.

    Args:
        rows: the number of rows.
        labels: the labels that were predicted.
        outcomes: truth and prediction by label; the truth of a row without one is `MISSING`, or NaN.
        columns: the columns of the slices, as codes.
        worst: by label, the rows with the greatest losses.
    """

    rows: int
    labels: tuple[LabelInfo, ...]
    outcomes: Mapping[str, Outcomes]
    columns: Mapping[str, Coded]
    worst: Mapping[str, Sequence[Worst]]

    def known(self, label: str, start: int, stop: int) -> npt.NDArray[np.bool_]:
        """Say which rows from `start` to before `stop` have a true value of a label."""
        truth = self.outcomes[label].truth[start:stop]
        return ~np.isnan(truth) if truth.dtype.kind == "f" else np.asarray(truth != MISSING)


class _Label:
    """Takes the outcomes of one label, batch by batch."""

    def __init__(self, label: LabelInfo, folder: Path, number: int, worst: int) -> None:
        kind = np.float64 if label.task == "regression" else np.int32
        self._label = label
        self._truth = Spilled(folder / f"label-{number}.truth", kind)
        self._predicted = Spilled(folder / f"label-{number}.predicted", kind)
        self._file = folder / f"label-{number}.scores"
        self._scores: Spilled | None = None
        self._calibrated = True
        self._rows = 0
        self.worst = WorstRows(worst)

    def update(self, truth: npt.NDArray[Any], prediction: Prediction, split: str) -> None:
        label = self._label
        if label.task == "regression":
            truth = truth.astype(np.float64, copy=False)
            wild = np.flatnonzero(np.isinf(truth))
            if len(wild):
                row = self._rows + int(wild[0])
                raise DataError(
                    f"label {label.name} is infinite, of which no error can be measured",
                    f"split {split}, row {row}",
                    "Filter such rows, or mend them in the source",
                )
        else:
            truth = _positions(label, truth)
        self._truth.append(truth)
        self._predicted.append(prediction.values)
        if prediction.scores is not None:
            self._scores = self._scores or Spilled(self._file, np.float64, prediction.scores.shape[1])
            self._scores.append(prediction.scores)
            self._calibrated = self._calibrated and prediction.calibrated
        self.worst.update(self._rows, losses_of(truth, prediction), truth, prediction.values)
        self._rows += len(truth)

    def result(self) -> Outcomes:
        scores = self._scores.array() if self._scores else None
        return Outcomes(self._truth.array(), self._predicted.array(), scores, self._calibrated)


def collect(
    model: LoadedModel,
    snapshot: Snapshot,
    split: str,
    slices: Sequence[Sequence[str]],
    advance: Advance,
    *,
    scratch: Path,
    worst: int,
) -> Collected:
    """Predict all rows of a split, batch by batch.

    Args:
        model: the model.
        snapshot: the data.
        split: the split.
        slices: the columns of each slice.
        advance: is told of each batch.
        scratch: a folder for the files; they must be there as long as what is returned is used.
        worst: how many of the worst rows of each label to keep.

    Raises:
        DataError: the split has no rows, or a label is infinite.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    labels = model.bundle.labels
    named = dict.fromkeys(name for names in slices for name in names)
    coders = {name: coder(snapshot.schema[name], scratch / f"slice-{n}") for n, name in enumerate(named)}
    columns = list(dict.fromkeys([*model.transform.features, *(label.name for label in labels), *coders]))
    takers = {label.name: _Label(label, scratch, number, worst) for number, label in enumerate(labels)}
    rows = 0
    for batch in snapshot.batches(split, columns):
        predictions, truths = model.predict_and_observe(batch)
        for name, taker in takers.items():
            taker.update(truths[name], predictions[name], split)
        for name, column in coders.items():
            column.update(batch.column(name))
        rows += batch.num_rows
        advance(batch.num_rows)
    if rows == 0:
        raise DataError(f"split {split!r} has no rows to measure on")
    return Collected(
        rows,
        labels,
        {name: taker.result() for name, taker in takers.items()},
        {name: column.result() for name, column in coders.items()},
        {name: taker.worst.result() for name, taker in takers.items()},
    )


def _positions(label: LabelInfo, truth: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """Return the positions of the true classes, -1 for one that the model does not know."""
    missing = np.isnan(truth) if truth.dtype.kind == "f" else np.zeros(len(truth), np.bool_)
    truth = np.where(missing, 0, truth)
    codes = np.asarray(label.codes)
    order = np.argsort(codes)
    place = np.minimum(np.searchsorted(codes, truth, sorter=order), len(codes) - 1)
    position = np.where(codes[order][place] == truth, order[place], -1)
    return np.where(missing, MISSING, position).astype(np.int32)
