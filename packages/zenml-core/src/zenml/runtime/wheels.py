"""Wheels: distributions that are installed editable, built so that they travel in the code package."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zenml.errors import ConfigError, Problem
from zenml.plugins.requirements import unmet
from zenml.plugins.scan import normalise
from zenml.runtime.build_hook import LACKS
from zenml.runtime.distributions import Distributions
from zenml.runtime.environment import installed
from zenml.runtime.installing import last_lines
from zenml.runtime.package_files import list_source_tree, never_travels

_FORMAT = 1
_EPOCH = "315532800"  # 1980, before which no zip file can be
_DATE = (1980, 1, 1, 0, 0, 0)
_WHOLE = 1 << 20
_DIGITS = 32
_KEPT = 4
_LEGACY = {"requires": ["setuptools>=40.8"], "build-backend": "setuptools.build_meta:__legacy__"}


def build_wheels(names: Sequence[str], cache: Path) -> list[Path]:
    """Build the wheels of distributions that are installed editable; the same source gives the same bytes.

    Args:
        names: the distributions.
        cache: a folder that keeps them until their source changes.

    Raises:
        ConfigError: one cannot be built; what the build said last is in the message. All are tried.
    """
    projects = Distributions().editable if names else {}
    built: list[Path] = []
    problems: list[Problem] = []
    for name in sorted(map(normalise, names)):
        try:
            if name not in projects:
                raise ConfigError("it is not installed editable here", name)
            built.append(_wheel(name, projects[name], cache))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return built


def _wheel(name: str, project: Path, cache: Path) -> Path:
    """Return the wheel of a project, built where its source changed."""
    if not project.is_dir():
        raise ConfigError(f"its folder {project} is gone", name, f"Run: pip uninstall {name}")
    system = _build_system(project)
    kept = cache / f"{name}-{_digest(project, system)[:_DIGITS]}"
    for wheel in kept.glob("*.whl"):
        return wheel
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".building-") as work:
        made = _build(name, project, system, Path(work))
        done = Path(work) / "done"
        done.mkdir()
        _repack(made, done / made.name)
        try:
            done.rename(kept)
        except OSError:  # another process was faster, or an empty folder is in the way
            if not any(kept.glob("*.whl")):
                shutil.rmtree(kept, ignore_errors=True)
                done.rename(kept)
    _forget_old(name, cache)
    return kept / made.name


def _forget_old(name: str, cache: Path) -> None:
    """Remove all but the latest builds of a distribution."""
    builds = []
    for folder in cache.glob(f"{name}-{'?' * _DIGITS}"):
        with contextlib.suppress(FileNotFoundError):
            builds.append((folder.stat().st_mtime_ns, folder))
    for _, folder in sorted(builds)[:-_KEPT]:
        shutil.rmtree(folder, ignore_errors=True)


def _build_system(project: Path) -> Mapping[str, Any]:
    try:
        text = (project / "pyproject.toml").read_text("utf-8")
        system: dict[str, Any] = tomllib.loads(text).get("build-system", {})
    except FileNotFoundError:
        return _LEGACY
    except (OSError, ValueError) as error:
        raise ConfigError(f"its pyproject.toml cannot be read: {error}", str(project)) from None
    return _LEGACY | system


def _digest(project: Path, system: Mapping[str, Any]) -> str:
    """Return what a wheel depends on: the source, the interpreter, and, where the version is git's, what git says."""
    digest = hashlib.sha256(f"{_FORMAT} {sys.implementation.cache_tag} {sys.platform}".encode())
    for name in list_source_tree(project):
        if ".egg-info/" in name:
            continue  # builds write it
        path = project / name
        try:
            facts = path.stat()
            content = str(facts.st_mtime_ns).encode() if facts.st_size > _WHOLE else path.read_bytes()
        except OSError:
            continue
        digest.update(f"\0{os.fsencode(name)!r} {facts.st_size} {facts.st_mode & 0o100}\0".encode() + content)
    if any(word in text.lower() for text in system["requires"] for word in ("scm", "vcs", "git", "versioneer")):
        command = ["git", "describe", "--always", "--dirty", "--tags", "--long"]
        try:
            digest.update(subprocess.run(command, cwd=project, capture_output=True, check=False).stdout)
        except FileNotFoundError:
            digest.update(b"no git")
    return digest.hexdigest()


def _build(name: str, project: Path, system: Mapping[str, Any], work: Path) -> Path:
    """Build by the backend that is installed here; by pip, in an environment of its own, where there is none."""
    out = work / "built"
    out.mkdir()
    extra = work / "setuptools.cfg"
    extra.write_text(f"[build]\nbuild_base = {work / 'build'}\n")  # what was left in the project's own is stale
    environment = {
        **os.environ,
        "SOURCE_DATE_EPOCH": _EPOCH,
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        "DIST_EXTRA_CONFIG": str(extra),
    }
    exit_code, said = LACKS, ""
    if not unmet(system["requires"], installed())[1]:
        order = {
            "backend": system["build-backend"],
            "path": [str(project / folder) for folder in system.get("backend-path", ())],
            "out": str(out),
        }
        command = [sys.executable, "-P", "-m", "zenml.runtime.build_hook", json.dumps(order)]
        exit_code, said = _run(command, project, environment)
    if exit_code == LACKS:
        if importlib.util.find_spec("pip") is None:
            needed = " ".join(f'"{text}"' for text in system["requires"])
            raise ConfigError("building its wheel takes pip, or its backend", name, f"Run: pip install {needed}")
        options = ("--disable-pip-version-check", "--no-input", "--quiet")
        command = [sys.executable, "-m", "pip", *options, "wheel", "--no-deps", "--wheel-dir", str(out), str(project)]
        exit_code, said = _run(command, work, environment)
    made = sorted(out.glob("*.whl"))
    if exit_code or len(made) != 1:
        what = f"{name} is installed editable from {project}, so it travels as a wheel, which cannot be built"
        raise ConfigError(f"{what}:\n{last_lines(said) or 'the build made none'}", name, "Mend it, or install it whole")
    return made[0]


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode, done.stdout


def _repack(wheel: Path, target: Path) -> None:
    """Copy a wheel with its files sorted, all of one date, without what never travels."""
    with (
        zipfile.ZipFile(wheel) as source,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as out,
    ):
        for name in sorted(name for name in source.namelist() if not name.endswith("/") and not never_travels(name)):
            data = source.read(name)
            if name.count("/") == 1 and name.endswith(".dist-info/RECORD"):
                lines = data.decode().splitlines()
                kept = sorted(line for line in lines if not never_travels(line.rsplit(",", 2)[0].strip('"')))
                data = "".join(f"{line}\n" for line in kept).encode()
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            executable = source.getinfo(name).external_attr >> 16 & 0o100
            info.external_attr = (0o100755 if executable else 0o100644) << 16
            out.writestr(info, data)
