"""Prediction: what a model says about one label of a batch of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Task = Literal["classification", "regression"]

Class = bool | int | float | str
"""A value of a classification label, as it stands in the raw data."""


@dataclass(frozen=True)
class LabelInfo:
    """A label that a model predicts.

    Args:
        name: the label's name in the raw data.
        task: `classification` or `regression`.
        classes: of a classification, the values of the label in the order of the columns of `Prediction.scores`.
        codes: the number by which transformed data write each of `classes`.
    """

    name: str
    task: Task
    classes: tuple[Class, ...] = ()
    codes: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the label as JSON types."""
        row: dict[str, Any] = {"name": self.name, "task": self.task}
        if self.task == "classification":
            row |= {"classes": list(self.classes), "codes": list(self.codes)}
        return row

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> LabelInfo:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: the row is not of that form.
        """
        if row["task"] not in ("classification", "regression"):
            raise ValueError(f"unknown task {row['task']!r}")
        label = cls(str(row["name"]), row["task"], tuple(row.get("classes", ())), tuple(map(int, row.get("codes", ()))))
        if len(label.classes) != len(label.codes) or (label.task == "classification" and len(label.classes) < 2):
            raise ValueError(f"label {label.name!r} needs at least two classes and a code for each")
        return label


@dataclass(frozen=True)
class Prediction:
    """Predictions of one label for a batch of rows.

    Args:
        label: which label, with its task and classes.
        values: of a regression, float64 of shape (rows,); of a classification, the position of the predicted class in
            `label.classes`, int64 of shape (rows,).
        scores: of a classification, float64 of shape (rows, classes), the higher the likelier; None of a regression.
        calibrated: whether the scores are probabilities, so that each row sums to 1.
    """

    label: LabelInfo
    values: npt.NDArray[Any]
    scores: npt.NDArray[np.float64] | None = None
    calibrated: bool = True

    @property
    def probabilities(self) -> npt.NDArray[np.float64] | None:
        """The probability of each class, shape (rows, classes), or None where the model gives none."""
        return self.scores if self.calibrated else None

    @property
    def classes(self) -> tuple[Class, ...]:
        """The classes in the order of the columns of `scores`; empty for a regression."""
        return self.label.classes


Predictor: TypeAlias = "Callable[[npt.NDArray[np.float32]], Mapping[str, Prediction]]"
"""What a trainer's `load_bundle` returns: from transformed features (rows, width) to a prediction per label."""
