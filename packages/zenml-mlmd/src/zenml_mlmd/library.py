"""Library: the connection through ml-metadata, the types, and what its errors mean."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import ml_metadata
from ml_metadata import errors
from ml_metadata.proto import metadata_store_pb2 as proto

from zenml.errors import StoreError
from zenml.metadata.database import Database
from zenml.metadata.model import ARTIFACT_PROPERTIES, TYPES, Kind, artifact_type
from zenml.metadata.mysql import MySQLMetadataStore
from zenml.metadata.patience import Patience
from zenml.metadata.sqlite import SQLiteMetadataStore
from zenml.secrets import redact

if TYPE_CHECKING:
    from zenml_mlmd.store import MLMDMetadataStore

Done = TypeVar("Done")

_GONE = re.compile("gone away|Lost connection|Can't connect|Connection refused|server closed|not connected", re.I)
_BUSY = re.compile("database is locked|Deadlock|Lock wait", re.I)
_KINDS: Mapping[Kind, tuple[str, Callable[..., Any]]] = {
    Kind.EXECUTION: ("execution", proto.ExecutionType),
    Kind.ARTIFACT: ("artifact", proto.ArtifactType),
    Kind.CONTEXT: ("context", proto.ContextType),
}


class Library:
    """A client of ml-metadata, made at the first call.

    Tables and types in a SQLite file or a MySQL database are made by zenml-core, which does it under a lock, in tables
    that hold every character; in the library's own way two processes that open a new database at once make types
    twice. A gRPC server makes its own tables, and types one after the other.

    Args:
        store: where to connect to.
    """

    def __init__(self, store: MLMDMetadataStore) -> None:
        self._store = store
        self._lock = threading.RLock()  # a client is one connection
        self._client: Any = None
        self._database: Database | None = None
        self._types: dict[tuple[Kind, str], int] = {}
        self.where = store.path or store.server or f"{store.host}:{store.port}/{store.database}"

    def call(self, work: Callable[[Any, bool], Done]) -> Done:
        """Do work with the client, again where it is worth it.

        Args:
            work: gets the client, and whether an earlier try may be recorded.

        Raises:
            StoreError: the library refused something, or a server did not come back.
        """
        patience, again, opened = Patience(self._store.retry_seconds), False, self._client is not None
        while True:
            try:
                with self._lock:
                    return work(self._opened(), again)
            except errors.StatusError as error:
                lost = isinstance(error, errors.UnavailableError | errors.DeadlineExceededError)
                lost = lost or bool(_GONE.search(str(error)))
                busy = isinstance(error, errors.AbortedError) or bool(_BUSY.search(str(error)))
                if not (busy or (lost and opened)) or not patience.wait():
                    raise self._explain(error, lost) from error
                if lost:
                    again, self._client = True, None

    def type_id(self, kind: Kind, name: str) -> int:
        """Return the id of a type; that of an artifact is made when it is new."""
        if (kind, name) not in self._types:
            self._make_type(kind, name)
        return self._types[kind, name]

    def _opened(self) -> Any:
        if self._client is None:
            self._prepare()
            self._client = ml_metadata.MetadataStore(self._config())
            for kind, name in TYPES:
                self.type_id(kind, name)
            self._client.get_contexts(ml_metadata.ListOptions(limit=1))
        return self._client

    def _prepare(self) -> None:
        if self._database is not None or self._store.server is not None:
            return
        database = self._tables().open_database()
        database.prepare()
        self._database, self._types = database, dict(database.types)

    def _tables(self) -> SQLiteMetadataStore | MySQLMetadataStore:
        store = self._store
        if store.path is not None:
            return SQLiteMetadataStore(path=store.path)
        return MySQLMetadataStore(
            host=store.host or "",
            port=store.port,
            username=store.username,
            password=store.password,
            database=store.database,
            retry_seconds=store.retry_seconds,
        )

    def _config(self) -> Any:
        store, config = self._store, proto.ConnectionConfig()
        if store.server is not None:
            host, _, port = store.server.rpartition(":")
            return proto.MetadataStoreClientConfig(host=host, port=int(port), client_timeout_sec=store.timeout)
        if store.path is not None:
            config.sqlite.filename_uri = str(Path(store.path).expanduser().absolute())
            config.sqlite.connection_mode = proto.SqliteMetadataSourceConfig.READWRITE
            return config
        config.mysql.host, config.mysql.port = store.host, store.port
        config.mysql.user, config.mysql.database = store.username or "", store.database
        config.mysql.password = store.password.reveal() if store.password else ""
        config.mysql.skip_db_creation = True
        return config

    def _make_type(self, kind: Kind, name: str) -> None:
        if self._database is not None:
            self._database.add_artifact_types([name.removeprefix(artifact_type(""))])
            self._types = dict(self._database.types)
            return
        word, message = _KINDS[kind]
        type_ = message(name=name)
        for field, data_type in TYPES.get((kind, name), ARTIFACT_PROPERTIES).items():
            type_.properties[field.value] = data_type.value
        put = getattr(self._client, f"put_{word}_type")
        self._types[kind, name] = put(type_, can_add_fields=True, can_omit_fields=True)

    def _explain(self, error: Exception, lost: bool) -> StoreError:
        message = redact(str(error)).strip().partition("\n")[0]
        if lost:
            mend = "Start it, or check the network between; what was recorded before stays"
            return StoreError(f"the metadata server does not answer: {message}", self.where, mend)
        return StoreError(f"the metadata store failed: {message}", self.where)
