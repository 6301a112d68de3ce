"""The engines of a run that work on other machines: recorded with it, and cleaned up after it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from zenml.backends.base import BaseBackend
from zenml.backends.interfaces import StepBackend
from zenml.backends.launch import Launch
from zenml.errors import ZenMLError
from zenml.runtime.graph import Node

FACT = "engines"
"""The fact of a run that holds the configs of the remote engines of its steps, in JSON."""


def remote_engines(backends: Iterable[BaseBackend | None]) -> list[StepBackend]:
    """Return the remote engines among some backends, each once."""
    return list(dict.fromkeys(backend for backend in backends if isinstance(backend, StepBackend) and backend.REMOTE))


def engines_fact(engines: Iterable[StepBackend]) -> Mapping[str, str]:
    """Return the fact to record of a run by which what its engines hold is found; none where it has no remote one."""
    configs = [engine.to_config() for engine in engines]
    return {FACT: json.dumps(configs, sort_keys=True)} if configs else {}


def clean_up_engines(nodes: Iterable[Node], launch: Launch) -> None:
    """Remove what is left elsewhere of a run that has ended, where a step of it was begun there."""
    found = {node.id: node.backend for node in nodes if remote_engines([node.backend])}
    run = launch.metadata.get_run(launch.run_id) if found else None
    begun = [found.get(step.id) for step in run.steps if step.attempt] if run else []
    for engine in remote_engines(begun):
        try:
            engine.clean_up(launch.run_id)
        except (ZenMLError, OSError) as error:
            name = type(engine).__name__
            launch.report.warn(f"What {name} holds of run {launch.run_id} was not removed: {error}. Try: zenml gc")
