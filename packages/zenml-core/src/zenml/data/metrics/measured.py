"""Measured: the value of a metric, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """The value of a metric.

    Args:
        value: the value, or None where the metric is not defined on these rows.
        reason: why there is no value; empty where there is one.
    """

    value: float | None
    reason: str = ""


class UndefinedError(Exception):
    """A metric is not defined on the rows at hand; the message says why."""
