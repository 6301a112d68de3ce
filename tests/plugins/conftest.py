"""A scratch environment with the core installed from the tree, into which tests install plugins with pip."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

BUILD = """
import os, sys
from hatchling.build import build_wheel
for folder in sys.argv[2:]:
    os.chdir(folder)
    build_wheel(sys.argv[1])
"""


class Scratch:
    """An environment of its own that borrows the dependencies of the running one.

    Args:
        folder: where it lies, with the sources and wheels of plugins.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wheels = folder / "wheels"
        venv.create(folder / "venv", with_pip=False)
        self.bin = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        self.python = self.bin / "python"
        self.site = Path(self.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())
        borrowed = sysconfig.get_path("purelib")
        (self.site / "borrowed.pth").write_text(f"import site; site.addsitedir({borrowed!r})\n", "utf-8")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))},
            "XDG_CACHE_HOME": str(folder / "cache"),
            "COLUMNS": "200",
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the environment's Python."""
        return self._call([str(self.python), *arguments])

    def zenml(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the environment's `zenml`."""
        return self._call([str(self.bin / "zenml"), *arguments])

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """Return what `zenml plugin list --json` prints; anything else on standard output fails."""
        done = self.zenml("plugin", "list", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    def pip(self, *arguments: str) -> None:
        """Run pip on the environment, without an index."""
        command = [sys.executable, "-m", "pip", "--python", str(self.python), "--disable-pip-version-check", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder)
        assert done.returncode == 0, done.stdout + done.stderr

    def install(self, *projects: Path) -> None:
        """Build wheels of projects and install them."""
        self.wheels.mkdir(exist_ok=True)
        command = [sys.executable, "-c", BUILD, str(self.wheels), *map(str, projects)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        wheels = [max(self.wheels.glob(f"{project.name.replace('-', '_')}-*.whl")) for project in projects]
        self.pip("install", "--quiet", "--no-deps", "--no-index", "--force-reinstall", *map(str, wheels))

    def project(
        self,
        name: str,
        listing: str,
        *,
        value: str = "",
        requires: Iterable[str] = (),
        files: dict[str, str] | None = None,
    ) -> Path:
        """Write the project of a plugin.

        Args:
            name: the distribution's name; its package is the same with underscores.
            listing: source of the module `plugin`.
            value: what the entry point says, when it is not that module.
            requires: the distribution's requirements.
            files: further modules of the package, source by file name.
        """
        package = name.replace("-", "_")
        source = self.folder / "projects" / name / "src" / package
        source.mkdir(parents=True)
        (source / "__init__.py").write_text("", "utf-8")
        for file, text in {"plugin.py": listing, **(files or {})}.items():
            (source / file).write_text(text, "utf-8")
        (source.parents[1] / "pyproject.toml").write_text(
            f"""
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "1.0"
dependencies = {json.dumps([*requires])}

[project.entry-points."zenml.plugins"]
{name} = "{value or f"{package}.plugin"}"

[tool.hatch.build]
dev-mode-dirs = ["src"]

[tool.hatch.build.targets.wheel]
packages = ["src/{package}"]
""",
            "utf-8",
        )
        return source.parents[1]

    def _call(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        environment = getattr(self, "environment", None)
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=self.folder, timeout=120)


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """Return the environment that all tests of a worker share."""
    made = Scratch(tmp_path_factory.mktemp("scratch"))
    made.install(ROOT / "packages" / "zenml-core")
    return made
