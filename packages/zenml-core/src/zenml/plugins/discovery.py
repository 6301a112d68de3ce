"""Discovery: which plugins are installed, what they offer, and whether it can be used.

Every entry of `sys.path` is a segment that is scanned again only when its folder changed; every plugin is loaded again
only when its files did, or when another entry of `sys.path` now provides its package. What holds for most calls, that
nothing changed, costs one `stat` for each segment and for each file of a plugin.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator

from zenml import __version__
from zenml.plugins import cache
from zenml.plugins.scan import CORE, Plugin, Segment, Stamp, entries, key_of, normalise, scan, settled, unchanged
from zenml.plugins.specs import State

BUILTIN = "zenml.plugins.builtin"
"""The core's own plugin; it is there even when the core runs from a folder and is not installed."""


class Discovery:
    """Finds plugins, and remembers in memory and in a file what it found.

    Args:
        file: the cache; empty to keep nothing on disk.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._segments: dict[str, Segment] | None = None

    def plugins(self) -> list[Plugin]:
        """Return the plugins that are installed now, the core's own first, each with its state."""
        if self._segments is None:
            self._segments = cache.read(self._file)
        known = self._segments
        segments = {entry: _current(entry, known.get(entry)) for entry in entries()}
        changed = any(segment is not known.get(entry) for entry, segment in segments.items())
        found = Survey(segments)
        loaded = found.load()
        compared = found.compare()
        # The order tells the cache which segments were used last.
        self._segments = {entry: segment for entry, segment in known.items() if entry not in segments} | segments
        if changed or compared or any(plugin.settled for plugin in loaded):
            cache.write(self._file, self._segments)
        return found.plugins


class Survey:
    """What the segments of `sys.path` give together.

    Args:
        segments: by entry, in the order of `sys.path`.

    Attributes:
        plugins: one for each entry point of the distributions that count, the core's own first.
        installed: version by normalised name of a distribution.
    """

    def __init__(self, segments: dict[str, Segment]) -> None:
        self.plugins = list(_unshadowed(segments.values()))
        if not any(plugin.module == BUILTIN for plugin in self.plugins):
            self.plugins.append(Plugin("core", BUILTIN, CORE, __version__, [], []))
        self.plugins.sort(key=lambda plugin: (plugin.distribution != CORE, plugin.distribution, plugin.name))
        self.installed: dict[str, str] = {}
        self._providers: dict[str, str] = {}
        for entry, segment in segments.items():
            self._providers = {**dict.fromkeys(segment.tops, entry), **self._providers}
            self.installed = {**segment.distributions, **self.installed}
        self.installed.setdefault(CORE, __version__)

    def load(self) -> list[Plugin]:
        """Load the plugins of which nothing is known, or nothing that still holds, and return them."""
        stale = [plugin for plugin in self.plugins if not self._holds(plugin)]
        for plugin in stale:
            plugin.root = self._root(plugin)
            if plugin.malformed:
                plugin.state, plugin.reason, plugin.settled = State.BROKEN, plugin.malformed, False
        sound = [plugin for plugin in stale if not plugin.malformed]
        if sound:
            from zenml.plugins import loader

            importlib.invalidate_caches()
            loader.load(sound)
        return stale

    def compare(self) -> bool:
        """Find out what plugins' distributions lack, where what they need changed; tell whether it did anywhere."""
        stale = [plugin for plugin in self.plugins if plugin.requires and not self._compared(plugin)]
        if stale:
            from zenml.plugins.requirements import unmet

            for plugin in stale:
                plugin.needs, plugin.missing = unmet(plugin.requires, self.installed)
        return bool(stale)

    def _root(self, plugin: Plugin) -> str:
        return self._providers.get(plugin.module.partition(".")[0], "")

    def _holds(self, plugin: Plugin) -> bool:
        return plugin.settled and plugin.root == self._root(plugin) and unchanged(plugin.stamps)

    def _compared(self, plugin: Plugin) -> bool:
        needs = plugin.needs
        return needs is not None and all(self.installed.get(name) == version for name, version in needs.items())


def _current(entry: str, known: Segment | None) -> Segment:
    """Return the segment as it was known when it still holds, else scan it; keep what plugins of it were loaded."""
    if known and known.settled and known.key == key_of(entry) and unchanged(_sources(known)):
        return known
    fresh = scan(entry)
    if known:
        before = {(plugin.name, plugin.module, str(plugin.source[0])): plugin for plugin in known.plugins}
        for plugin in fresh.plugins:
            old = before.get((plugin.name, plugin.module, str(plugin.source[0])))
            if old and not plugin.malformed:
                plugin.state, plugin.reason, plugin.settled = old.state, old.reason, old.settled
                plugin.specs, plugin.hooks, plugin.stamps, plugin.root = old.specs, old.hooks, old.stamps, old.root
    fresh.settled = fresh.settled and all(settled(mark[1], mark[2]) for mark in fresh.eggs)
    return fresh


def _sources(segment: Segment) -> Iterator[Stamp]:
    """Yield the stamps of what a segment was read from, besides its own folder."""
    yield from segment.eggs
    yield from (plugin.source for plugin in segment.plugins)


def _unshadowed(segments: Iterable[Segment]) -> Iterator[Plugin]:
    """Yield the plugins of the distributions that count: of one name, the first on `sys.path`."""
    seen: set[str] = set()
    for segment in segments:
        first = seen.isdisjoint(segment.distributions)
        yield from (plugin for plugin in segment.plugins if first or normalise(plugin.distribution) not in seen)
        seen.update(segment.distributions)
