"""Row: one line of a listing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zenml.plugins.scan import CORE, Plugin
from zenml.plugins.specs import UNREADABLE, State


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

    def load(self) -> Any:
        """Import what the row stands for, mostly a class.

        Raises:
            PluginError: it cannot be used or imported.
        """
        from zenml.plugins.registry import load

        return load(self)

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


def rows_of(plugin: Plugin) -> list[Row]:
    """Return the rows of a plugin: what it offers, or the one row that stands for it."""
    state, reason = plugin.state, plugin.reason
    if plugin.missing and state != State.INCOMPATIBLE:
        state, reason = _unmet(plugin)
    state = str(state)
    if not plugin.specs:
        summary = f"Listens to {', '.join(plugin.hooks)}" if plugin.hooks else ""
        return [Row(plugin.name, UNREADABLE, plugin.distribution, plugin.version, state, reason, summary)]
    return [
        Row(name, kind, plugin.distribution, plugin.version, state, reason, summary, target, tuple(capabilities))
        for name, kind, target, summary, capabilities in plugin.specs
    ]


def _unmet(plugin: Plugin) -> tuple[str, str]:
    """Return the state and the reason of a plugin whose requirements are not met."""
    versions = plugin.needs or {}
    found = []
    for name, requirement in plugin.missing:
        version = versions.get(name)
        found.append(f"{requirement} ({'not installed' if version is None else f'{version} is installed'})")
    wanted = " ".join(f'"{requirement}"' for _, requirement in plugin.missing)
    reason = f"{plugin.distribution} needs {', '.join(found)}. Run: pip install {wanted}"
    if plugin.reason:
        reason = f"{reason}. Besides: {plugin.reason}"
    core = any(name == CORE for name, _ in plugin.missing)
    return (State.INCOMPATIBLE if core else State.MISSING_DEPENDENCY), reason
