"""Told: what a step says that runs in another process, passed on in this one."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import Any

from zenml.backends.reporter import Advance
from zenml.runtime.tells import OUTPUT
from zenml.steps.base import StepContext


class Told:
    """Passes on messages, progress and epochs; progress bars stay until the step ends.

    Args:
        context: the step's context in this process.
        bars: is left when the step has ended.
    """

    def __init__(self, context: StepContext, bars: ExitStack) -> None:
        self._context = context
        self._bars = bars
        self._advances: dict[int, Advance] = {}

    def __call__(self, kind: str, value: Any) -> None:
        """Pass on one thing (JSON types)."""
        report = self._context.report
        if kind == "log":
            report.log(value)
        elif kind == OUTPUT:
            sys.stdout.write(value)
        elif kind == "warn":
            report.warn(value)
        elif kind == "progress":
            bar = report.progress(value["label"], value["total"])
            self._advances[value["bar"]] = self._bars.enter_context(bar)
        elif kind == "advance":
            self._advances[value["bar"]](value["units"])
        elif kind == "epoch" and self._context.checkpoints:
            self._context.checkpoints.history.take(value)
        elif kind == "made":
            for name, properties in value["properties"].items():
                self._context.outputs[name].properties.update(properties)
            self._context.metrics.update(value["metrics"])
