"""Collecting: stream a split through a model, and keep what metrics and slices need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from zenml.data.metrics.outcomes import Outcomes
from zenml.errors import DataError
from zenml.steps.evaluator.slicing import Coded, coder

if TYPE_CHECKING:
    from zenml.data.snapshot import Snapshot
    from zenml.steps.base import Advance
    from zenml.steps.trainer.loading import LoadedModel
    from zenml.steps.trainer.prediction import LabelInfo, Prediction


@dataclass(frozen=True)
class Collected:
    """A split after prediction; arrays have one entry per row of the split.

    Args:
        rows: the number of rows.
        labels: the labels that were predicted.
        outcomes: truth and prediction by label.
        known: by label, whether a row has a true value.
        columns: the columns of the slices, as codes.
    """

    rows: int
    labels: tuple[LabelInfo, ...]
    outcomes: Mapping[str, Outcomes]
    known: Mapping[str, npt.NDArray[np.bool_]]
    columns: Mapping[str, Coded]


def collect(
    model: LoadedModel, snapshot: Snapshot, split: str, slices: Sequence[Sequence[str]], advance: Advance
) -> Collected:
    """Predict all rows of a split, batch by batch; only scores, labels and codes of slices stay in memory.

    Raises:
        DataError: the split has no rows.
    """
    labels = model.bundle.labels
    coders = {name: coder(snapshot.schema[name]) for names in slices for name in names}
    columns = list(dict.fromkeys([*model.transform.features, *(label.name for label in labels), *coders]))
    outcomes: dict[str, list[Outcomes]] = {label.name: [] for label in labels}
    known: dict[str, list[npt.NDArray[np.bool_]]] = {label.name: [] for label in labels}
    rows = 0
    for batch in snapshot.batches(split, columns):
        predictions, truths = model.predict_and_observe(batch)
        for label in labels:
            truth = truths[label.name]
            present = ~np.isnan(truth) if truth.dtype.kind == "f" else np.ones(len(truth), np.bool_)
            known[label.name].append(present)
            outcomes[label.name].append(_outcomes(label, np.where(present, truth, 0), predictions[label.name]))
        for name, column in coders.items():
            column.update(batch.column(name))
        rows += batch.num_rows
        advance(batch.num_rows)
    if rows == 0:
        raise DataError(f"split {split!r} has no rows to measure on")
    return Collected(
        rows,
        labels,
        {name: Outcomes.join(parts) for name, parts in outcomes.items()},
        {name: np.concatenate(parts) for name, parts in known.items()},
        {name: column.result() for name, column in coders.items()},
    )


def _outcomes(label: LabelInfo, truth: npt.NDArray[Any], prediction: Prediction) -> Outcomes:
    if label.task == "regression":
        return Outcomes(truth.astype(np.float64, copy=False), prediction.values)
    codes = np.asarray(label.codes)
    order = np.argsort(codes)
    place = np.minimum(np.searchsorted(codes, truth, sorter=order), len(codes) - 1)
    position = np.where(codes[order][place] == truth, order[place], -1)
    return Outcomes(position, prediction.values, prediction.scores, prediction.calibrated)
