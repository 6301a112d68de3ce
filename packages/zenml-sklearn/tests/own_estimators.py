"""Estimators of a user's own, named in the config of trainers."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression


class Shifted(LogisticRegression):
    """A logistic regression with a parameter more."""

    def __init__(self, shift: float = 0.0) -> None:
        super().__init__()
        self.shift = shift

    def fit(self, rows: Any, y: Any, sample_weight: Any = None) -> Shifted:
        return super().fit(rows + self.shift, y, sample_weight)


class Doubled(TransformerMixin, BaseEstimator):
    """Doubles what it is given."""

    def fit(self, rows: Any, y: Any = None) -> Doubled:
        self.n_features_in_ = rows.shape[1]
        return self

    def transform(self, rows: Any) -> Any:
        return 2 * rows


class Means(ClassifierMixin, BaseEstimator):
    """Learns the mean of each class, batch by batch."""

    def partial_fit(self, rows: Any, y: Any, classes: Any = None) -> Means:
        if not hasattr(self, "sums_"):
            self.classes_ = np.asarray(classes)
            self.sums_, self.rows_ = np.zeros((len(classes), rows.shape[1])), np.zeros(len(classes))
        for number, code in enumerate(self.classes_):
            self.sums_[number] += rows[y == code].sum(axis=0)
            self.rows_[number] += (y == code).sum()
        return self

    def fit(self, rows: Any, y: Any) -> Means:
        return self.partial_fit(rows, y, np.unique(y))

    def decision_function(self, rows: Any) -> Any:
        means = self.sums_ / np.maximum(self.rows_, 1)[:, None]
        far = ((rows[:, None, :] - means) ** 2).sum(axis=2)
        return far[:, 0] - far[:, 1] if len(means) == 2 else -far

    def predict(self, rows: Any) -> Any:
        scores = self.decision_function(rows)
        return self.classes_[(scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)]


class Certain(Means):
    """Gives no scores."""

    def __getattribute__(self, name: str) -> Any:
        if name == "decision_function":
            raise AttributeError(name)
        return super().__getattribute__(name)

    def predict(self, rows: Any) -> Any:
        scores = Means.decision_function(self, rows)
        return self.classes_[(scores > 0).astype(int)]


class Nameless(BaseEstimator, ClassifierMixin):
    """Forgets its classes."""

    def fit(self, rows: Any, y: Any) -> Nameless:
        return self

    def predict(self, rows: Any) -> Any:
        return np.zeros(len(rows))


class Helper:
    """Something that no list names."""


class Holding(LogisticRegression):
    """Holds what cannot be loaded again."""

    def fit(self, rows: Any, y: Any, sample_weight: Any = None) -> Holding:
        self.helper_ = Helper()
        return super().fit(rows, y, sample_weight)


class NoEstimator:
    """Has no fit."""
