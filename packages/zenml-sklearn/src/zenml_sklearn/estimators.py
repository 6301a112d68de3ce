"""Estimators from their names and parameters: what fits, and how they are built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zenml.errors import Problem, ZenMLError, closest
from zenml_sklearn.catalogue import PREDICTORS, Estimator, Kind, find_any, names
from zenml_sklearn.own import find_own, is_own

_SEVERAL_LABELS = "It predicts several labels at once, and here every label has an estimator of its own"
_OF_LABELS = "It is of labels, which are read as they should be"

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
    "LabelBinarizer": _OF_LABELS,
    "LabelEncoder": _OF_LABELS,
    "MultiLabelBinarizer": _OF_LABELS,
    "TSNE": "It cannot transform rows that it was not fitted on",
}
"""Estimators of scikit-learn that cannot be trained here, and why."""


def describe(name: str) -> Estimator | None:
    """Return the estimator of a name, the user's own or scikit-learn's; None where scikit-learn has none.

    Raises:
        PluginError, ConfigError: the class of the user's own cannot be imported, or is no estimator.
    """
    return find_own(name) if is_own(name) else find_any(name)


def nested(value: Any) -> bool:
    """Say whether a parameter's value describes an estimator: `{"estimator": …, "parameters": {…}}`."""
    return (
        isinstance(value, Mapping)
        and isinstance(value.get("estimator"), str)
        and value.keys() <= {"estimator", "parameters"}
        and isinstance(value.get("parameters", {}), Mapping)
    )


def problems(
    name: str, parameters: Mapping[str, Any], where: str, kinds: Sequence[Kind] = (*PREDICTORS, "pipeline")
) -> Iterator[Problem]:
    """Yield all that is wrong with an estimator's name and parameter names, without importing scikit-learn.

    Args:
        name: of the estimator.
        parameters: as the user wrote them.
        where: the place of both.
        kinds: what it may do.
    """
    try:
        estimator = describe(name)
    except ZenMLError as error:
        yield from (Problem(row.what, f"{where}.estimator", row.mend) for row in error.problems)
        return
    if estimator is None or estimator.kind not in kinds:
        yield _unknown(name, estimator, f"{where}.estimator", kinds)
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
            every: tuple[Kind, ...] = (*PREDICTORS, "pipeline", "transformer")
            yield from problems(inner["estimator"], inner.get("parameters", {}), place, every)
    if estimator.kind == "pipeline" and "steps" in parameters:
        yield from _pipeline_problems(parameters["steps"], f"{where}.parameters.steps", "transformer" in kinds)


def build(name: str, parameters: Mapping[str, Any], seed: int) -> Any:
    """Make the estimator; whatever in it takes a random state that is not given gets the seed."""
    estimator = describe(name)
    if estimator is None:
        raise LookupError(name)
    given = {key: _build_value(value, seed) for key, value in parameters.items()}
    if "random_state" in estimator.parameters:
        given.setdefault("random_state", seed % 2**32)
    return estimator.load()(**given)


def kind(name: str, parameters: Mapping[str, Any] | None = None) -> Kind:
    """Return `classifier`, `regressor` or `transformer`; of a pipeline, what its last step is.

    Raises:
        LookupError: scikit-learn has no such estimator.
    """
    estimator = last(name, parameters or {})
    return estimator.kind


def last(name: str, parameters: Mapping[str, Any]) -> Estimator:
    """Return the estimator that learns the label: of a pipeline the last of its steps.

    Raises:
        LookupError: scikit-learn has no such estimator.
    """
    estimator = describe(name)
    if estimator is not None and estimator.kind == "pipeline":
        _, final = list(parameters["steps"])[-1]
        return last(final["estimator"], final.get("parameters", {}))
    if estimator is None:
        raise LookupError(name)
    return estimator


def _unknown(name: str, estimator: Estimator | None, where: str, kinds: Sequence[Kind]) -> Problem:
    """Return the problem that an estimator is not there, or does something else."""
    import importlib.metadata

    wanted = "classifier or regressor" if "transformer" not in kinds else "estimator"
    if not set(kinds) & set(PREDICTORS):
        wanted = "transformer"
    if is_own(name) and estimator is not None:
        return Problem(f"{name} is a {estimator.kind}, and a {wanted} is needed", where)
    near = closest(name, names(tuple(dict.fromkeys((*kinds, "pipeline")))))
    version = importlib.metadata.version("scikit-learn")
    mend = near or "See https://scikit-learn.org/stable/api"
    return Problem(f"scikit-learn {version} has no {wanted} {name!r}", where, mend)


def _pipeline_problems(steps: Any, where: str, may_transform: bool) -> Iterator[Problem]:
    """Find whether the steps of a pipeline are pairs, of which all but the last transform."""
    pairs = steps if isinstance(steps, list) else []
    if not pairs or not all(_is_named(pair) or _passes(pair) for pair in pairs):
        mend = 'Write them as [["scale", {"estimator": "StandardScaler"}], ["model", {"estimator": "Ridge"}]]'
        yield Problem("the steps of a Pipeline are pairs of a name and an estimator", where, mend)
        return
    for number, (_, step) in enumerate(pairs):
        if step == "passthrough" or (found := _described(step["estimator"])) is None:
            continue
        is_last = number == len(pairs) - 1
        if not is_last and found.kind in PREDICTORS:
            yield Problem(f"{found.name} does not transform, and is not the last step", f"{where}[{number}]")
        if is_last and found.kind == "transformer" and not may_transform:
            mend = "Let the last step be a classifier or regressor"
            yield Problem(f"{found.name} predicts nothing, and is the last step", f"{where}[{number}]", mend)
    if pairs[-1][1] == "passthrough" and not may_transform:
        yield Problem("the last step predicts nothing", f"{where}[{len(pairs) - 1}]")


def _described(name: str) -> Estimator | None:
    try:
        return describe(name)
    except ZenMLError:  # told where the step itself is looked at
        return None


def _build_value(value: Any, seed: int) -> Any:
    if nested(value):
        return build(value["estimator"], value.get("parameters", {}), seed)
    if isinstance(value, list):
        made = [_build_value(item, seed) for item in value]
        return tuple(made) if _is_named(value) or _passes(value) else made
    return value


def _is_named(value: list[Any]) -> bool:
    """Say whether a list is a name and an estimator, as VotingClassifier and ColumnTransformer (and columns) take."""
    return isinstance(value, list) and len(value) in (2, 3) and isinstance(value[0], str) and nested(value[1])


def _passes(value: Any) -> bool:
    """Say whether a list is a name and what lets columns through, or drops them, in the place of an estimator."""
    return (
        isinstance(value, list)
        and len(value) in (2, 3)
        and isinstance(value[0], str)
        and value[1] in ("passthrough", "drop")
    )


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
