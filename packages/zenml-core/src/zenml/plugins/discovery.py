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
from zenml.plugins.scan import Plugin, Segment, Stamp, entries, key_of, normalise, scan, settled, stamp
from zenml.plugins.specs import State

CORE = "zenml-core"


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
        try:
            return self._discover(self._segments)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError):
            if not self._segments:
                raise
            return self._discover({})

    def _discover(self, known: dict[str, Segment]) -> list[Plugin]:
        path = entries()
        segments = {entry: _current(entry, known.get(entry)) for entry in path}
        changed = any(segment is not known.get(entry) for entry, segment in segments.items())
        found = list(_unshadowed(segments.values()))
        if not any(plugin.module == "zenml.plugins.builtin" for plugin in found):
            found.insert(0, Plugin("core", "zenml.plugins.builtin", CORE, __version__, [], []))
        providers: dict[str, str] = {}
        installed = {}
        for entry, segment in segments.items():
            for top in segment.tops:
                providers.setdefault(top, entry)
            installed.update(
                {name: version for name, version in segment.distributions.items() if name not in installed}
            )
        installed.setdefault(CORE, __version__)
        loaded = _load([plugin for plugin in found if not _is_current(plugin, providers)], providers)
        compared = [plugin for plugin in found if _compare(plugin, installed)]
        # The order tells the cache which segments were used last.
        self._segments = {entry: segment for entry, segment in known.items() if entry not in segments} | segments
        if changed or compared or any(plugin.settled for plugin in loaded):
            cache.write(self._file, self._segments)
        return sorted(found, key=lambda plugin: (plugin.distribution != CORE, plugin.distribution, plugin.name))


def _current(entry: str, known: Segment | None) -> Segment:
    """Return the segment as it was known when it still holds, else scan it; keep what plugins of it were loaded."""
    if known and known.settled and known.key == key_of(entry):
        marks: Iterable[Stamp] = (*known.eggs, *(plugin.source for plugin in known.plugins))
        if all(stamp(str(mark[0])) == mark for mark in marks):
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


def _unshadowed(segments: Iterable[Segment]) -> Iterator[Plugin]:
    """Yield the plugins of the distributions that count: of one name, the first on `sys.path`."""
    seen: set[str] = set()
    for segment in segments:
        yield from (plugin for plugin in segment.plugins if normalise(plugin.distribution) not in seen)
        seen.update(segment.distributions)


def _is_current(plugin: Plugin, providers: dict[str, str]) -> bool:
    """Tell whether what is known of a plugin still holds."""
    return (
        plugin.settled
        and plugin.root == providers.get(plugin.module.partition(".")[0], "")
        and all(stamp(str(mark[0])) == mark for mark in plugin.stamps)
    )


def _load(plugins: list[Plugin], providers: dict[str, str]) -> list[Plugin]:
    for plugin in plugins:
        plugin.root = providers.get(plugin.module.partition(".")[0], "")
        if plugin.malformed:
            plugin.state, plugin.reason, plugin.settled = State.BROKEN, plugin.malformed, False
    sound = [plugin for plugin in plugins if not plugin.malformed]
    if sound:
        from zenml.plugins import loader

        importlib.invalidate_caches()
        for plugin in sound:
            loader.load(plugin)
    return plugins


def _compare(plugin: Plugin, installed: dict[str, str]) -> bool:
    """Find out anew what a plugin's distribution lacks, when what is installed changed; tell whether it did."""
    if not plugin.requires:
        return False
    if plugin.needs is not None and all(installed.get(name) == version for name, version in plugin.needs.items()):
        return False
    from zenml.plugins.requirements import unmet

    plugin.needs, plugin.missing = unmet(plugin.requires, installed)
    return True
