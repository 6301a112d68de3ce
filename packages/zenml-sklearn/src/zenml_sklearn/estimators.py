"""Estimators from their names and parameters: what fits, and how they are built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from zenml.errors import Problem, closest
from zenml_sklearn.catalogue import Estimator, find, names

_SEVERAL_LABELS = "It predicts several labels at once, and here every label has an estimator of its own"

REFUSED: Mapping[str, str] = {
    "CCA": _SEVERAL_LABELS,
    "ClassifierChain": _SEVERAL_LABELS,
    "MultiOutputClassifier": _SEVERAL_LABELS,
    "MultiOutputRegressor": _SEVERAL_LABELS,
    "MultiTaskElasticNet": _SEVERAL_LABELS,
    "MultiTaskElasticNetCV": _SEVERAL_LABELS,
    "MultiTaskLasso": _SEVERAL_LABELS,
    "MultiTaskLassoCV": _SEVERAL_LABELS,
    "PLSCanonical": _SEVERAL_LABELS,
    "RegressorChain": _SEVERAL_LABELS,
}
"""Classifiers and regressors of scikit-learn that cannot be trained here, and why."""


def nested(value: Any) -> bool:
    """Say whether a parameter's value describes an estimator: `{"estimator": …, "parameters": {…}}`."""
    return (
        isinstance(value, Mapping)
        and isinstance(value.get("estimator"), str)
        and value.keys() <= {"estimator", "parameters"}
        and isinstance(value.get("parameters", {}), Mapping)
    )


def problems(name: str, parameters: Mapping[str, Any], where: str) -> Iterator[Problem]:
    """Yield all that is wrong with an estimator's name and parameter names, without importing scikit-learn."""
    estimator = find(name)
    if estimator is None:
        import importlib.metadata

        near = closest(name, names())
        yield Problem(
            f"scikit-learn {importlib.metadata.version('scikit-learn')} has no classifier or regressor {name!r}",
            f"{where}.estimator",
            near or "See https://scikit-learn.org/stable/api",
        )
        return
    if name in REFUSED:
        yield Problem(f"{name} cannot be trained here", f"{where}.estimator", REFUSED[name])
        return
    for parameter in parameters:
        if parameter not in estimator.parameters:
            known = ", ".join(sorted(estimator.parameters)) or "none"
            mend = closest(parameter, estimator.parameters) or f"Known: {known}"
            yield Problem(f"{name} has no such parameter", f"{where}.parameters.{parameter}", mend)
    for parameter in estimator.required:
        if parameter not in parameters:
            mend = 'Give it as {"estimator": "…", "parameters": {…}}' if "estimator" in parameter else ""
            yield Problem(f"{name} needs a value", f"{where}.parameters.{parameter}", mend)
    for parameter, value in parameters.items():
        for place, inner in _inner(value, f"{where}.parameters.{parameter}"):
            yield from problems(inner["estimator"], inner.get("parameters", {}), place)


def build(name: str, parameters: Mapping[str, Any], seed: int) -> Any:
    """Make the estimator; whatever in it takes a random state that is not given gets the seed."""
    estimator = find(name)
    if estimator is None:
        raise LookupError(name)
    given = {key: _build_value(value, seed) for key, value in parameters.items()}
    if "random_state" in estimator.parameters:
        given.setdefault("random_state", seed % 2**32)
    return estimator.load()(**given)


def kind(name: str) -> str:
    """Return `classifier` or `regressor`.

    Raises:
        LookupError: scikit-learn has no such estimator.
    """
    estimator: Estimator | None = find(name)
    if estimator is None:
        raise LookupError(name)
    return estimator.kind


def _build_value(value: Any, seed: int) -> Any:
    if nested(value):
        return build(value["estimator"], value.get("parameters", {}), seed)
    if isinstance(value, list):
        made = [_build_value(item, seed) for item in value]
        return tuple(made) if _is_named(value) else made
    return value


def _is_named(value: list[Any]) -> bool:
    """Say whether a list is a pair of name and estimator, as `estimators=` of VotingClassifier holds them."""
    return len(value) == 2 and isinstance(value[0], str) and nested(value[1])


def _inner(value: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield where estimators stand inside parameters, and their descriptions."""
    if nested(value):
        yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _inner(item, f"{place}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _inner(item, f"{place}[{number}]")
