"""Distributions: which installed distribution a module comes from, and which are installed editable."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import sys
import sysconfig
from collections.abc import Mapping
from functools import cached_property
from importlib.machinery import PathFinder
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from zenml.plugins.scan import normalise

_INSTALLED = {"site-packages", "dist-packages"}


class Distributions:
    """What is installed here, as it is when this object is made."""

    def __init__(self) -> None:
        self._by_name: dict[str, Distribution] = {}
        for distribution in importlib.metadata.distributions():
            name: str | None = distribution.metadata["Name"]
            if name:
                self._by_name.setdefault(normalise(name), distribution)

    def get(self, name: str) -> Distribution | None:
        """Return a distribution by its name, however that is spelled."""
        return self._by_name.get(normalise(name))

    def of_module(self, dotted: str) -> str | None:
        """Return the normalised name of the distribution that a module, or something in it, comes from.

        None for the standard library, for namespaces that several share, and for what no distribution brought.
        """
        top = dotted.partition(".")[0]
        if top in sys.stdlib_module_names:
            return None
        candidates = sorted({normalise(name) for name in self._by_module.get(top, ())} & set(self._by_name))
        if len(candidates) == 1:
            return candidates[0]
        origin = locate(dotted)
        if origin is None:
            return None
        for name in candidates:
            if origin in self._files(name):
                return name
        if _INSTALLED.intersection(origin.parts):
            return None
        homes = [name for name, project in self.editable.items() if origin.is_relative_to(project)]
        return max(homes, key=lambda name: len(self.editable[name].parts), default=None)

    @cached_property
    def editable(self) -> Mapping[str, Path]:
        """The folders of the projects that are installed editable, by normalised name (PEP 610)."""
        found: dict[str, Path] = {}
        for name, distribution in self._by_name.items():
            facts = direct_url(distribution)
            if facts.get("dir_info", {}).get("editable"):
                found[name] = Path(unquote(urlsplit(facts["url"]).path)).resolve()
        return found

    @cached_property
    def _by_module(self) -> Mapping[str, list[str]]:
        return importlib.metadata.packages_distributions()

    def _files(self, name: str) -> set[Path]:
        distribution = self._by_name[name]
        return {Path(str(distribution.locate_file(file))).resolve() for file in distribution.files or ()}


def direct_url(distribution: Distribution) -> dict[str, Any]:
    """Return what `direct_url.json` says of where a distribution came from; nothing for one from an index."""
    try:
        facts = json.loads(distribution.read_text("direct_url.json") or "{}")
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) and isinstance(facts.get("url"), str) else {}


def locate(dotted: str) -> Path | None:
    """Return the file of a module, or of the nearest package above a dotted name; nothing of it is imported.

    None for namespaces, what is built in, and what is not there.
    """
    top, *rest = dotted.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    found: Path | None = None
    name = top
    while spec is not None:
        if spec.has_location and spec.origin:
            found = Path(spec.origin).resolve()
        if not rest or spec.submodule_search_locations is None:
            break
        name = f"{name}.{rest.pop(0)}"
        spec = PathFinder.find_spec(name, list(spec.submodule_search_locations))
    return found


def is_standard(path: Path) -> bool:
    """Say whether a module's file is Python's own, or lies where distributions are installed."""
    folders = {Path(sysconfig.get_path(key)).resolve() for key in ("stdlib", "platstdlib")}
    return bool(_INSTALLED.intersection(path.parts)) or any(path.is_relative_to(folder) for folder in folders)
