"""Estimators of the user's own, named `module:Class` in a trainer's config."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from zenml.errors import ConfigError
from zenml.plugins.target import import_target
from zenml_sklearn.catalogue import Estimator, Kind

_SHAPES = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def is_own(name: str) -> bool:
    """Say whether a name is that of a class in a module."""
    return ":" in name


def find_own(name: str) -> Estimator:
    """Import what `module:Class` names, and describe it as the catalogue describes scikit-learn's estimators.

    Raises:
        PluginError: there is no such module or class.
        ConfigError: it is no estimator that scikit-learn could work with.
    """
    found = import_target(name)
    if not isinstance(found, type):
        raise ConfigError(f"{name} is a {type(found).__name__}, not a class")
    missing = [method for method in ("fit", "get_params", "set_params") if not callable(getattr(found, method, None))]
    kind = _kind(found)
    if missing or kind is None:
        what = f"it has no {missing[0]}" if missing else "it is no classifier, regressor or transformer"
        mend = "Derive it from BaseEstimator and ClassifierMixin, RegressorMixin or TransformerMixin of sklearn.base"
        raise ConfigError(f"{what}, so scikit-learn cannot work with it", name, mend)
    rows = [row for row in inspect.signature(found).parameters.values() if row.kind not in _SHAPES]
    return Estimator(
        name,
        found.__module__,
        kind,
        tuple(row.name for row in rows),
        tuple(row.name for row in rows if row.default is row.empty),
        {method: _arguments(found, method) for method in ("fit", "partial_fit") if hasattr(found, method)},
    )


def own_names(value: Any) -> Iterator[str]:
    """Yield the classes of the user's own that descriptions of estimators name, however deep they stand."""
    if isinstance(value, Mapping):
        name = value.get("estimator")
        if isinstance(name, str) and is_own(name):
            yield name
        for item in value.values():
            yield from own_names(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from own_names(item)


def _kind(found: type) -> Kind | None:
    from sklearn.base import ClassifierMixin, RegressorMixin, TransformerMixin

    if issubclass(found, ClassifierMixin):
        return "classifier"
    if issubclass(found, RegressorMixin):
        return "regressor"
    return "transformer" if issubclass(found, TransformerMixin) or hasattr(found, "transform") else None


def _arguments(found: type, method: str) -> tuple[str, ...]:
    return tuple(inspect.signature(getattr(found, method)).parameters)[2:]
