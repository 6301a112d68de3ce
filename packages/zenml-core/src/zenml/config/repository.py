"""The repository root: the nearest parent folder that holds `.zenml/`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from zenml.errors import ConfigError
from zenml.secrets import use_secrets_file

FOLDER = ".zenml"

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")


def find_root(start: Path | None = None) -> Path | None:
    """Return the nearest folder at or above `start` (by default the working directory) that holds `.zenml/`.

    Raises:
        ConfigError: a `.zenml` is there, but it is no folder.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        marker = folder / FOLDER
        if marker.is_dir():
            return folder
        if marker.exists() or marker.is_symlink():
            raise ConfigError(
                f"{marker} is not a folder, so it cannot hold the repository's data",
                mend="Move it away, then run: zenml init",
            )
    return None


def secrets_path(root: Path) -> Path:
    """Return where the secrets of a repository are kept."""
    return root / FOLDER / "secrets.yaml"


def with_secrets_of_root(function: Callable[Concatenate[T, Path, P], R]) -> Callable[Concatenate[T, Path, P], R]:
    """Let secrets be those of the repository whose root is the function's second argument, while it runs."""

    @wraps(function)
    def call(first: T, root: Path, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with use_secrets_file(secrets_path(root)):
            return function(first, root, *args, **kwargs)

    return call


def make_root(folder: Path) -> Path:
    """Make `folder` a repository, if it is none yet, and return it resolved.

    Raises:
        ConfigError: the folder cannot be written, or its `.zenml` is no folder.
    """
    folder = folder.resolve()
    marker = folder / FOLDER
    if marker.exists() and not marker.is_dir():
        find_root(folder)
    try:
        marker.mkdir(parents=True, exist_ok=True)
        ignore = marker / ".gitignore"
        if not ignore.exists():
            ignore.write_text("# Data, settings and secrets of this machine; never under version control.\n*\n")
    except OSError as error:
        raise ConfigError(
            f"cannot make {marker}: {os.strerror(error.errno or 0)}", mend="Choose a folder that you may write"
        ) from None
    return folder


def current_root() -> Path:
    """Return the root for a run: the repository around the working directory or script, else a new one.

    A new one is made in the folder of the running script, or in the working directory where there is no script.
    """
    script = script_folder()
    for start in (Path.cwd(), script):
        root = find_root(start) if start else None
        if root:
            return root
    return make_root(script or Path.cwd())


def script_folder() -> Path | None:
    """Return the folder of the launched script; None for a notebook, standard input, `-m`, `-c` or a command."""
    main = sys.modules.get("__main__")
    name = getattr(main, "__file__", None)
    if not name or getattr(main, "__spec__", None) is not None:
        return None
    path = Path(name).resolve()
    return path.parent if path.suffix == ".py" and path.is_file() else None
