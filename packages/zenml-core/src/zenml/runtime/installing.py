"""Installing: what a run may install by itself before it begins, beside what is there."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zenml.backends.reporter import Reporter
from zenml.errors import ConfigError
from zenml.runtime.console import Console
from zenml.runtime.requirements import Requirements, installed_here

_LINES = 20
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")
_PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet")


def install_missing(
    requirements: Requirements,
    folder: Path,
    report: Reporter,
    *,
    installed: Mapping[str, str] | None = None,
    path: Sequence[Path] = (),
) -> list[str]:
    """Install what requirements lack into a folder, which is then put first on the import path.

    Nothing that is installed already is changed, and what it satisfies is not installed again.

    Args:
        requirements: what the run needs.
        folder: where to install; it is made.
        report: is told what is installed.
        installed: what is there already; by default what can be imported here.
        path: folders of distributions that count as installed, such as those of unpacked wheels.

    Returns:
        The names and versions of what was installed.

    Raises:
        ConfigError: pip is not there, or fails; its last lines are in the message, without credentials.
    """
    missing = requirements.missing(installed_here() if installed is None else installed)
    if not missing:
        return []
    wanted = ", ".join(need.install for need in missing)
    if importlib.util.find_spec("pip") is None:
        what = f"{wanted} cannot be installed here: there is no pip"
        raise ConfigError(without_credentials(what), "environment.install", "Add pip, or these, to the image")
    report.log(without_credentials(f"installing {wanted}"))
    with tempfile.TemporaryDirectory(prefix="zenml-pip-") as work:
        answer = Path(work) / "report.json"
        run_pip(["--dry-run", "--report", str(answer)], [need.install for need in missing], work, path)
        rows: list[dict[str, Any]] = json.loads(answer.read_text("utf-8"))["install"]
        folder.mkdir(parents=True, exist_ok=True)
        run_pip(["--no-deps", "--target", str(folder)], map(_exactly, rows), work, path)
    return [f"{row['metadata']['name']} {row['metadata']['version']}" for row in rows]


def make_ready(requirements: Requirements, folder: Path, path: Sequence[Path] = ()) -> list[str]:
    """Check what is installed here, and install what lacks where the spec allows that; return where it then is.

    Args:
        requirements: what is needed.
        folder: where to install; what is returned is this or nothing.
        path: folders of distributions that count as installed.

    Raises:
        ConfigError: something is missing here, or pip fails.
    """
    here, report = installed_here(), Console()
    problems = requirements.problems(here)
    if problems:
        raise ConfigError(problems)
    for row in requirements.warnings(here):
        report.warn(str(row))
    if requirements.install == "never":
        return []
    return [str(folder)] if install_missing(requirements, folder, report, installed=here, path=path) else []


def without_credentials(text: str) -> str:
    """Return a text without the user names and passwords of the URLs in it."""
    return _CREDENTIALS.sub("***@", text)


def last_lines(text: str) -> str:
    """Return what a tool said last, for a message."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return without_credentials("\n".join(lines[-_LINES:]))


def _exactly(row: Mapping[str, Any]) -> str:
    """Return the requirement for just what pip chose."""
    name, version = row["metadata"]["name"], row["metadata"]["version"]
    if not row.get("is_direct"):
        return f"{name}=={version}"
    source = row["download_info"]
    control = source.get("vcs_info")
    return f"{name} @ " + (f"{control['vcs']}+{source['url']}@{control['commit_id']}" if control else source["url"])


def run_pip(
    options: Sequence[str],
    wanted: Iterable[str],
    work: str,
    path: Sequence[Path] = (),
    *,
    interpreter: Path | None = None,
) -> None:
    """Let pip install requirements, which go by a file: a URL's credentials must not stand in the list of processes.

    Args:
        options: further options.
        wanted: the requirements.
        work: a folder for files that it needs.
        path: folders of distributions that count as installed.
        interpreter: of the environment to install into; by default this one.

    Raises:
        ConfigError: it fails; its last lines are in the message, without credentials.
    """
    where = ["--python", str(interpreter)] if interpreter else []
    asked = Path(work) / "requirements.txt"
    asked.write_text("".join(f"{text}\n" for text in wanted), "utf-8")
    inherited = [] if interpreter else filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    known = [*map(str, path), *inherited]
    done = subprocess.run(
        [sys.executable, *_PIP, *where, "install", *options, "--requirement", str(asked)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(known)},
        cwd=work,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise ConfigError(
            f"pip could not install what the run needs:\n{last_lines(done.stdout)}",
            "environment.install",
            "Mend environment.requirements, or add them to the image",
        )
