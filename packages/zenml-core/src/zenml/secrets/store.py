"""SecretsFile: the repository's secrets, in a file that only its owner can read."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zenml.errors import SecretError, closest

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
"""What the name of a secret may look like."""


@dataclass(frozen=True)
class SecretsFile:
    """Names and values in a YAML file of mode 0600, replaced as a whole by one writer at a time.

    Args:
        path: the file, `.zenml/secrets.yaml` of a repository; it need not be there.
    """

    path: Path

    def read(self) -> dict[str, str]:
        """Return all values by name; none where there is no file.

        Raises:
            SecretError: others may read the file, or it is not what `set` writes.
        """
        try:
            with self.path.open(encoding="utf-8") as stream:
                self._check_mode(os.fstat(stream.fileno()))
                text = stream.read()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unreadable(os.strerror(error.errno or 0)) from None
        except UnicodeDecodeError:
            raise self._unreadable("it is no UTF-8 text") from None
        return self._parsed(text)

    def set(self, name: str, value: str) -> None:
        """Keep a value under a name, in place of what was there.

        Raises:
            SecretError: the name or the value cannot be kept, or the file cannot be read or written.
        """
        check_name(name)
        if not value:
            raise SecretError(f"the secret {name} is empty", mend="Give it a value, or delete it")
        with self._writing() as values:
            values[name] = value

    def keep(self, name: str, value: str) -> str:
        """Keep a value under a name that no other value has, and return that name: NAME, NAME-2 and so on."""
        check_name(name)
        with self._writing() as values:
            number, free = 1, name
            while values.get(free, value) != value:
                number += 1
                free = f"{name}-{number}"
            values[free] = value
        return free

    def delete(self, name: str) -> None:
        """Remove a value.

        Raises:
            SecretError: there is no such name, or the file cannot be read or written.
        """
        with self._writing() as values:
            if name not in values:
                mend = closest(name, values) or "See: zenml secret list"
                raise SecretError(f"there is no secret {name!r} in {self.path}", mend=mend)
            del values[name]

    @contextlib.contextmanager
    def _writing(self) -> Iterator[dict[str, str]]:
        """Give the values to a change, alone, and write them where it made one."""
        try:
            with _locked(self.path.parent):
                before = self.read()
                after = dict(before)
                yield after
                if after != before:
                    self._replace(after)
        except OSError as error:
            raise SecretError(f"cannot write {self.path}: {os.strerror(error.errno or 0)}") from None

    def _replace(self, values: dict[str, str]) -> None:
        import yaml

        target = Path(os.path.realpath(self.path))
        partial = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                yaml.safe_dump(values, stream, allow_unicode=True)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    def _check_mode(self, found: os.stat_result) -> None:
        wide = stat.S_IMODE(found.st_mode) & 0o077
        if wide and os.name == "posix":
            what = f"{self.path} can be read by others (mode {stat.S_IMODE(found.st_mode):04o})"
            raise SecretError(
                what, mend=f"Run: chmod 600 {self.path}; and change the secrets that others may have read"
            )

    def _parsed(self, text: str) -> dict[str, str]:
        import yaml

        try:
            data = yaml.safe_load(text) or {}
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            raise self._unreadable(f"line {mark.line + 1} is no YAML" if mark else "it is no YAML") from None
        if not isinstance(data, dict):
            raise self._unreadable("it does not hold names and values")
        wrong = [str(name) for name, value in data.items() if not (isinstance(name, str) and isinstance(value, str))]
        if wrong:
            raise self._unreadable(f"the value of {', '.join(wrong)} is no text: put it into quotes")
        return data

    def _unreadable(self, reason: str) -> SecretError:
        return SecretError(f"cannot read the secrets file: {reason}", str(self.path))


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a secret.

    Raises:
        SecretError: with what a name looks like.
    """
    if not re.fullmatch(NAME, name):
        mend = "Begin with a letter or digit; then up to 127 letters, digits, dots, dashes and underscores"
        raise SecretError("that cannot be the name of a secret", mend=mend)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time change files in the folder, where the system can."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
