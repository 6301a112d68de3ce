"""Transformers before an estimator, as a trainer's config describes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zenml.errors import Problem, closest
from zenml_sklearn.catalogue import PIPELINE
from zenml_sklearn.estimators import problems

_KEYS = ("name", "estimator", "parameters")

Pair = tuple[str, dict[str, Any]]
"""A step's name, and its description `{"estimator": …, "parameters": {…}}`."""


def step_problems(steps: Sequence[Mapping[str, Any]], where: str) -> Iterator[Problem]:
    """Yield all that is wrong with steps, without importing scikit-learn.

    Args:
        steps: `{"name": …, "estimator": …, "parameters": {…}}` each; the name may be left out, and the parameters.
        where: their place.
    """
    seen: set[str] = set()
    for number, step in enumerate(steps):
        place = f"{where}[{number}]"
        for key in step:
            if key not in _KEYS:
                mend = {"class": "Did you mean estimator?", "params": "Did you mean parameters?"}.get(key)
                known = closest(key, _KEYS) or f"Known: {', '.join(_KEYS)}"
                yield Problem("unknown parameter", f"{place}.{key}", mend or known)
        name, estimator, parameters = step.get("name"), step.get("estimator"), step.get("parameters", {})
        if name is not None and (not isinstance(name, str) or not name or "__" in name):
            yield Problem("a step's name is a string without two underscores in a row", f"{place}.name")
        elif isinstance(name, str) and name in seen:
            yield Problem(f"another step has the name {name!r}", f"{place}.name")
        if isinstance(name, str):
            seen.add(name)
        if not isinstance(estimator, str):
            yield Problem("a step needs the name of an estimator", f"{place}.estimator")
        elif not isinstance(parameters, Mapping):
            yield Problem("the parameters are values by name", f"{place}.parameters")
        else:
            yield from problems(estimator, parameters, place, ("transformer", "pipeline"))


def named_steps(steps: Sequence[Mapping[str, Any]], estimator: str, parameters: Mapping[str, Any]) -> list[Pair]:
    """Return the steps and the estimator with names: those that were given, else from their classes."""
    every = [*steps, {"estimator": estimator, "parameters": parameters}]
    taken = {str(step["name"]) for step in steps if "name" in step}
    pairs: list[Pair] = []
    for step in every:
        name = str(step.get("name") or _free(str(step["estimator"]), taken))
        taken.add(name)
        pairs.append((name, {"estimator": step["estimator"], "parameters": dict(step.get("parameters", {}))}))
    return pairs


def as_pipeline(
    steps: Sequence[Mapping[str, Any]], estimator: str, parameters: Mapping[str, Any]
) -> tuple[str, Mapping[str, Any]]:
    """Return name and parameters of the estimator that the steps and the last one make together."""
    if not steps:
        return estimator, parameters
    return PIPELINE, {"steps": [list(pair) for pair in named_steps(steps, estimator, parameters)]}


def _free(estimator: str, taken: set[str]) -> str:
    """Return a name for a step of a class that no other step has."""
    first = estimator.rpartition(":")[2].rpartition(".")[2].lower()
    names = (first, *(f"{first}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)
