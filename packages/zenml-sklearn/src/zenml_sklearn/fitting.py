"""Fitting: an estimator on some rows, with whatever scikit-learn says told as a user can mend it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zenml.errors import ConfigError, DataError
from zenml.steps.base import Reporter
from zenml.steps.trainer.prediction import LabelInfo

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@contextmanager
def told(report: Reporter, place: str, before: set[str] | None = None) -> Iterator[None]:
    """Pass on what scikit-learn warns of, each warning once, and say where it refuses.

    Args:
        report: takes the warnings.
        place: the trainer, the estimator and the label.
        before: what was told before, and is not told again.

    Raises:
        ConfigError, DataError: scikit-learn refused the parameters, or the data.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            yield
        except (TypeError, ValueError) as error:
            kind = ConfigError if type(error).__name__ == "InvalidParameterError" else DataError
            raise kind(f"scikit-learn refused: {error}".rstrip("."), place) from error
    known = set() if before is None else before
    for message in dict.fromkeys(f"{place}: {row.message}" for row in caught):
        if message not in known:
            report.warn(message)
        known.add(message)


def fit(
    estimator: Any,
    features: npt.NDArray[np.float32],
    values: npt.NDArray[Any],
    weights: npt.NDArray[np.float64] | None,
) -> Any:
    """Fit an estimator and return it; the weights of rows go to the last step of a pipeline."""
    more = {} if weights is None else {f"{_last_step(estimator)}sample_weight": weights}
    return estimator.fit(features, values, **more)


def refuse_unlike(estimator: Any, label: LabelInfo, place: str) -> None:
    """Find whether a fitted estimator tells its classes as scikit-learn's do; one of the user's own may not.

    Raises:
        ConfigError: it does not.
    """
    if label.task == "classification" and tuple(getattr(estimator, "classes_", ())) != label.codes:
        what = "after fit, classes_ of the classifier are not the classes that it was given"
        raise ConfigError(what, place, "Let fit set self.classes_ = numpy.unique(y)")


def _last_step(estimator: Any) -> str:
    """Return what the names of arguments begin with that are meant for the last step; nothing where it is no pipeline.

    Args:
        estimator: perhaps a pipeline, whose last step may be one again.
    """
    from sklearn.pipeline import Pipeline

    prefix = ""
    while isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        prefix += f"{name}__"
    return prefix
