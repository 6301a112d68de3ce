"""Scanning: which distributions lie in one entry of `sys.path`, and which of them are plugins.

Only file names and the few files of plugins are read. `importlib.metadata` reads entry points and archives; the
headers of a plugin's metadata are read here, because parsing them as an e-mail costs ten times as much.
"""
# ruff: noqa: PTH100, PTH118, PTH116, PTH123 - a listing does not pay for importing pathlib

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

GROUP = "zenml.plugins"
"""The entry-point group of plugins."""

CORE = "zenml-core"
"""The distribution that holds the core."""

SETTLED_NS = 20_000_000
"""What changed less than this long ago may change again without its times telling."""

Stamp = list[str | int]
"""A file's path, modification time, change time, size and inode: equal stamps mean equal files."""

Needs = dict[str, str | None]
"""Installed version, or None, by the normalised name of a required distribution."""

Unmet = tuple[str, str]
"""Normalised name and text of a requirement that is not met."""


@dataclass(slots=True)
class Plugin:
    """One entry point of the group: what its distribution says, and what loading it gave.

    Args:
        name: the entry point's name.
        module: the entry point's value, a dotted module name.
        distribution: name of the distribution, as its author writes it.
        version: version of the distribution.
        requires: the distribution's `Requires-Dist`.
        source: stamp of the file that declares the entry point.
        malformed: why the entry point cannot be read; empty when it can.
        state: see `zenml.plugins.specs.State`; empty when it must be loaded to know.
        reason: why it is not available.
        specs: name, kind, target, summary and capabilities of all that it offers.
        hooks: names of the hooks that it implements.
        stamps: stamps of the modules that say so.
        root: the entry of `sys.path` that holds its top-level package.
        needs: required distributions and the version found, when `missing` was computed; None before.
        missing: requirements that are not met.
        settled: whether what loading gave may be remembered.
    """

    name: str
    module: str
    distribution: str
    version: str
    requires: list[str]
    source: Stamp
    malformed: str = ""
    state: str = ""
    reason: str = ""
    specs: list[tuple[str, str, str, str, list[str]]] = field(default_factory=list)
    hooks: list[str] = field(default_factory=list)
    stamps: list[Stamp] = field(default_factory=list)
    root: str = ""
    needs: Needs | None = None
    missing: list[Unmet] = field(default_factory=list)
    settled: bool = False


@dataclass(slots=True)
class Segment:
    """What one entry of `sys.path` holds.

    Args:
        key: modification time, change time and inode of the entry; empty when it does not exist.
        distributions: version by normalised name.
        tops: names of what can be imported from it, without suffix.
        eggs: stamps of the metadata that build tools rewrite in place.
        plugins: the plugins among the distributions.
        settled: whether it was left alone long enough to be remembered.
    """

    key: list[int]
    distributions: dict[str, str] = field(default_factory=dict)
    tops: list[str] = field(default_factory=list)
    eggs: list[Stamp] = field(default_factory=list)
    plugins: list[Plugin] = field(default_factory=list)
    settled: bool = True


def entries() -> list[str]:
    """Return the absolute entries of `sys.path`, in order, each once."""
    found = dict.fromkeys(os.path.abspath(entry) for entry in sys.path if isinstance(entry, str))
    return list(found)


def stamp(path: str) -> Stamp | None:
    """Return the stamp of a file, or None when there is none."""
    try:
        facts = os.stat(path)
    except (OSError, ValueError):
        return None
    return [path, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size, facts.st_ino]


def unchanged(marks: Iterable[Stamp]) -> bool:
    """Tell whether files still are as they were stamped."""
    try:
        for path, modified, changed, size, inode in marks:
            facts = os.stat(path)
            if (facts.st_mtime_ns, facts.st_size, facts.st_ctime_ns, facts.st_ino) != (modified, size, changed, inode):
                return False
    except (OSError, ValueError):
        return False
    return True


def key_of(entry: str) -> list[int]:
    """Return the key of an entry of `sys.path`; empty when it does not exist."""
    found = stamp(entry)
    return [int(found[1]), int(found[2]), int(found[4])] if found else []


