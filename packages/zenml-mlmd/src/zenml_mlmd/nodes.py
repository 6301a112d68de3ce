"""Values of the library's nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zenml.metadata.model import BEAT, FACT, METRIC, Field
from zenml.metadata.properties import number, storable

_KEPT = (Field.STATE.value, Field.STEP_TYPE.value, Field.POSITION.value)


def put_values(
    node: Any,
    declared: Mapping[Field, str | int],
    *,
    facts: Mapping[str, str] | None = None,
    metrics: Mapping[str, float] | None = None,
    beat: float | None = None,
) -> None:
    """Set properties of a node; an empty text is left out."""
    for field, value in declared.items():
        _set(node.properties, field.value, value)
    for name, fact in (facts or {}).items():
        _set(node.custom_properties, FACT + name, fact)
    for name, metric in (metrics or {}).items():
        _set(node.custom_properties, METRIC + name, number(metric))
    if beat is not None:
        _set(node.custom_properties, BEAT, beat)


def forget_attempt(execution: Any) -> None:
    """Remove all that an earlier attempt left of a step."""
    execution.custom_properties.clear()
    for name in list(execution.properties):
        if name not in _KEPT:
            del execution.properties[name]


def _set(properties: Any, name: str, value: str | float) -> None:
    if isinstance(value, str):
        if value:
            properties[name].string_value = storable(str(value))
    elif isinstance(value, int):
        properties[name].int_value = value
    else:
        properties[name].double_value = value
