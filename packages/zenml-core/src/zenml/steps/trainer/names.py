"""The names of losses, activations, optimizers and metrics that the trainers of every framework know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from zenml.data.metrics.table import METRICS
from zenml.errors import Problem, closest

Kind = Literal["binary", "classes", "numbers"]
"""What a loss compares: labels of two classes, one label of several classes, or numbers."""

ClassWeights: TypeAlias = dict[str, float] | Literal["balanced"] | None
"""How much rows count by their class: by the class's name, `balanced`, or all the same."""

LOSSES: Mapping[str, Kind] = {
    "binary_crossentropy": "binary",
    "categorical_crossentropy": "classes",
    "mse": "numbers",
    "mae": "numbers",
    "huber": "numbers",
}
ACTIVATIONS = (
    "elu",
    "gelu",
    "leaky_relu",
    "linear",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
)
OPTIMIZERS = ("adagrad", "adam", "adamw", "nadam", "rmsprop", "sgd")

LAST: Mapping[Kind, tuple[str, ...]] = {
    "binary": ("sigmoid",),
    "classes": ("softmax",),
    "numbers": ("linear", "relu", "sigmoid", "softplus", "tanh"),
}
"""The last activations that go with a loss, the usual one first."""

_ALIASES = {
    "bce": "binary_crossentropy",
    "log_loss": "binary_crossentropy",
    "crossentropy": "categorical_crossentropy",
    "sparse_categorical_crossentropy": "categorical_crossentropy",
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
    "swish": "silu",
    "auc": "roc_auc",
    "binary_accuracy": "accuracy",
    "categorical_accuracy": "accuracy",
    "sparse_categorical_accuracy": "accuracy",
    "mean_error": "mae",
}


def canonical(name: str) -> str:
    """Return the name by which something is known that has several."""
    metric = next((row.name for row in METRICS.values() if name in row.aliases and row.name != "log_loss"), name)
    return _ALIASES.get(name, metric)


def unknown(name: str, known: Iterable[str], what: str, where: str) -> Iterable[Problem]:
    """Yield the problem that a name is not known, with the closest that is.

    Args:
        name: as the user wrote it.
        known: the names that are.
        what: what it names, such as `optimizer`.
        where: the step and the field.
    """
    names = sorted({*known})
    if canonical(name) not in names:
        aliases = [alias for alias, real in _ALIASES.items() if real in names]
        yield Problem(f"there is no {what} {name!r}", where, closest(name, [*names, *aliases]) or _list(names))


def metric_problems(metrics: Iterable[str], where: str) -> Iterable[Problem]:
    """Find names of metrics that are not known.

    Args:
        metrics: as the user wrote them.
        where: the step.
    """
    known = {name for row in METRICS.values() for name in (row.name, *row.aliases)}
    for name in metrics:
        yield from unknown(name, known, "metric", f"{where}.metrics")


def class_weight_problems(class_weight: ClassWeights, where: str) -> Iterable[Problem]:
    """Find weights of classes that are none.

    Args:
        class_weight: as the user wrote it.
        where: the step.
    """
    if isinstance(class_weight, dict):
        for name, weight in class_weight.items():
            if not 0 < weight < float("inf"):
                yield Problem(f"the weight of class {name!r} is {weight}; it must be above 0", where)


def _list(names: Iterable[str]) -> str:
    return f"Known: {', '.join(names)}"
