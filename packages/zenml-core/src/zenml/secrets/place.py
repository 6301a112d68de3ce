"""Where the secrets file is that `secret:` references and kept literals mean."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

VARIABLE = "ZENML_SECRETS_FILE"
"""The environment variable that names the secrets file; ZenML sets it for the processes that it starts."""

_chosen: ContextVar[Path | None] = ContextVar("zenml_secrets_file", default=None)


@contextlib.contextmanager
def use_secrets_file(path: Path | None) -> Iterator[None]:
    """Use this secrets file while the context is open; None leaves it as it is. The environment variable goes first."""
    token = _chosen.set(path or _chosen.get())
    try:
        yield
    finally:
        _chosen.reset(token)


def secrets_file() -> Path | None:
    """Return the secrets file: the variable's, else the one in use, else that of the repository around this folder.

    Returns:
        Its path, whether or not it is there yet; None outside of any repository.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    chosen, here = _chosen.get(), Path.cwd()
    if chosen:
        return chosen
    return next((at / ".zenml" / "secrets.yaml" for at in (here, *here.parents) if (at / ".zenml").is_dir()), None)


def environment() -> dict[str, str]:
    """Return the variable that lets a child process find the same secrets file; it holds no secret."""
    path = secrets_file()
    return {VARIABLE: str(path.absolute())} if path else {}
