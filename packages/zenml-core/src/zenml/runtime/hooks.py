"""Life-cycle hooks: told to every plugin that listens; one that raises is reported and stops nothing."""

from __future__ import annotations

from zenml.backends.reporter import Reporter
from zenml.plugins.registry import hook_callers


def call_hook(name: str, report: Reporter, **facts: object) -> None:
    """Call a life-cycle hook of every plugin that implements it, each alone."""
    for plugin, caller in hook_callers(name):
        try:
            caller(**facts)
        except Exception as error:  # noqa: BLE001 - a listener must never stop a run
            report.warn(f"{name} of plugin {plugin} raised {type(error).__name__}: {error}")
