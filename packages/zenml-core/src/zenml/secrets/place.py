"""Where the secrets file is that `secret:` references and kept literals mean."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "ZENML_SECRETS_FILE"
"""The environment variable that names the secrets file; ZenML sets it for the processes that it starts."""

_chosen: Path | None = None
"""Of the whole process, as threads that work for a run must find it too."""


@contextlib.contextmanager
def use_secrets_file(path: Path | None) -> Iterator[None]:
    """Use this secrets file while the context is open; None leaves it as it is. The environment variable goes first."""
    global _chosen
    before = _chosen
    _chosen = path or before
    try:
        yield
    finally:
        _chosen = before


def secrets_file() -> Path | None:
    """Return the secrets file: the variable's, else the one in use, else that of the repository around this folder.

    Returns:
        Its path, whether or not it is there yet; None outside of any repository.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    if _chosen:
        return _chosen
    here = Path.cwd()
    return next((at / ".zenml" / "secrets.yaml" for at in (here, *here.parents) if (at / ".zenml").is_dir()), None)


def environment() -> dict[str, str]:
    """Return the variable that lets a child process find the same secrets file; it holds no secret."""
    path = secrets_file()
    return {VARIABLE: str(path.absolute())} if path else {}
