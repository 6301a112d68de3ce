"""Row: one line of a listing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zenml.plugins.specs import State


@dataclass(frozen=True, slots=True)
class Row:
    """Something that an installed distribution offers, or a plugin whose offer cannot be read.

    Args:
        name: the name in specs and imports; of an unreadable plugin, its entry point's.
        kind: one of `zenml.plugins.specs.KINDS`, or `plugin` for an unreadable one.
        distribution: what `pip` calls the package that offers it.
        version: the version of that distribution.
        state: whether it can be used.
        reason: why not, and what to do about it; of an available row, what is worth knowing (mostly empty).
        summary: what it is, in one line.
        target: `module:Class`, imported only when it is used.
        capabilities: what it can do beyond its interface.
    """

    name: str
    kind: str
    distribution: str
    version: str
    state: str
    reason: str = ""
    summary: str = ""
    target: str = ""
    capabilities: tuple[str, ...] = ()

    @property
    def available(self) -> bool:
        """Whether it can be used."""
        return self.state == State.AVAILABLE

    def to_json(self) -> dict[str, Any]:
        """Return the row in JSON types."""
        return {
            "name": self.name,
            "kind": self.kind,
            "distribution": self.distribution,
            "version": self.version,
            "state": str(self.state),
            "reason": self.reason,
            "summary": self.summary,
            "target": self.target,
            "capabilities": [str(item) for item in self.capabilities],
        }
