"""Which artifacts a relational metadata store refers to."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, select

from zenml.metadata import schema as s

_CHUNK = 500
_URIS = select(s.artifact.c.uri).where(s.artifact.c.uri.in_(bindparam("uris", expanding=True)))


def recorded_uris(connection: Connection, uris: Collection[str]) -> set[str]:
    """Return those of the URIs at which a recorded artifact is; they are found by the schema's index on URIs."""
    wanted, found = list(uris), set[str]()
    for start in range(0, len(wanted), _CHUNK):
        found.update(connection.scalars(_URIS, {"uris": wanted[start : start + _CHUNK]}))
    return found.intersection(wanted)
