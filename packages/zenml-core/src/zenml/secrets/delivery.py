"""Delivery: secrets that a job elsewhere gets as environment variables."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from zenml.errors import SecretError
from zenml.secrets.secret import Secret, writing_secrets

_OF_THIS_MACHINE = ("env", "file", "secret")


class Delivery:
    """Gives each secret that only this machine can look up the name of a variable, by which the job gets it.

    A reference of any other scheme (a cloud's secret manager, say) is looked up where the job runs. So is `env:` or
    `file:` that resolves to nothing here: the job's image or machine may have it.
    """

    def __init__(self) -> None:
        self._names: dict[Secret, str] = {}
        self._values: dict[str, str] = {}

    @property
    def values(self) -> dict[str, str]:
        """The secrets by the names of their variables."""
        return dict(self._values)

    @property
    def references(self) -> dict[str, str]:
        """For each variable, as the reference `env:NAME`, the reference by which this machine knows the secret."""
        return {f"env:{name}": str(secret) for secret, name in self._names.items()}

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Write the job's references in models that are serialised while the context is open."""
        with writing_secrets(self._write):
            yield

    def _write(self, secret: Secret) -> str:
        if secret in self._names:
            return f"env:{self._names[secret]}"
        scheme = (secret.reference or "").partition(":")[0]
        if scheme and scheme not in _OF_THIS_MACHINE:
            return str(secret)
        try:
            value = secret.reveal()
        except SecretError:
            if scheme == "secret":
                raise
            return str(secret)
        name = f"ZENML_SECRET_{len(self._names) + 1}"
        self._names[secret] = name
        self._values[name] = value
        return f"env:{name}"
