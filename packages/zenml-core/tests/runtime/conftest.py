"""A folder of installed distributions, and projects that are installed editable from next door."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "{version}"
requires-python = ">=3.11"
dependencies = {dependencies}

[project.entry-points."tests.next_door"]
main = "{module}:main"

[tool.hatch.build.targets.wheel]
packages = ["src/{module}"]
"""


class Site:
    """A folder on the import path, with the metadata that installers leave in it.

    Args:
        folder: the folder.
        monkeypatch: puts things on the import path for the test.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self.modules: list[str] = []
        folder.mkdir()
        self.use(folder)

    def use(self, folder: Path) -> None:
        """Put a folder first on the import path."""
        self._monkeypatch.syspath_prepend(folder)
        importlib.invalidate_caches()

    def install(
        self,
        name: str,
        version: str = "1.0",
        *,
        files: tuple[str, ...] = (),
        requires: tuple[str, ...] = (),
        source: dict[str, object] | None = None,
        **texts: str,
    ) -> None:
        """Install a distribution whose files are empty."""
        folder = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        (folder / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {text}" for text in requires), "", ""]))
        (folder / "RECORD").write_text("".join(f"{file},,\n" for file in (*files, f"{folder.name}/METADATA")))
        for file, text in {**texts, **({"direct_url": json.dumps(source)} if source else {})}.items():
            (folder / {"direct_url": "direct_url.json"}.get(file, f"{file}.txt")).write_text(text)
        for file in files:
            (self.folder / file).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / file).touch()
            self.modules.append(file.partition("/")[0].partition(".")[0])

    def install_editable(
        self, project: Path, name: str, version: str = "1.0", requires: tuple[str, ...] = (), **texts: str
    ) -> Path:
        """Make a project that hatchling builds, with one package in `src/`, and install it editable; return it."""
        module = name.replace("-", "_")
        package = project / "src" / module
        package.mkdir(parents=True)
        text = PYPROJECT.format(name=name, version=version, module=module, dependencies=json.dumps(requires))
        (project / "pyproject.toml").write_text(text)
        (package / "__init__.py").write_text(f"def main():\n    return {version!r}\n")
        source: dict[str, object] = {"dir_info": {"editable": True}, "url": project.as_uri()}
        self.install(name, version, requires=requires, source=source, **texts)
        self.use(project / "src")
        self.modules.append(module)
        return project


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An import path with a folder in which a test installs what it needs."""
    made = Site(tmp_path / "site-packages", monkeypatch)
    yield made
    for name in [name for name in sys.modules if name.partition(".")[0] in made.modules]:
        del sys.modules[name]
