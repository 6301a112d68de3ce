"""Reader: the queries of a metadata store, from rows to records.

Every list is found by an index of the schema first, as a list of ids; what belongs to these is then read by id in
bounded chunks. So no plan depends on a database's statistics.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, bindparam, false, func, select

from zenml.metadata import schema as s
from zenml.metadata.database import Database
from zenml.metadata.model import EventType, Field, Kind, Name
from zenml.metadata.properties import Properties, by_name, run_record, step_record, with_silence
from zenml.metadata.records import ArtifactRecord, RunRecord, State, StepRecord
from zenml.metadata.references import executions_with
from zenml.metadata.statement import Cursor, Statement

Row = TypeVar("Row")

_CHUNK = 500

_VALUES = ("name", "is_custom_property", "string_value", "double_value", "int_value")
_IDS: Any = bindparam("ids", expanding=True)


def _by_owner(table: Table) -> Any:
    owner = table.columns[0]
    return select(owner, *(table.c[name] for name in _VALUES)).where(owner.in_(_IDS))


_CONTEXT_PROPERTIES = _by_owner(s.context_property)
_EXECUTION_PROPERTIES = _by_owner(s.execution_property)

_CONTEXT = Statement(
    select(s.context.c.id).where(s.context.c.type_id == bindparam("type"), s.context.c.name == bindparam("name"))
)
_contexts = select(s.context.c.id, s.context.c.name).where(s.context.c.type_id == bindparam("type"))
_CONTEXTS = Statement(_contexts)
_NEWEST_RUNS = Statement(_contexts.order_by(s.context.c.name.desc()).limit(bindparam("limit")))
_NEWEST_RUNS_OF = Statement(
    select(s.context.c.id, s.context.c.name)
    .where(
        s.context.c.external_id > bindparam("prefix"),
        s.context.c.external_id < bindparam("high"),
        s.Same(func.substr(s.context.c.external_id, 1, bindparam("size")), bindparam("prefix")),
        s.context.c.type_id + 0 == bindparam("type"),  # the sum keeps the plan to the index on external ids
    )
    .order_by(s.context.c.external_id.desc())
    .limit(bindparam("limit"))
)
_WITH_STATE = Statement(
    select(s.context.c.id, s.context.c.name)
    .join(s.context_property, s.context_property.c.context_id == s.context.c.id)
    .where(
        s.context_property.c.name == Field.STATE.value,
        s.context_property.c.is_custom_property == false(),
        s.context_property.c.string_value == bindparam("state"),
        s.context.c.type_id + 0 == bindparam("type"),  # the sum keeps the plan to the index on values
    )
)
_EXECUTIONS_OF = Statement(
    select(s.execution.c.id, s.execution.c.name)
    .join(s.association, s.association.c.execution_id == s.execution.c.id)
    .where(s.association.c.context_id == bindparam("run"), s.execution.c.type_id == bindparam("type"))
    .order_by(s.execution.c.id)
)
_NEWEST_EXECUTIONS = Statement(
    select(s.execution.c.id)
    .where(s.execution.c.type_id + 0 == bindparam("type"))  # the sum keeps the plan to the ids, newest first
    .order_by(s.execution.c.id.desc())
    .limit(bindparam("limit"))
)
_NEWEST_WITH = Statement(
    select(s.execution_property.c.execution_id)
    .where(
        s.execution_property.c.name == bindparam("field"),
        s.execution_property.c.is_custom_property == false(),
        s.Same(s.execution_property.c.string_value, bindparam("value")),
    )
    .order_by(s.Inserted(s.execution_property).desc())
    .limit(bindparam("limit"))
)
_EXECUTION_NAMES = select(s.execution.c.id, s.execution.c.name).where(s.execution.c.id.in_(_IDS))
_ARTIFACTS = (
    select(
        s.event.c.execution_id,
        s.event.c.type,
        s.event_path.c.step_key,
        s.artifact.c.id,
        s.artifact.c.uri,
        s.type_.c.name,
        s.artifact_property.c.string_value,
    )
    .join(s.event_path, s.event_path.c.event_id == s.event.c.id)
    .join(s.artifact, s.artifact.c.id == s.event.c.artifact_id)
    .join(s.type_, s.type_.c.id == s.artifact.c.type_id)
    .outerjoin(
        s.artifact_property,
        (s.artifact_property.c.artifact_id == s.artifact.c.id)
        & (s.artifact_property.c.name == Field.DIGEST.value)
        & (s.artifact_property.c.is_custom_property == false()),
    )
    .where(s.event.c.execution_id.in_(_IDS), s.event_path.c.is_index_step == false())
)

_ALL = 2**31 - 1


class Reader:
    """Reads within one transaction.

    Args:
        connection: with a transaction begun.
        database: knows the ids of the types, and the time.
    """

    def __init__(self, connection: Connection, database: Database) -> None:
        self._connection = connection
        self._cursor = Cursor(connection)
        self._database = database
        self._types = database.types

    def run(self, run: str) -> RunRecord | None:
        """Return the run named `run`, with its spec and steps."""
        id_ = self._context(Name.RUN, run)
        if id_ is None:
            return None
        properties = self._properties(_CONTEXT_PROPERTIES, [id_])[id_]
        type_ = self._types[Kind.EXECUTION, Name.STEP]
        steps = self._steps(dict(_EXECUTIONS_OF.all(self._cursor, run=id_, type=type_)))
        spec = self._spec(properties.declared.get(Field.SPEC, ""))
        return replace(self._run_record(run, properties), spec=spec, steps=tuple(step for _, step in steps.values()))

    def runs(self, pipeline: str | None, limit: int | None) -> list[RunRecord]:
        """Return runs, newest first, without specs and steps."""
        type_, bound = self._types[Kind.CONTEXT, Name.RUN], _ALL if limit is None else limit
        if pipeline is None:
            found = _NEWEST_RUNS.all(self._cursor, type=type_, limit=bound)
        else:  # a run id is an r, letters and digits: in every locale before this one
            prefix, high = f"{pipeline}/", f"{pipeline}/{'z' * 24}"
            found = _NEWEST_RUNS_OF.all(
                self._cursor, type=type_, limit=bound, prefix=prefix, high=high, size=len(prefix)
            )
        return list(self._runs(found))

    def running(self) -> list[RunRecord]:
        """Return all RUNNING runs, without specs and steps."""
        found = _WITH_STATE.all(self._cursor, type=self._types[Kind.CONTEXT, Name.RUN], state=State.RUNNING.value)
        return list(self._runs(sorted(found, key=lambda row: row[1])))

    def pipelines(self) -> list[str]:
        """Return the names of all pipelines, oldest first."""
        found = _CONTEXTS.all(self._cursor, type=self._types[Kind.CONTEXT, Name.PIPELINE])
        return [name for _, name in sorted(found)]

    def steps(self, type_: str | None, limit: int | None) -> list[tuple[str, StepRecord]]:
        """Return (run id, step), newest first, optionally of one step type."""
        if type_ is None:
            type_id, bound = self._types[Kind.EXECUTION, Name.STEP], _ALL if limit is None else limit
            ids = [id_ for (id_,) in _NEWEST_EXECUTIONS.all(self._cursor, type=type_id, limit=bound)]
        else:
            ids = self._newest_with(Field.STEP_TYPE, type_, limit)
        return [step for chunk in _chunks(ids) for step in self._named_steps(chunk)]

    def published(self, fingerprint: str, limit: int) -> list[StepRecord]:
        """Return the newest COMPLETE steps with that fingerprint."""
        ids = self._newest_with(Field.FINGERPRINT, fingerprint, limit)
        return [step for _, step in self._named_steps(ids)]

    def steps_with(self, uris: Collection[str]) -> list[tuple[str, StepRecord]]:
        """Return (run id, step) of the steps that read or gave an artifact at one of the URIs, newest first."""
        ids = executions_with(self._connection, uris, self._types[Kind.EXECUTION, Name.STEP])
        return [step for chunk in _chunks(ids) for step in self._named_steps(chunk)]

    def _newest_with(self, field: Field, value: str, limit: int | None) -> list[int]:
        bound = _ALL if limit is None else limit
        found = _NEWEST_WITH.all(self._cursor, field=field.value, value=value, limit=bound)
        return [id_ for (id_,) in found]

    def _context(self, type_: Name, name: str) -> int | None:
        found: int | None = _CONTEXT.scalar(self._cursor, type=self._types[Kind.CONTEXT, type_], name=name)
        return found

    def _spec(self, digest: str) -> str:
        id_ = self._context(Name.SPEC, digest)
        if id_ is None:
            return ""
        return str(self._properties(_CONTEXT_PROPERTIES, [id_])[id_].declared.get(Field.TEXT, ""))

    def _runs(self, found: Sequence[tuple[int, str]]) -> Iterator[RunRecord]:
        for chunk in _chunks(found):
            properties = self._properties(_CONTEXT_PROPERTIES, [id_ for id_, _ in chunk])
            for id_, name in chunk:
                yield self._run_record(name, properties[id_])

    def _run_record(self, name: str, properties: Properties) -> RunRecord:
        run = run_record(name, properties)
        return with_silence(run, self._database.now(self._connection)) if run.state is State.RUNNING else run

    def _named_steps(self, ids: Sequence[int]) -> list[tuple[str, StepRecord]]:
        if not ids:
            return []
        rows = self._connection.execute(_EXECUTION_NAMES, {"ids": ids}).all()
        names: dict[int, str] = dict(tuple(row) for row in rows)
        steps = self._steps(names)
        return [steps[id_] for id_ in ids]

    def _steps(self, names: Mapping[int, str]) -> dict[int, tuple[str, StepRecord]]:
        if not names:
            return {}
        ids = list(names)
        properties = self._properties(_EXECUTION_PROPERTIES, ids)
        artifacts: dict[tuple[int, int], list[ArtifactRecord]] = defaultdict(list)
        for execution, event, name, id_, uri, type_, digest in self._connection.execute(_ARTIFACTS, {"ids": ids}):
            artifact = ArtifactRecord(name, type_.removeprefix("zenml."), uri or "", digest or "", id_)
            artifacts[execution, event].append(artifact)
        return {
            id_: (
                names[id_].partition("/")[0],
                step_record(
                    names[id_].partition("/")[2],
                    properties[id_],
                    inputs=by_name(artifacts[id_, EventType.INPUT]),
                    outputs=by_name(artifacts[id_, EventType.OUTPUT]),
                ),
            )
            for id_ in sorted(ids, key=lambda id_: properties[id_].declared.get(Field.POSITION) or 0)
        }

    def _properties(self, query: Any, ids: Sequence[int]) -> dict[int, Properties]:
        found: dict[int, Properties] = {id_: Properties() for id_ in ids}
        for id_, name, custom, string, double, integer in self._connection.execute(query, {"ids": ids}):
            value = string if string is not None else double if double is not None else integer
            found[id_].add(name, bool(custom), value)
        for properties in found.values():
            properties.join()
        return found


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    return (rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK))
