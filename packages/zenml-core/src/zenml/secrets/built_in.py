"""The resolvers that need no other package: environment variables, files and the repository's secrets file."""

from __future__ import annotations

import os
from pathlib import Path

from zenml.errors import SecretError, closest
from zenml.secrets.place import secrets_file
from zenml.secrets.resolver import SecretResolver
from zenml.secrets.store import SecretsFile

_MOST_BYTES = 1 << 20


class EnvironmentResolver(SecretResolver):
    """`env:NAME`: the environment variable NAME."""

    def resolve(self, name: str) -> str:
        """Return the variable's value."""
        value = os.environ.get(name, "")
        if not value:
            state = "is empty" if name in os.environ else "is not set"
            raise SecretError(
                f"the secret env:{name} resolves to nothing: the environment variable {name} {state}",
                mend=closest(name, os.environ) or f"Set it where the run starts: export {name}=…",
            )
        return value


class FileResolver(SecretResolver):
    """`file:PATH`: the text of a file, without the newline at its end."""

    def resolve(self, name: str) -> str:
        """Return the file's text."""
        path = Path(name).expanduser()
        if not path.is_absolute():
            mend = "A run may be in another folder when it reads it: write the whole path, or one from ~/"
            raise SecretError(f"the secret file:{name} has no absolute path", mend=mend)
        try:
            with path.open("rb") as stream:
                data = stream.read(_MOST_BYTES + 1)
            text = data.decode()
        except OSError as error:
            raise SecretError(
                f"the secret file:{name} cannot be read: {os.strerror(error.errno or 0)}",
                mend="Put the secret into that file, readable by you alone, or mend the reference",
            ) from None
        except UnicodeDecodeError:
            raise SecretError(f"the secret file:{name} is no UTF-8 text") from None
        if len(data) > _MOST_BYTES:
            raise SecretError(f"the secret file:{name} is larger than 1 MiB", mend="Is it the right file?")
        value = text.removesuffix("\n").removesuffix("\r")
        if not value:
            raise SecretError(f"the secret file:{name} resolves to nothing: the file is empty")
        return value


class RepositoryResolver(SecretResolver):
    """`secret:NAME`: an entry of the repository's secrets file."""

    def resolve(self, name: str) -> str:
        """Return the entry's value."""
        path = secrets_file()
        if path is None:
            raise SecretError(
                f"the secret secret:{name} resolves to nothing: there is no repository here, so no secrets file",
                mend="Make one: zenml init",
            )
        values = SecretsFile(path).read()
        if name not in values:
            raise SecretError(
                f"the secret secret:{name} resolves to nothing: {path} has no such entry",
                mend=closest(name, values) or f"Give it a value: zenml secret set {name}",
            )
        return values[name]
