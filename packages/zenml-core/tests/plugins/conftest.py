"""Distributions written by hand into a folder on `sys.path`, as an installer would leave them."""

from __future__ import annotations

import shutil
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from zenml.plugins import registry, scan
from zenml.plugins.discovery import Discovery
from zenml.plugins.scan import Plugin

HEAD = 'from zenml.plugins import Capability, Spec, hookimpl\n\nZENML_HOOK_API = ">=1,<2"\n\n\n'


def step_listing(*names: str, module: str = "acme.steps") -> str:
    """Return the source of a plugin that offers steps."""
    specs = ", ".join(f'Spec("{name}", "step", "{module}:{name}", "Does {name}")' for name in names)
    return f"{HEAD}@hookimpl\ndef zenml_steps():\n    return [{specs}]\n"


class Site:
    """A folder on `sys.path` with distributions in it.

    Args:
        folder: where they lie.
        cache: the file of the discovery cache.
    """

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self.cache = cache

    def add(
        self, name: str, listing: str | None, *, version: str = "1.0", requires: Iterable[str] = (), entry: str = "",
        files: dict[str, str] | None = None, suffix: str = "dist-info",
    ) -> Path:  # fmt: skip
        """Write a distribution; return the folder of its package."""
        package = self.folder / name.replace("-", "_")
        for file, text in {
            "__init__.py": "",
            **({"plugin.py": listing} if listing is not None else {}),
            **(files or {}),
        }.items():
            package.mkdir(parents=True, exist_ok=True)
            (package / file).write_text(text, "utf-8")
        facts = self.folder / f"{name.replace('-', '_')}-{version}.{suffix}"
        facts.mkdir(exist_ok=True)
        needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
        headers = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}\nRequires-Dist: not-a-header\n"
        (facts / ("METADATA" if suffix == "dist-info" else "PKG-INFO")).write_text(headers, "utf-8")
        if listing is not None or entry:
            text = entry or f"[zenml.plugins]\n{name} = {package.name}.plugin\n"
            (facts / "entry_points.txt").write_text(text, "utf-8")
        return package

    def remove(self, name: str) -> None:
        """Remove a distribution and its package."""
        package = name.replace("-", "_")
        shutil.rmtree(self.folder / package)
        for facts in self.folder.glob(f"{package}-*"):
            shutil.rmtree(facts)

    def zipped(self, archive: Path) -> Path:
        """Move everything into an archive."""
        with zipfile.ZipFile(archive, "w") as made:
            for file in sorted(self.folder.rglob("*")):
                made.write(file, file.relative_to(self.folder))
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        return archive

    def find(self) -> dict[str, Plugin]:
        """Return what a new process would find, by name of the entry point."""
        return {plugin.name: plugin for plugin in Discovery(str(self.cache)).plugins()}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return a folder on `sys.path`, with a cache of its own; files count as settled as soon as they are written."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(scan, "SETTLED_NS", -(10**9))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    registry.registry.cache_clear()
    before = set(sys.modules)
    yield Site(folder, tmp_path / "cache" / "zenml" / "found.json")
    registry.registry.cache_clear()
    for name in set(sys.modules) - before:
        if name.startswith("acme"):
            del sys.modules[name]
