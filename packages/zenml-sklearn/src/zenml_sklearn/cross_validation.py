"""Cross-validation: how well an estimator learns from most of the rows what the others hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zenml.data.metrics.outcomes import Outcomes
from zenml.data.metrics.table import DEFAULTS, find_metric
from zenml.errors import DataError
from zenml.steps.base import Reporter
from zenml.steps.trainer.measuring import measure, truth_of
from zenml.steps.trainer.names import canonical
from zenml.steps.trainer.prediction import LabelInfo
from zenml_sklearn.fitting import fit, told
from zenml_sklearn.predictor import predict

_FEW = 2


@dataclass(frozen=True)
class CrossValidation:
    """Folds of the training rows, of which each is left out once; the same seed gives the same folds.

    Of a classification each fold has its share of each class. Rows of one group are never in two folds.

    Args:
        folds: how many.
        metrics: what to measure on each fold, by the names of evaluators; by default what these measure.
        seed: of the order of the rows.
        report: takes messages and progress.
        place: the trainer and the label, for messages.
    """

    folds: int
    metrics: Sequence[str]
    seed: int
    report: Reporter
    place: str

    def run(
        self,
        make: Callable[[], Any],
        label: LabelInfo,
        features: npt.NDArray[np.float32],
        values: npt.NDArray[Any],
        weights: npt.NDArray[np.float64] | None = None,
        groups: npt.NDArray[Any] | None = None,
    ) -> dict[str, float]:
        """Fit an estimator for each fold on all others, and measure it.

        Args:
            make: makes an estimator that is not fitted.
            label: the label.
            features: of the rows, (rows, width).
            values: codes of classes, or numbers.
            weights: how much each row counts when an estimator is fitted; what is measured is not weighed.
            groups: which rows belong together.

        Returns:
            by metric the mean (`roc_auc_mean`), the standard deviation (`roc_auc_std`, over `folds` values), and the
            value of each fold (`roc_auc_fold_1`, …).

        Raises:
            DataError: the rows cannot be cut into so many folds.
        """
        names = [find_metric(canonical(name)).name for name in self.metrics or DEFAULTS[label.task]]
        found: dict[str, list[float]] = {name: [] for name in names}
        with self.report.progress("folds", self.folds) as advance:
            for number, (rest, fold) in enumerate(self._cut(label, values, groups), 1):
                if label.task == "classification" and len(np.unique(values[rest])) < len(label.codes):
                    what = f"without fold {number} of {self.folds} a class of the label has no rows to learn from"
                    raise DataError(what, self.place, "Take fewer folds, or other groups")
                with told(self.report, f"{self.place}, fold {number}"):
                    estimator = fit(make(), features[rest], values[rest], None if weights is None else weights[rest])
                    made = predict(label, estimator, features[fold])
                outcomes = Outcomes(truth_of(label, values[fold]), made.values, made.scores, made.calibrated)
                for name, value in measure(names, outcomes).items():
                    found[name].append(value)
                advance(1)
        return self._told(found)

    def _told(self, found: dict[str, list[float]]) -> dict[str, float]:
        rows: dict[str, float] = {}
        for name, values in found.items():
            if len(values) < self.folds:
                missing = self.folds - len(values)
                self.report.warn(f"{self.place}: {name} is not defined in {missing} of {self.folds} folds")
                continue
            rows[f"{name}_mean"] = float(np.mean(values))
            rows[f"{name}_std"] = float(np.std(values))
            rows |= {f"{name}_fold_{number}": value for number, value in enumerate(values, 1)}
            mean, off = rows[f"{name}_mean"], rows[f"{name}_std"]
            self.report.log(f"{self.place}: cross-validated {name} {mean:.4g} ± {off:.2g} over {self.folds} folds")
        return rows

    def _cut(
        self, label: LabelInfo, values: npt.NDArray[Any], groups: npt.NDArray[Any] | None
    ) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
        """Yield, for each fold, the other rows and its own."""
        from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

        self._refuse_few(label, values, groups)
        is_classified, seed = label.task == "classification", self.seed % 2**32
        rows = np.zeros(len(values))
        if groups is None:
            kind = StratifiedKFold if is_classified else KFold
            yield from kind(self.folds, shuffle=True, random_state=seed).split(rows, values)
        elif is_classified:
            cutter = StratifiedGroupKFold(self.folds, shuffle=True, random_state=seed)
            yield from cutter.split(rows, values, groups)
        else:
            yield from GroupKFold(self.folds).split(rows, values, groups)

    def _refuse_few(self, label: LabelInfo, values: npt.NDArray[Any], groups: npt.NDArray[Any] | None) -> None:
        """Find whether there are too few rows, groups, or rows of a class.

        Raises:
            DataError: there are.
        """
        kinds, counts = np.unique(values, return_counts=True)
        if groups is not None:
            most = len(np.unique(groups))
            what = f"cv={self.folds}, and there are {most} groups"
        elif label.task == "classification":
            most = int(counts.min())
            rare = label.classes[label.codes.index(int(kinds[counts.argmin()]))]
            what = f"cv={self.folds}, and the class {rare!r} has {most} rows"
        else:
            most = len(values)
            what = f"cv={self.folds}, and there are {most} rows"
        if most < self.folds:
            raise DataError(what, self.place, f"Take cv={most} or less" if most >= _FEW else "Leave cv out")
