"""Workspaces: folders in the user's cache that belong to one process and vanish with it."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import secrets
import shutil
from dataclasses import asdict
from pathlib import Path

from zenml.metadata.liveness import is_alive, this_owner
from zenml.metadata.records import Owner

_OWNER = "owner.json"
_own: dict[tuple[str, int], Path] = {}


def own_workspace(parent: Path) -> Path:
    """Return this process's folder below `parent`; it is made at the first call, and removed when the process ends.

    What processes that are gone left there is removed too.
    """
    key = (str(parent), os.getpid())  # a forked child has a folder of its own
    if key not in _own or not _own[key].is_dir():
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = parent / f"{os.getpid()}-{secrets.token_hex(4)}"
        hidden = folder.with_name(f".{folder.name}")
        hidden.mkdir()
        (hidden / _OWNER).write_text(json.dumps(asdict(this_owner())), encoding="utf-8")
        hidden.rename(folder)  # others see it with its owner only
        _own[key] = folder
        atexit.register(_remove_own, folder, os.getpid())
        _remove_dead(parent)
    return _own[key]


def workspaces(parent: Path) -> list[Path]:
    """Return the folders of all processes, those that are gone included."""
    try:
        return [path for path in parent.iterdir() if not path.name.startswith(".")]
    except FileNotFoundError:
        return []


def is_dead(folder: Path) -> bool:
    """Say whether a workspace's process is gone; one on another machine counts as being there."""
    try:
        owner = Owner(**json.loads((folder / _OWNER).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return True  # it is being removed
    except (OSError, ValueError, TypeError):
        return False
    return is_alive(owner) is False


def _remove_dead(parent: Path) -> None:
    for folder in workspaces(parent):
        if is_dead(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _remove_own(folder: Path, pid: int) -> None:
    if os.getpid() == pid:
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)
