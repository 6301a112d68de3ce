"""Distributions: which installed distribution a module comes from, and which are installed editable."""

from __future__ import annotations

import importlib.util
import json
import os
import pkgutil
import sys
import sysconfig
from collections.abc import Mapping
from functools import cached_property
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from zenml.plugins.scan import normalise

_INSTALLED = {"site-packages", "dist-packages"}


class Distributions:
    """What is installed here, as it is when this object is made.

    Only the names of metadata folders are read for that, and each distribution's list of files for the rest.
    """

    def __init__(self) -> None:
        self._folders: dict[str, Path] = {}
        eggs: dict[str, Path] = {}  # a build leaves them in a project, where they say nothing of how it is installed
        for entry in sys.path:
            try:
                names = sorted(os.listdir(entry or "."))  # noqa: PTH208 - ten times as fast as Path.iterdir
            except OSError:
                continue
            for name in names:
                stem, _, ending = name.rpartition(".")
                if ending in ("dist-info", "egg-info") and not name.startswith("~"):  # which pip could not remove
                    found = self._folders if ending == "dist-info" else eggs
                    found.setdefault(normalise(stem.partition("-")[0]), Path(entry, name))
        self._folders = {**eggs, **self._folders}

    def get(self, name: str) -> Distribution | None:
        """Return a distribution by its name, however that is spelled."""
        folder = self._folders.get(normalise(name))
        return Distribution.at(folder) if folder and _is_whole(folder) else None

    def offering(self, top: str) -> list[Distribution]:
        """Return the distributions that have files of a top-level module; several where it is a namespace."""
        found = (self.get(name) for name in self._by_module.get(top, ()))
        return [distribution for distribution in found if distribution]

    def of_module(self, dotted: str) -> str | None:
        """Return the normalised name of the distribution that a module, or something in it, comes from.

        None for the standard library, for namespaces that several share, and for what no distribution brought.
        """
        top = dotted.partition(".")[0]
        if top in sys.stdlib_module_names:
            return None
        candidates = self._by_module.get(top, [])
        if len(candidates) == 1:
            return candidates[0]
        origin = locate(dotted)
        if origin is None:
            return None
        for name in candidates:
            home = self._folders[name].parent.resolve()
            if origin.is_relative_to(home) and f"\n{origin.relative_to(home).as_posix()}," in self._record(name):
                return name
        if _INSTALLED.intersection(origin.parts):
            return None
        homes = [name for name, project in self.editable.items() if origin.is_relative_to(project)]
        return max(homes, key=lambda name: len(self.editable[name].parts), default=None)

    @cached_property
    def editable(self) -> Mapping[str, Path]:
        """The folders of the projects that are installed editable, by normalised name (PEP 610)."""
        found: dict[str, Path] = {}
        for name, folder in self._folders.items():
            facts = _direct_url(folder)
            if facts.get("dir_info", {}).get("editable"):
                found[name] = Path(unquote(urlsplit(facts["url"]).path)).resolve()
        return found

    def source(self, name: str) -> dict[str, Any]:
        """Return what is known of where a distribution came from (PEP 610); nothing for one from an index."""
        return _direct_url(self._folders[normalise(name)])

    @cached_property
    def _by_module(self) -> Mapping[str, list[str]]:
        """The distributions that have files of a module, by its top-level name."""
        found: dict[str, list[str]] = {}
        for name, folder in self._folders.items():
            listed = _read(folder / "top_level.txt").split()
            for top in listed or _tops(self._record(name)):
                found.setdefault(top, []).append(name)
        return found

    def _record(self, name: str) -> str:
        return f"\n{_read(self._folders[name] / 'RECORD')}"


def _is_whole(folder: Path) -> bool:
    return folder.is_file() or any((folder / name).is_file() for name in ("METADATA", "PKG-INFO"))


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _tops(record: str) -> set[str]:
    """Return the top-level modules among the files that a distribution lists."""
    paths = {path for line in record.splitlines() for path in [line.partition(",")[0]] if path}
    packages = {top for top, slash, _ in (path.partition("/") for path in paths) if slash and top.isidentifier()}
    return packages | {stem for stem, dot, _ in (path.partition(".") for path in paths) if dot and stem.isidentifier()}


def _direct_url(folder: Path) -> dict[str, Any]:
    try:
        facts = json.loads(_read(folder / "direct_url.json") or "{}")
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
    if spec is None:
        return None
    found = Path(spec.origin).resolve() if spec.has_location and spec.origin else None
    folders = list(spec.submodule_search_locations or ())
    name = top
    while rest and folders:
        name = f"{name}.{rest.pop(0)}"
        specs = [spec for spec in (_find_in(folder, name) for folder in folders) if spec]
        real = next((spec for spec in specs if spec.origin), None)
        if real and real.origin:
            found = Path(real.origin).resolve()
        parts = [real] if real else specs
        folders = [folder for spec in parts for folder in spec.submodule_search_locations or ()]
    return found


def _find_in(folder: str, name: str) -> ModuleSpec | None:
    """Return the spec of a module in a folder, or of a namespace's part there; its parents are not imported."""
    finder = pkgutil.get_importer(folder)
    return finder.find_spec(name) if finder else None


def is_standard(path: Path) -> bool:
    """Say whether a module's file is Python's own, or lies where distributions are installed."""
    folders = {Path(sysconfig.get_path(key)).resolve() for key in ("stdlib", "platstdlib")}
    return bool(_INSTALLED.intersection(path.parts)) or any(path.is_relative_to(folder) for folder in folders)
