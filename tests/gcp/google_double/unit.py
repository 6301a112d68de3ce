"""Units of systemd, as far as the double understands them; what it does not know is an error."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path

_KNOWN = {
    "Unit": {"Description", "Wants", "After"},
    "Service": {
        "Environment",
        "ExecStartPre",
        "ExecStart",
        "RuntimeDirectory",
        "KillMode",
        "TimeoutStopSec",
        "StandardOutput",
        "StandardError",
    },
}


@dataclass
class Unit:
    """A service.

    Args:
        command: what it runs.
        environment: of the command.
        runtime_directory: its folder below `/run`.
        stop_seconds: how long it may take to end.
    """

    command: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    runtime_directory: str = ""
    stop_seconds: float = 90.0


def read_unit(path: Path) -> Unit:
    """Return the unit in a file."""
    unit, section = Unit(), ""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
            continue
        if not line or line.startswith("#"):
            continue
        key, _, value = line.partition("=")
        if key not in _KNOWN.get(section, ()):
            raise ValueError(f"{path.name}: unknown key {key} in section {section}")
        if key == "ExecStart":
            unit.command = shlex.split(value)
        elif key == "Environment":
            unit.environment.update([value.split("=", 1)])
        elif key == "RuntimeDirectory":
            unit.runtime_directory = value
        elif key == "TimeoutStopSec":
            unit.stop_seconds = float(value)
        elif key == "KillMode" and value != "mixed":
            raise ValueError(f"{path.name}: the double only stops units by KillMode=mixed")
    return unit
