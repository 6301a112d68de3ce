"""ServerMetadataStore: what the stores on a database server have in common."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field

from zenml.errors import PluginError
from zenml.metadata.sql import SQLMetadataStore
from zenml.secrets import Secret

SSLMode = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]


class ServerMetadataStore(SQLMetadataStore):
    """A metadata store on a database server, which any number of machines share.

    What it needs to write is asked of the server once, when the store is opened: the tables and types are made where
    they are missing. From then on, where the server goes away or another transaction is in the way, each transaction
    is tried again for `retry_seconds`, and recorded once.

    Args:
        host: name or address of the server; a path that begins with `/` is that of its socket (of PostgreSQL's, also
            of the folder that it is in).
        port: its port; by default the product's usual one.
        username: who connects; by default the user of this system.
        password: their password: `env:NAME`, `file:PATH`, `secret:NAME`, or the password itself, which is then kept in
            the repository's secrets file.
        database: the database, which must exist; its tables are made.
        ssl: `disable` encrypts nothing; `prefer` encrypts, or goes on in plain text where the server says that it does
            not; `require` refuses such a server. Neither looks at the server's certificate: they keep out who listens,
            not who poses as the server. `verify-ca` also checks that the certificate is signed by `ssl_ca`;
            `verify-full` also that it is of this host.
        ssl_ca: file of certificates that are trusted; by default those of the system.
        ssl_cert: file of the client's own certificate, where the server asks for one; shown from `require` on.
        ssl_key: file of its key.
        connect_timeout: seconds to wait for the server when connecting.
        retry_seconds: seconds to go on trying when the server went away.
    """

    DRIVER: ClassVar[str]
    """The module that talks to the server."""

    EXTRA: ClassVar[str]
    """The extra of `zenml-core` that installs it."""

    host: str = "localhost"
    port: int | None = Field(default=None, ge=1, le=65535)
    username: str | None = None
    password: Secret | None = None
    database: str = "zenml"
    ssl: SSLMode = "prefer"
    ssl_ca: str | None = None
    ssl_cert: str | None = None
    ssl_key: str | None = None
    connect_timeout: int = Field(default=10, ge=1, le=600)
    retry_seconds: float = Field(default=60.0, ge=0)

    def resolve(self, root: Path) -> Self:
        """Return the store with absolute paths of its certificates."""
        given = {name: getattr(self, name) for name in ("ssl_ca", "ssl_cert", "ssl_key")}
        paths = {name: str(root.absolute() / Path(path).expanduser()) for name, path in given.items() if path}
        changed = {name: path for name, path in paths.items() if path != given[name]}
        return self.replaced(**changed) if changed else self

    def require_driver(self) -> None:
        """Check that the driver is installed.

        Raises:
            PluginError: it is not.
        """
        if importlib.util.find_spec(self.DRIVER) is None:
            raise PluginError(
                f"{type(self).__name__} needs {self.DRIVER}, which is not installed",
                mend=f"Run: pip install 'zenml-core[{self.EXTRA}]'",
            )

    def revealed(self) -> str | None:
        """Return the password.

        Raises:
            SecretError: its reference resolves to nothing.
        """
        return None if self.password is None else self.password.reveal()
