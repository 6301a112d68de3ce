"""Pca: the main directions of several numeric features in place of the features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from zenml.data.transforms.covariance import Covariance
from zenml.data.transforms.values import Floats


@dataclass(frozen=True, eq=False)
class Projected:
    """Rows become their coordinates along some directions.

    Args:
        mean: what is taken off first, by feature.
        components: the directions, of shape (n_components, features).
        explained_variance: the variance of the training rows along each.
    """

    mean: Floats
    components: Floats
    explained_variance: Floats

    def apply(self, columns: Sequence[Floats]) -> npt.NDArray[np.float32]:
        """Return the coordinates, of shape (rows, n_components); NaN for a row in which a number is missing.

        Each is summed feature by feature, so a row comes out bit-equal alone and in a batch.
        """
        found = np.zeros((len(self.components), len(columns[0])))
        with np.errstate(invalid="ignore"):
            for number, column in enumerate(columns):
                found += (column - self.mean[number]) * self.components[:, number, None]
        return found.T.astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Return what was learned as JSON types."""
        return {
            "mean": self.mean.tolist(),
            "components": self.components.tolist(),
            "explained_variance": self.explained_variance.tolist(),
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Projected:
        """Read what `to_json` gave."""
        made = cls(*(np.asarray(row[name], np.float64) for name in ("mean", "components", "explained_variance")))
        if made.components.shape != (len(made.explained_variance), len(made.mean)):
            raise ValueError(f"components of shape {made.components.shape}")
        return made


class Pca(BaseModel):
    """Replace a group of numeric features by its principal components, as of scikit-learn's PCA.

    The components are the eigenvectors of the sample covariance (divisor n - 1) of what the features' own fillings and
    transforms give, by descending eigenvalue; a row x becomes components @ (x - mean). Of the two directions of each
    component the one is taken in which the entry of largest absolute value, of equal ones the first, is positive. Rows
    in which a number is missing or infinite are not learned from, and come out as NaN. No whitening.

    It gives a vector of `n_components` floats, named after the group. As covariances can be learned only of features
    whose own transforms are fitted, it takes a pass of its own over the training rows.

    Args:
        n_components: number of components; at most the number of features.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    NAME: ClassVar[str] = "pca"

    n_components: int = Field(ge=1)

    def fit(self, covariance: Covariance) -> Projected:
        """Find the components.

        Raises:
            ValueError: there are fewer than two whole rows.
        """
        if covariance.count < 2:
            raise ValueError("there are fewer than two rows without missing numbers to learn from")
        variances, vectors = np.linalg.eigh(covariance.matrix)
        largest = np.argsort(-variances, kind="stable")[: self.n_components]
        components = vectors.T[largest]
        heaviest = np.argmax(np.abs(components), axis=1)
        components *= np.sign(components[np.arange(len(components)), heaviest])[:, None]
        return Projected(covariance.mean, components, np.maximum(variances[largest], 0))
