"""SklearnObjective: what the loss of an epoch is, with the weights of rows that a column of the data holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from zenml.steps.trainer.batches import Arrays
from zenml.steps.trainer.label_scan import scan_labels
from zenml.steps.trainer.objective import ClassWeight, Objective, find_objective
from zenml.steps.trainer.training import Training
from zenml_sklearn.catalogue import Kind


@dataclass(frozen=True)
class SklearnObjective(Objective):
    """An objective whose rows may have weights of their own, and whose numbers keep their precision.

    Args:
        sample_weight: the column of the weights; empty for none.
    """

    sample_weight: str = ""

    def arrays(self, features: npt.NDArray[np.float32], labels: Mapping[str, npt.NDArray[Any]]) -> Arrays:
        """Return features, targets, and weights where rows have any; see `Objective`."""
        features, targets, *weights = super().arrays(features, labels)
        if self.kind == "numbers":
            columns = [np.asarray(labels[label.name], np.float64) for label in self.labels]
            targets = np.nan_to_num(np.stack(columns, axis=1), nan=0.0, posinf=0.0, neginf=0.0)
        if self.sample_weight:
            (given,) = weights
            own = labels[self.sample_weight].astype(np.float64)
            weights = [given * (own if given.ndim == 1 else own[:, np.newaxis])]
        return (features, targets, *weights)


def sklearn_objective(
    training: Training, kind: Kind, loss: str | None, class_weight: ClassWeight, sample_weight: str | None
) -> SklearnObjective:
    """Return the objective of a training with an estimator of some kind.

    Args:
        training: its readers have no other labels than those to learn.
        kind: `classifier` or `regressor`.
        loss: as the user wrote it; by default the one that goes with the labels.
        class_weight: weights by class.
        sample_weight: the column of the weights of rows.

    Raises:
        DataError: all that keeps the labels from going with the loss.
    """
    if loss is None:
        scans = scan_labels(training.train) if kind == "classifier" else {}
        several = any(len(scan.counts) > 2 for scan in scans.values())
        usual = "categorical_crossentropy" if several else "binary_crossentropy"
        loss = usual if kind == "classifier" else "mse"
    found = find_objective(training, loss, class_weight)
    known = {field.name: getattr(found, field.name) for field in fields(found)}
    known["weighed"] = found.weighed or sample_weight is not None
    return SklearnObjective(**known, sample_weight=sample_weight or "")
