"""Which artifacts a relational metadata store refers to, and which steps do."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import Connection, bindparam, select

from zenml.metadata import schema as s

_CHUNK = 500
_URIS = select(s.artifact.c.uri).where(s.artifact.c.uri.in_(bindparam("uris", expanding=True)))
_EXECUTIONS = (
    select(s.execution.c.id)
    .distinct()
    .join(s.event, s.event.c.execution_id == s.execution.c.id)
    .join(s.artifact, s.artifact.c.id == s.event.c.artifact_id)
    .where(s.artifact.c.uri.in_(bindparam("uris", expanding=True)), s.execution.c.type_id == bindparam("type"))
)


def recorded_uris(connection: Connection, uris: Collection[str]) -> set[str]:
    """Return those of the URIs at which a recorded artifact is; they are found by the schema's index on URIs."""
    found = {uri for chunk in _chunks(uris) for uri in connection.scalars(_URIS, {"uris": chunk})}
    return found.intersection(uris)


def executions_with(connection: Connection, uris: Collection[str], type_: int) -> list[int]:
    """Return the ids of executions of a type that read or gave an artifact at one of the URIs, newest first."""
    found = {id_ for chunk in _chunks(uris) for id_ in connection.scalars(_EXECUTIONS, {"uris": chunk, "type": type_})}
    return sorted(found, reverse=True)


def _chunks(uris: Collection[str]) -> Iterator[list[str]]:
    wanted = list(uris)
    return (wanted[start : start + _CHUNK] for start in range(0, len(wanted), _CHUNK))