def settled(*times: int | str, since: int | None = None) -> bool:
    """Tell whether times in nanoseconds lie long enough before `since` (now)."""
    limit = (time.time_ns() if since is None else since) - SETTLED_NS
    return all(int(moment) < limit for moment in times)


def normalise(name: str) -> str:
    """Return a distribution's name as indexes compare it."""
    return "-".join(part for part in name.lower().replace("_", "-").replace(".", "-").split("-") if part)


def scan(entry: str) -> Segment:
    """Read what one entry of `sys.path` holds; whatever cannot be read there is left out."""
    segment = Segment(key_of(entry))
    if not segment.key:
        return segment
    segment.settled = settled(*segment.key[:2])
    try:
        with os.scandir(entry) as items:
            names = sorted((item.name, item.is_dir()) for item in items)
    except NotADirectoryError:
        _scan_archive(entry, segment)
        return segment
    except OSError:
        return segment
    for name, is_folder in names:
        stem, dot, _ = name.partition(".")
        # A file without suffix is no module: a folder of commands holds one that is called as the package is.
        if stem.isidentifier() and (is_folder if not dot else name.endswith((".py", ".so", ".pyd", ".pyc"))):
            segment.tops.append(stem)
        elif name.endswith((".dist-info", ".egg-info", "EGG-INFO")) and not name.startswith("~"):
            _scan_distribution(os.path.join(entry, name), segment)
    return segment


def _scan_distribution(folder: str, segment: Segment) -> None:
    base = folder.rpartition(os.sep)[2]
    name, _, version = base.rpartition(".")[0].partition("-")
    declared = f"{folder}{os.sep}entry_points.txt"
    if base.endswith(".dist-info"):
        headers: dict[str, list[str]] = {}
    else:
        segment.eggs += [found for path in (folder, declared) if (found := stamp(path))]
        headers = _headers(f"{folder}{os.sep}PKG-INFO")
        name = next(iter(headers.get("name", [])), name)
        version = next(iter(headers.get("version", [])), version.partition("-")[0])
    if normalise(name) in segment.distributions:
        return
    segment.distributions[normalise(name)] = version
    try:
        with open(declared, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return
    source = stamp(declared)
    if source is None or GROUP not in text:
        return
    from zenml.plugins.entry_points import entry_points

    headers = headers or _headers(f"{folder}{os.sep}METADATA")
    name = next(iter(headers.get("name", [])), name)
    requires = headers.get("requires-dist", [])
    points = entry_points(text, GROUP)
    if points is None:
        malformed = f"{declared} cannot be read as entry points. Reinstall {name}, or tell its author"
        segment.plugins.append(Plugin(name, "", name, version, requires, source, malformed))
        return
    segment.plugins += [_plugin(point, value, name, version, requires, source) for point, value in points]


def _scan_archive(entry: str, segment: Segment) -> None:
    from importlib.metadata import distributions

    source = stamp(entry)
    try:
        found = list(distributions(path=[entry])) if source else []
        for distribution in found:
            name, requires = distribution.metadata["Name"], distribution.requires or []
            segment.distributions.setdefault(normalise(name), distribution.version)
            segment.plugins += [
                _plugin(point.name, point.value, name, distribution.version, requires, source or [])
                for point in distribution.entry_points.select(group=GROUP)
            ]
    except Exception:  # noqa: BLE001 - not an archive, or a damaged one: Python imports nothing from it either
        return


def _plugin(name: str, value: str, distribution: str, version: str, requires: list[str], source: Stamp) -> Plugin:
    sound = all(part.isidentifier() for part in value.split("."))
    malformed = (
        ""
        if sound
        else (
            f"its entry point `{name} = {value}` does not name a module. Write `{name} = package.plugin` under {GROUP}"
        )
    )
    return Plugin(name, value, distribution, version, list(requires), source, malformed)


def _headers(path: str) -> dict[str, list[str]]:
    """Return the headers of a metadata file, in lower case; none when it cannot be read."""
    found: dict[str, list[str]] = {}
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                if not line.strip():
                    break
                key, colon, value = line.partition(":")
                if colon and not line[0].isspace():
                    found.setdefault(key.lower(), []).append(value.strip())
    except OSError:
        return {}
    return found
