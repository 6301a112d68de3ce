"""The discovery cache: what a scan found, in a JSON file of the user's cache folder, one for each environment.

Whatever is wrong with the file, it is not used; whatever is wrong with the folder, nothing is written. Listing is only
slower then.
"""
# ruff: noqa: PTH103, PTH105, PTH108, PTH111, PTH117, PTH118, PTH120, PTH123 - a listing imports no pathlib

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from typing import Any
from zlib import crc32

from zenml import __version__
from zenml.plugins.scan import Needs, Plugin, Segment, stamp
from zenml.plugins.specs import HOOK_API

FORMAT = 1
"""Version of the file's layout."""

MOST_SEGMENTS = 200
"""Entries of `sys.path` that are remembered; the folders of scripts come and go."""


def cache_file() -> str:
    """Return the path of this environment's cache, or an empty string when the user has no cache folder."""
    folder = _user_cache_folder()
    name = f"plugins-{sys.implementation.cache_tag}-{crc32(os.fsencode(sys.prefix)):08x}.json"
    return os.path.join(folder, "zenml", name) if os.path.isabs(folder) else ""


def read(file: str) -> dict[str, Segment]:
    """Return the remembered segments by entry of `sys.path`; none when the file is missing, damaged or outdated."""
    try:
        with open(file, encoding="utf-8") as stream:
            digest, _, text = stream.read().partition("\n")
        if digest != _digest(text):
            return {}
        stored = json.loads(text)
        if stored["header"] != _header():
            return {}
        return {entry: _segment(fields) for entry, fields in stored["segments"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def write(file: str, segments: Mapping[str, Segment]) -> None:
    """Remember the settled segments; a file that cannot be written is left as it is."""
    if not file:
        return
    kept = {entry: _fields(segment) for entry, segment in segments.items() if segment.settled}
    kept = dict(list(kept.items())[-MOST_SEGMENTS:])
    text = json.dumps({"header": _header(), "segments": kept}, separators=(",", ":"))
    temporary = f"{file}.{os.getpid()}.{id(kept):x}"
    try:
        os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
        try:
            with open(temporary, "w", encoding="utf-8") as stream:
                stream.write(f"{_digest(text)}\n{text}")
            os.replace(temporary, file)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
    except (OSError, ValueError):
        return


def _user_cache_folder() -> str:
    """Return where programs of this user keep what they can make again."""
    if sys.platform == "win32":
        return os.environ.get("LOCALAPPDATA") or os.path.expanduser(r"~\AppData\Local")
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Caches")
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    return chosen if chosen.startswith("/") else os.path.expanduser("~/.cache")


def _digest(text: str) -> str:
    return f"{crc32(text.encode()):08x}"


def _header() -> list[Any]:
    """Return all that a remembered plugin depends on besides its own files."""
    here = os.path.dirname(__file__)
    own = [stamp(os.path.join(here, name)) for name in ("hookspecs.py", "specs.py", "loader.py", "scan.py")]
    return [FORMAT, __version__, HOOK_API, sys.version, sys.prefix, own]


def _segment(fields: list[Any]) -> Segment:
    key, distributions, tops, eggs, plugins = fields
    return Segment(key, distributions, tops, eggs, [_plugin(*row) for row in plugins])


def _plugin(
    name: str,
    module: str,
    distribution: str,
    version: str,
    requires: list[str],
    source: list[str | int],
    malformed: str,
    state: str,
    specs: list[Any],
    hooks: list[str],
    stamps: list[Any],
    root: str,
    needs: Needs | None,
    missing: list[Any],
) -> Plugin:
    return Plugin(
        name,
        module,
        distribution,
        version,
        requires,
        source,
        malformed,
        state,
        "",
        [(*spec,) for spec in specs],
        hooks,
        stamps,
        root,
        needs,
        [(*unmet,) for unmet in missing],
        bool(state),
    )


def _fields(segment: Segment) -> list[Any]:
    return [
        segment.key,
        segment.distributions,
        segment.tops,
        segment.eggs,
        [_row(plugin) for plugin in segment.plugins],
    ]


def _row(plugin: Plugin) -> list[Any]:
    loaded: list[Any] = ["", [], [], [], ""]
    if plugin.settled:
        loaded = [plugin.state, plugin.specs, plugin.hooks, plugin.stamps, plugin.root]
    facts = [plugin.name, plugin.module, plugin.distribution, plugin.version, plugin.requires, plugin.source]
    return [*facts, plugin.malformed, *loaded, plugin.needs, plugin.missing]
