"""A file of environment variables: how a platform that shows a job's environment to others hands over secrets."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from zenml.errors import SecretError
from zenml.secrets.redaction import remember

VARIABLE = "ZENML_ENV_FILE"
"""The environment variable that names the file: a JSON object of names and values."""


def write_env_file(path: Path, values: Mapping[str, str]) -> None:
    """Write the variables to a file that nobody but this user can read, in place of what was there.

    Raises:
        SecretError: the file cannot be written.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                json.dump(dict(values), stream)
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        what = f"the secrets of a job cannot be written: {os.strerror(error.errno or 0)}"
        raise SecretError(what, str(path), "Make its folder writable") from None


def load_env_file() -> None:
    """Take the variables of the file, where one is named, into this process; they are hidden in what it prints.

    The name is dropped, as processes that this one starts get the variables themselves.

    Raises:
        SecretError: the file cannot be read, or is not what `write_env_file` writes.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return
    try:
        values = json.loads(Path(name).read_text("utf-8"))
    except OSError as error:
        raise SecretError(
            f"the job's secrets cannot be read: {os.strerror(error.errno or 0)}",
            f"{VARIABLE}={name}",
            "Mount the file, readable by the user that the job runs as",
        ) from None
    except ValueError:
        values = None
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise SecretError("that is no JSON object of names and texts", f"{VARIABLE}={name}")
    for value in values.values():
        remember(value)
    os.environ.update(values)
    del os.environ[VARIABLE]
