"""The doctor: examine every plugin in a process of its own, and the environment that they share."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from zenml.errors import Problem
from zenml.plugins.discovery import Survey
from zenml.plugins.probe import STARTER
from zenml.plugins.requirements import unmet
from zenml.plugins.row import rows_of
from zenml.plugins.scan import CORE, Plugin, entries, normalise, scan

UNRELATED = "zenml"
"""A distribution on PyPI that is not this project and installs a package of the same name."""


def doctor(timeout: float = 30.0) -> list[Problem]:
    """Return what is wrong with the installed plugins and their environment.

    Unlike a listing, it imports what plugins offer; each plugin does so in a process of its own, so that one that
    hangs, exits or crashes is found too.

    Args:
        timeout: seconds that one plugin may take.
    """
    survey = Survey({entry: scan(entry) for entry in entries()})
    survey.compare()
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        examined = list(pool.map(lambda plugin: list(_examine(plugin, timeout)), survey.plugins))
    return [*_unrelated(survey), *(problem for found in examined for problem in found), *_duplicates(survey.plugins),
            *_conflicts(survey)]  # fmt: skip


def _examine(plugin: Plugin, timeout: float) -> Iterator[Problem]:
    """Load a plugin and its targets in a process; write what it offers into `plugin`."""
    where = f"{plugin.name} of {plugin.distribution} {plugin.version}"
    remove = f"To do without it, run: pip uninstall {plugin.distribution}"
    if plugin.malformed:
        yield Problem(plugin.malformed, where)
        return
    with tempfile.TemporaryDirectory(prefix="zenml-doctor-") as folder:
        code = _run_probe(plugin, Path(folder), timeout)
        try:
            found = json.loads(Path(folder, "result.json").read_text("utf-8"))
        except (OSError, ValueError):
            if code is None:
                yield Problem(f"it hangs: loading it took longer than {timeout:g} s", where, remove)
            else:
                yield Problem(f"loading it ended the process with exit code {code}", where, remove)
            return
        printed = Path(folder, "printed.txt").read_text("utf-8", errors="replace").strip()
    plugin.state, plugin.reason, plugin.specs = found["state"], found["reason"], found["specs"]
    told = {row.reason for row in rows_of(plugin) if row.reason}
    yield from (Problem(reason, where) for reason in sorted(told))
    if printed:
        line = printed.splitlines()[0][:60]
        yield Problem(f"it prints when it is imported ({line!r})", where, "Its author should remove that")
    if not plugin.missing:
        yield from (Problem(row["what"], f"{where}, {row['where']}", row["mend"]) for row in found["problems"])


def _run_probe(plugin: Plugin, folder: Path, timeout: float) -> int | None:
    """Run the probe on one plugin; return its exit code, or None when it did not end in time."""
    order = {
        "path": sys.path,
        "name": plugin.name,
        "module": plugin.module,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "result": str(folder / "result.json"),
    }
    with (folder / "printed.txt").open("wb") as printed:
        process = subprocess.Popen(
            [sys.executable, "-c", STARTER, json.dumps(order)],
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(process)


def _end(process: subprocess.Popen[Any]) -> None:
    """End a probe and what it started."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _unrelated(survey: Survey) -> Iterator[Problem]:
    version = survey.installed.get(UNRELATED)
    if version is not None:
        yield Problem(
            f"the unrelated distribution {UNRELATED} {version} is installed; it and {CORE} share a folder",
            mend=f"Run: pip uninstall {UNRELATED} {CORE}, then: pip install {CORE}",
        )


def _duplicates(plugins: Iterable[Plugin]) -> Iterator[Problem]:
    """Find names that more than one plugin offers."""
    offers: dict[tuple[str, str], list[str]] = {}
    for plugin in plugins:
        for name, kind, *_ in plugin.specs:
            offers.setdefault((kind, name), []).append(plugin.distribution)
    for (kind, name), distributions in sorted(offers.items()):
        if len(distributions) > 1:
            what = f"{len(distributions)} plugins offer the {kind} {name}: {', '.join(distributions)}"
            yield Problem(what, mend="Uninstall all but one, or its name cannot be used")


def _conflicts(survey: Survey) -> Iterator[Problem]:
    """Find requirements that are not met among what plugins need indirectly."""
    from importlib.metadata import PackageNotFoundError, requires

    direct = {normalise(plugin.distribution) for plugin in survey.plugins}
    waiting = [name for plugin in survey.plugins for name in plugin.needs or ()]
    seen = set(direct)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            needs, missing = unmet(requires(name) or (), survey.installed)
        except PackageNotFoundError:
            continue
        waiting += needs
        for required, text in missing:
            version = survey.installed.get(required)
            have = "not installed" if version is None else f"{version} is installed"
            yield Problem(f"{name} needs {text} ({have})", mend=f'Run: pip install "{text}"')
