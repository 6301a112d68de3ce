"""Processes that ZenML starts of its own: what they find in their environment, and on their standard input."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any


def child_environment() -> dict[str, str]:
    """Return this process's environment, with the folders in which it finds modules, and its secrets file."""
    from pathlib import Path

    from zenml.secrets import place

    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return {**os.environ, **place.environment(), "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}


def environment_with(folders: Sequence[str]) -> dict[str, str]:
    """Return this process's environment with folders before all others on the import path."""
    path = os.pathsep.join([*folders, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, **({"PYTHONPATH": path} if path else {})}


def read_told() -> dict[str, Any]:
    """Return what the parent tells in the first line of standard input, as JSON; nothing where it has ended."""
    with os.fdopen(os.dup(0), "rb", buffering=0) as pipe:
        told: dict[str, Any] = json.loads(pipe.readline() or b"{}")
    return told


def when_parent_ends(then: Callable[[], object]) -> None:
    """Call a function, in another thread, when standard input closes, as when the parent ends."""

    def wait() -> None:
        while os.read(0, 1):
            continue
        then()

    threading.Thread(target=wait, daemon=True).start()
