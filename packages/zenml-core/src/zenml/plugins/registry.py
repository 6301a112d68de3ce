"""The registry: names to classes, and everything that is installed as rows."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from zenml.errors import PluginError, Problem, closest
from zenml.plugins import cache
from zenml.plugins.discovery import Discovery
from zenml.plugins.row import Row, rows_of
from zenml.plugins.scan import Plugin
from zenml.plugins.specs import KINDS, UNREADABLE

_PLACE = {kind: place for place, kind in enumerate(KINDS)}


class Registry:
    """What a discovery found, by name and by target.

    Args:
        discovery: where plugins come from.
    """

    def __init__(self, discovery: Discovery) -> None:
        self._discovery = discovery
        self._lock = threading.RLock()
        self._plugins: list[Plugin] | None = None
        self._rows: tuple[Row, ...] = ()
        self._by_name: dict[str, list[Row]] = {}
        self._names: dict[str, str] = {}
        self._callers: dict[str, list[tuple[str, Callable[..., Any]]]] = {}

    def refresh(self) -> tuple[Row, ...]:
        """Look at what is installed now, and return all rows."""
        with self._lock:
            self._plugins = self._discovery.plugins()
            rows = [row for plugin in self._plugins for row in rows_of(plugin)]
            self._by_name = {}
            for row in rows:
                if row.kind != UNREADABLE:
                    self._by_name.setdefault(row.name, []).append(row)
            repeated = {name for name, same in self._by_name.items() if len(same) > 1}
            rows = [self._told(row) if row.name in repeated else row for row in rows]
            self._rows = tuple(sorted(rows, key=_order))
            self._callers = {}
            self._names = {row.target: row.name for same in self._by_name.values() for row in same if len(same) == 1}
            return self._rows

    def rows(self) -> tuple[Row, ...]:
        """Return all rows as they were at the last look."""
        return self._rows if self._plugins is not None else self.refresh()

    def plugins(self) -> list[Plugin]:
        """Return all plugins as they were at the last look."""
        self.rows()
        return self._plugins or []

    def named(self, name: str, kinds: tuple[str, ...]) -> list[Row]:
        """Return the rows of a name, after another look when there is none."""
        self.rows()
        found = self._fitting(name, kinds)
        if not found:
            self.refresh()
            found = self._fitting(name, kinds)
        return found

    def name_of(self, target: str) -> str | None:
        """Return the one name that stands for a target."""
        self.rows()
        return self._names.get(target)

    def callers(self, hook: str) -> list[tuple[str, Callable[..., Any]]]:
        """Return plugin names and what calls a hook of each, imported at the first call."""
        with self._lock:
            plugins = self.plugins()
            if hook not in self._callers:
                found = self._callers[hook] = []
                for plugin in plugins:
                    if hook in plugin.hooks and not plugin.missing:
                        from zenml.plugins import loader

                        with contextlib.suppress(PluginError):
                            found.append((plugin.name, loader.caller(plugin.module, plugin.name, hook)))
            return self._callers[hook]

    def _fitting(self, name: str, kinds: tuple[str, ...]) -> list[Row]:
        return [row for row in self._by_name.get(name, []) if not kinds or row.kind in kinds]

    def _told(self, row: Row) -> Row:
        """Return an available row with a note when another one has its name."""
        others = [other for other in self._by_name[row.name] if other is not row and other.kind == row.kind]
        if row.reason or not others:
            return row
        note = (
            f"{' and '.join(sorted({other.distribution for other in others}))} offers this name too: it cannot be used"
        )
        return Row(
            row.name,
            row.kind,
            row.distribution,
            row.version,
            row.state,
            note,
            row.summary,
            row.target,
            row.capabilities,
        )


@lru_cache(maxsize=1)
def registry() -> Registry:
    """Return the registry of this process."""
    return Registry(Discovery(cache.cache_file()))


def catalogue(kind: str | None = None) -> tuple[Row, ...]:
    """Return everything that is installed now; nothing of it is imported.

    Args:
        kind: only rows of this kind.

    Returns:
        Rows in the order of kinds, then names.

    Raises:
        PluginError: there is no such kind.
    """
    if kind is not None and kind not in (*KINDS, UNREADABLE):
        mend = closest(kind, KINDS) or f"Known: {', '.join(KINDS)}"
        raise PluginError(f"there is no kind {kind!r}", mend=mend)
    return tuple(row for row in registry().refresh() if kind in (None, row.kind))


def find(name: str, kinds: tuple[str, ...] = (), others: Iterable[str] = ()) -> Row:
    """Return the one row of a name that can be used.

    Args:
        name: the name that a spec or an import uses.
        kinds: kinds that fit; empty for any.
        others: further names that the user may have meant.

    Raises:
        PluginError: nobody offers the name, several do, or it cannot be used.
    """
    rows = registry().named(name, kinds)
    if not rows:
        raise PluginError(_unknown(name, kinds, others))
    if len(rows) > 1:
        offers = ", ".join(f"{row.distribution} {row.version} ({row.target})" for row in rows)
        raise PluginError(f"{len(rows)} plugins offer {name}: {offers}", mend="Uninstall all but one")
    if not rows[0].available:
        raise PluginError(f"{name} of {rows[0].distribution} {rows[0].version} cannot be used: {rows[0].reason}")
    return rows[0]


def load(row: Row) -> Any:
    """Import what a row stands for.

    Raises:
        PluginError: it cannot be imported.
    """
    from zenml.plugins.target import import_target

    if not row.available:
        raise PluginError(f"{row.name} of {row.distribution} {row.version} cannot be used: {row.reason}")
    return import_target(row.target, f"{row.name} of {row.distribution} {row.version}")


def load_type(name: str, kinds: tuple[str, ...] = ()) -> type:
    """Return the class that a spec's `type` names.

    Args:
        name: a registry name, or `package.module:Class`.
        kinds: kinds that a registry name must be of; empty for any.

    Raises:
        PluginError: there is no such class, or it cannot be imported.
    """
    from zenml.plugins.target import import_target

    loaded = import_target(name) if ":" in name else load(find(name, kinds))
    if not isinstance(loaded, type):
        raise PluginError(f"{name} is a {type(loaded).__name__}, not a class")
    return loaded


def type_name(cls: type) -> str:
    """Return what a spec calls a class: its registry name, or `module:Class` when it has none."""
    target = f"{cls.__module__}:{cls.__qualname__}"
    return registry().name_of(target) or target


def hook_callers(hook: str) -> list[tuple[str, Callable[..., Any]]]:
    """Return the implementations of a life-cycle hook; only plugins that have one are imported.

    Args:
        hook: its name.

    Returns:
        For each plugin its name, and what calls its hook with keyword arguments. What the hook raises reaches the
        caller. A plugin that can no longer be imported is left out.
    """
    return registry().callers(hook)


def cli_commands() -> tuple[Row, ...]:
    """Return the commands that plugins add to the command line and that can be used, by name."""
    return tuple(row for row in registry().rows() if row.kind == "cli-command" and row.available)


def _order(row: Row) -> tuple[int, str, str]:
    return (_PLACE.get(row.kind, len(_PLACE)), row.name, row.distribution)


def _unknown(name: str, kinds: tuple[str, ...], others: Iterable[str]) -> Problem:
    """Say why nobody offers a name, and what may have been meant."""
    from zenml.plugins.first_party import FIRST_PARTY

    rows = registry().rows()
    unreadable = {row.distribution: row for row in rows if row.kind == UNREADABLE and not row.available}
    distribution, kind = FIRST_PARTY.get(name, ("", ""))
    if distribution and (not kinds or kind in kinds):
        if distribution in unreadable:
            return Problem(f"{name} comes with {distribution}, which cannot be used: {unreadable[distribution].reason}")
        if any(row.distribution == distribution for row in rows):
            return Problem(
                f"{name} comes with a newer {distribution}", mend=f"Run: pip install --upgrade {distribution}"
            )
        mend = f"Run: pip install {distribution}"
        return Problem(f"{name} comes with {distribution}, which is not installed", mend=mend)
    of_other_kind = [row.kind for row in rows if row.name == name and row.kind != UNREADABLE]
    if of_other_kind:
        return Problem(f"{name} is a {of_other_kind[0]}, and a {' or '.join(kinds)} is needed here")
    known = {row.name for row in rows if row.kind in (kinds or KINDS)}
    ours = {other for other, (_, kind) in FIRST_PARTY.items() if not kinds or kind in kinds}
    mend = closest(name, {*known, *ours, *others})
    if not mend and "." in name:
        mend = "Write a class of your own as package.module:Class"
    broken = "".join(f". The plugin {row.name} cannot be read: {row.reason}" for row in unreadable.values())
    what = f"no installed plugin offers {' or '.join(kinds) or 'anything'} {name!r}"
    return Problem(what + broken, mend=mend or f"Known: {', '.join(sorted(known)) or 'none'}")
