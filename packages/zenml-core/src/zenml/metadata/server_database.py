"""ServerDatabase: a Database on a server, behind a pool of connections; one subclass per product."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import create_engine

from zenml.errors import StoreError
from zenml.metadata.database import Database
from zenml.metadata.server import ServerMetadataStore
from zenml.secrets import redact

LOCK_SECONDS = 20
"""How long a statement waits for another transaction before it is undone and tried again."""

SILENT_SECONDS = 60
"""How long a server may say nothing before the connection to it counts as lost."""


class Meaning(NamedTuple):
    """What an error of the server means; `{user}`, `{database}`, `{host}` and `{seconds}` are filled in."""

    codes: tuple[int | str | None, ...]
    what: str
    mend: str = ""
    text: str = ""
    """A regular expression that the message matches, where the code says too little or there is none."""


_ON_THE_WAY = (None, 2003, 2013, 2026)  # PostgreSQL has no code for it; MySQL's are cannot connect, lost, and TLS
CONNECTION_MEANINGS = (
    Meaning(
        _ON_THE_WAY,
        "no encrypted connection could be made: the server's certificate is of another host: {message}",
        "Check --host, or check its signature alone: --ssl verify-ca",
        text="(Hostname|IP address) mismatch|doesn't match",
    ),
    Meaning(
        _ON_THE_WAY,
        "no encrypted connection could be made: the server's certificate cannot be trusted: {message}",
        "Check --ssl-ca: the file must hold the certificate that signed the server's",
        text="CERTIFICATE_VERIFY_FAILED",
    ),
    Meaning(
        _ON_THE_WAY,
        "no encrypted connection could be made: {message}",
        "Check --ssl, --ssl-cert and --ssl-key",
        text="SSL|does not encrypt",
    ),
    Meaning(
        _ON_THE_WAY,
        "the server did not answer within {seconds} s",
        "Check --host and --port, and the network between",
        text="timed out",
    ),
    Meaning(
        _ON_THE_WAY,
        "there is no such host",
        "Check --host",
        text="Name or service not known|nodename|getaddrinfo|No address|name resolution",
    ),
)
"""Why a server cannot be reached, as Python's sockets tell it."""


class ServerDatabase(Database):
    """A database on a server.

    Args:
        store: where the server is, and how to connect.
        connect: makes a connection of the driver that commits each statement, so that transactions begin by `begin`.
    """

    URL: ClassVar[str]
    """The SQLAlchemy dialect and driver."""

    PORT: ClassVar[int]
    """The product's usual port."""

    MEANINGS: ClassVar[tuple[Meaning, ...]]

    OPTIONS: ClassVar[dict[str, Any]] = {}
    """Further options of the engine."""

    TRANSIENT: ClassVar[frozenset[int | str]]
    """Codes of errors after which the same transaction may succeed."""

    def __init__(self, store: ServerMetadataStore, connect: Callable[[], Any]) -> None:
        self.store = store
        port = store.port or self.PORT
        place = f"{store.host}:{port}" if not store.host.startswith("/") else store.host
        engine = create_engine(
            self.URL,
            creator=connect,
            pool_size=2,
            max_overflow=-1,
            pool_recycle=1800,
            pool_reset_on_return=None,  # each transaction is ended where it began
            **self.OPTIONS,
        )
        super().__init__(engine, f"{place}/{store.database}", retry_seconds=store.retry_seconds)

    @abstractmethod
    def code(self, error: BaseException) -> int | str | None:
        """Return the server's code of an error."""

    def message(self, error: BaseException) -> str:
        """Return what the driver says of an error."""
        return str(error)

    def is_transient(self, error: BaseException) -> bool:
        """Say whether another transaction was in the way, or the server could not take one more just now."""
        return self.code(error) in self.TRANSIENT

    def explain(self, error: BaseException) -> StoreError:
        """Say what the server's code means."""
        store, code, message = self.store, self.code(error), self.message(error)
        filled = {
            "user": store.username or "of this system",
            "database": store.database,
            "host": self.where.rpartition("/")[0],
            "seconds": store.connect_timeout,
            "message": redact(message),
        }
        for meaning in () if self.opened and self.is_lost(error) else self.MEANINGS:
            if code in meaning.codes and re.search(meaning.text, message):
                return StoreError(meaning.what.format(**filled), self.where, meaning.mend.format(**filled))
        if self.is_lost(error):
            waited = f" for {self.retry_seconds:g} s" if self.opened else ""
            return StoreError(
                f"the database server does not answer{waited}: {redact(message)}",
                self.where,
                "Start it, or check the network between; what was recorded before stays",
            )
        return StoreError(f"the metadata store failed: {redact(message)}", self.where)
