"""Rows: adding and changing single nodes of ML Metadata's model (contexts, executions, artifacts, events)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import BindParameter, Table, and_, bindparam, delete, false, func, insert, select, true, update

from zenml.metadata import schema as s
from zenml.metadata.database import Database
from zenml.metadata.model import (
    BEAT,
    EXECUTION_STATES,
    FACT,
    LIVE,
    METRIC,
    MORE,
    EventType,
    Field,
    Kind,
    Name,
    artifact_type,
    base_name,
    pieces,
)
from zenml.metadata.properties import number, storable
from zenml.metadata.records import ArtifactRecord, State
from zenml.metadata.statement import Cursor, Statement

_ID: BindParameter[int] = bindparam("of_id")
_TYPE: BindParameter[int] = bindparam("of_type")
_CREATED, _UPDATED = "create_time_since_epoch", "last_update_time_since_epoch"

_ADD_CONTEXT = Statement(insert(s.context), ("type_id", "name", "external_id", _CREATED, _UPDATED))
_TOUCH_CONTEXT = Statement(update(s.context).where(s.context.c.id == _ID), (_UPDATED,))
_ADD_PARENT = Statement(insert(s.parent_context), ("context_id", "parent_context_id"))
_CONTEXT = Statement(
    select(s.context.c.id).where(s.context.c.type_id == _TYPE, s.Same(s.context.c.name, bindparam("of_name")))
)
_LOCK_TYPE = Statement(select(s.type_.c.id).where(s.type_.c.id == _ID).with_for_update())
_ADD_EXECUTION = Statement(insert(s.execution), ("type_id", "last_known_state", "name", _CREATED, _UPDATED))
_SET_EXECUTION = Statement(update(s.execution).where(s.execution.c.id == _ID), ("last_known_state", _UPDATED))
_TOUCH_EXECUTION = Statement(update(s.execution).where(s.execution.c.id == _ID), (_UPDATED,))
_ASSOCIATE = Statement(insert(s.association), ("context_id", "execution_id"))

_ADD_ARTIFACT = Statement(insert(s.artifact), ("type_id", "uri", "state", _CREATED, _UPDATED))
_ARTIFACT_AT = Statement(
    select(func.max(s.artifact.c.id)).where(s.artifact.c.uri == bindparam("of_uri"), s.artifact.c.type_id == _TYPE)
)
_ATTRIBUTED = Statement(
    select(s.attribution.c.id).where(s.attribution.c.context_id == _ID, s.attribution.c.artifact_id == bindparam("of"))
)
_ATTRIBUTE = Statement(insert(s.attribution), ("context_id", "artifact_id"))


def _piece(table: Table) -> Any:
    return and_(table.columns[0] == _ID, table.c.is_custom_property == true())


_PROPERTIES = (s.context_property, s.execution_property, s.artifact_property)
_MORE = {t.name: Statement(select(t.c.name).where(_piece(t), t.c.name.startswith(MORE))) for t in _PROPERTIES}
_DROP_MORE = {t.name: Statement(delete(t).where(_piece(t), t.c.name == bindparam("of_name"))) for t in _PROPERTIES}

_INPUTS = Statement(
    select(s.event.c.id, s.event.c.artifact_id, s.event_path.c.step_key)
    .outerjoin(s.event_path, and_(s.event_path.c.event_id == s.event.c.id, s.event_path.c.is_index_step == false()))
    .where(s.event.c.execution_id == _ID, s.event.c.type == EventType.INPUT.value)
)
_OUTPUTS = Statement(
    select(s.event.c.id).where(s.event.c.execution_id == _ID, s.event.c.type == EventType.OUTPUT.value)
)
_DROP_EVENT = Statement(delete(s.event).where(s.event.c.id == _ID))
_DROP_PATHS = Statement(delete(s.event_path).where(s.event_path.c.event_id == _ID))
_ADD_EVENT = Statement(insert(s.event), ("artifact_id", "execution_id", "type", "milliseconds_since_epoch"))
_ADD_PATH = Statement(insert(s.event_path), ("event_id", "is_index_step", "step_index", "step_key"))


class Rows:
    """Changes rows within one transaction.

    Args:
        cursor: of a transaction that may write.
        database: knows the types, and how to replace a property.
        now: seconds since the epoch, to be written.
    """

    def __init__(self, cursor: Cursor, database: Database, now: float) -> None:
        self.cursor = cursor
        self.where = database.where
        self._stamp = int(now * 1000)
        self._database = database
        self.taken = database.taken

    def type_id(self, kind: Kind, name: str) -> int:
        """Return the id of a type."""
        return self._database.types[kind, name]

    def lock_type(self, kind: Kind, name: str) -> None:
        """Wait for other transactions that add what must be there once, and let none begin to before this one ends."""
        _LOCK_TYPE.first(self.cursor, of_id=self.type_id(kind, name))

    def context(self, type_: Name, name: str) -> int | None:
        """Return the id of the context of that name."""
        found: int | None = _CONTEXT.scalar(self.cursor, of_type=self.type_id(Kind.CONTEXT, type_), of_name=name)
        return found

    def add_context(
        self, type_: Name, name: str, *, external_id: str | None = None, parents: Iterable[int] = ()
    ) -> int:
        """Add a context under its parents, and return its id; `self.taken` is raised when it has that name already."""
        type_id = self.type_id(Kind.CONTEXT, type_)
        id_ = self._insert(_ADD_CONTEXT, type_id=type_id, name=name, external_id=external_id)
        for parent in parents:
            self.add_parent(id_, parent)
        return id_

    def add_parent(self, context: int, parent: int) -> None:
        """Put a context under another one too."""
        _ADD_PARENT.run(self.cursor, context_id=context, parent_context_id=parent)

    def touch_context(self, id_: int) -> None:
        """Note that a context changed."""
        _TOUCH_CONTEXT.run(self.cursor, of_id=id_, last_update_time_since_epoch=self._stamp)

    def add_execution(self, name: str, context: int) -> int:
        """Add a PENDING execution to a context, and return its id."""
        type_id = self.type_id(Kind.EXECUTION, Name.STEP)
        id_ = self._insert(_ADD_EXECUTION, type_id=type_id, last_known_state=EXECUTION_STATES[State.PENDING], name=name)
        _ASSOCIATE.run(self.cursor, context_id=context, execution_id=id_)
        return id_

    def touch_execution(self, id_: int) -> None:
        """Note that an execution changed."""
        _TOUCH_EXECUTION.run(self.cursor, of_id=id_, last_update_time_since_epoch=self._stamp)

    def set_state(
        self,
        execution: int,
        state: State,
        declared: Mapping[Field, str],
        *,
        facts: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Change an execution's state, and the properties that go with it."""
        _SET_EXECUTION.run(
            self.cursor,
            of_id=execution,
            last_known_state=EXECUTION_STATES[state],
            last_update_time_since_epoch=self._stamp,
        )
        states = {**declared, Field.STATE: state}
        self.set_properties(s.execution_property, execution, states, facts=facts, metrics=metrics)

    def set_properties(
        self,
        table: Table,
        owner: int,
        declared: Mapping[Field, str | int],
        *,
        facts: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        beat: float | None = None,
    ) -> None:
        """Set properties of the node `owner`; an empty text is left out."""
        values: list[tuple[bool, str, str | int | float]] = [
            (False, name.value, value) for name, value in declared.items()
        ]
        values += [(True, FACT + name, value) for name, value in (facts or {}).items()]
        values += [(True, METRIC + name, number(value)) for name, value in (metrics or {}).items()]
        values += [] if beat is None else [(True, BEAT, beat)]
        key = table.columns[0].name
        limit = self._database.text_bytes
        if limit is not None:
            self._forget_more(table, owner, {name for _, name, _ in values})
            values = [
                piece
                for custom, name, value in values
                for piece in (
                    _pieces(name, custom, value, limit) if isinstance(value, str) else [(custom, name, value)]
                )
            ]
        rows = [
            {
                key: owner,
                "name": name,
                "is_custom_property": custom,
                "int_value": value if isinstance(value, int) else None,
                "double_value": value if isinstance(value, float) else None,
                "string_value": storable(value) if isinstance(value, str) else None,
            }
            for custom, name, value in values
            if value != ""
        ]
        self._database.upsert(table).run_many(self.cursor, rows)

    def _forget_more(self, table: Table, owner: int, names: Container[str]) -> None:
        """Remove the further pieces of texts that are about to be set."""
        for (piece,) in _MORE[table.name].all(self.cursor, of_id=owner):
            if base_name(piece) in names:
                _DROP_MORE[table.name].run(self.cursor, of_id=owner, of_name=piece)

    def link_inputs(self, execution: int, inputs: Iterable[ArtifactRecord]) -> None:
        """Make these the inputs of an execution."""
        wanted = [replace(artifact, id=self._artifact_id(artifact)) for artifact in inputs]
        found = _INPUTS.all(self.cursor, of_id=execution)
        if {(artifact, name) for _, artifact, name in found} == {(row.id, row.name) for row in wanted}:
            return
        self._drop({row[0] for row in found})
        self._link(execution, EventType.INPUT, wanted)

    def link_outputs(
        self, execution: int, context: int, outputs: Iterable[ArtifactRecord]
    ) -> tuple[ArtifactRecord, ...]:
        """Add outputs to an execution and its context, new artifacts where they have no id; return them with ids."""
        published = tuple(replace(output, id=output.id or self._add_artifact(output)) for output in outputs)
        self._link(execution, EventType.OUTPUT, published)
        for id_ in sorted({artifact.id for artifact in published}):
            if _ATTRIBUTED.scalar(self.cursor, of_id=context, of=id_) is None:
                _ATTRIBUTE.run(self.cursor, context_id=context, artifact_id=id_)
        return published

    def drop_outputs(self, execution: int) -> None:
        """Let nothing be an output of an execution; the artifacts stay."""
        self._drop(event for (event,) in _OUTPUTS.all(self.cursor, of_id=execution))

    def _drop(self, events: Iterable[int]) -> None:
        for event in events:
            _DROP_PATHS.run(self.cursor, of_id=event)
            _DROP_EVENT.run(self.cursor, of_id=event)

    def _link(self, execution: int, type_: EventType, artifacts: Iterable[ArtifactRecord]) -> None:
        """Add one event per artifact, as the schema demands, whose path holds every name that it is used under."""
        names: dict[int, list[str]] = defaultdict(list)
        for artifact in artifacts:
            names[artifact.id].append(artifact.name)
        for id_, keys in names.items():
            event = _ADD_EVENT.insert(
                self.cursor,
                artifact_id=id_,
                execution_id=execution,
                type=type_.value,
                milliseconds_since_epoch=self._stamp,
            )
            path: list[dict[str, Any]] = []
            for key in keys:
                path.append({"event_id": event, "is_index_step": False, "step_index": None, "step_key": key})
                path.append({"event_id": event, "is_index_step": True, "step_index": 0, "step_key": None})
            _ADD_PATH.run_many(self.cursor, path)

    def _artifact_id(self, artifact: ArtifactRecord) -> int:
        """Return the row of an input; one that no step of this store made is added."""
        if artifact.id:
            return artifact.id
        type_id = self.type_id(Kind.ARTIFACT, artifact_type(artifact.type))
        found: int | None = _ARTIFACT_AT.scalar(self.cursor, of_uri=artifact.uri, of_type=type_id)
        if found is None:
            self.lock_type(Kind.ARTIFACT, artifact_type(artifact.type))
            found = _ARTIFACT_AT.scalar(self.cursor, of_uri=artifact.uri, of_type=type_id)
        return self._add_artifact(artifact) if found is None else found

    def _add_artifact(self, artifact: ArtifactRecord) -> int:
        type_id = self.type_id(Kind.ARTIFACT, artifact_type(artifact.type))
        id_ = self._insert(_ADD_ARTIFACT, type_id=type_id, uri=artifact.uri, state=LIVE)
        self.set_properties(s.artifact_property, id_, {Field.DIGEST: artifact.digest})
        return id_

    def _insert(self, statement: Statement, **values: Any) -> int:
        times = {_CREATED: self._stamp, _UPDATED: self._stamp}
        return statement.insert(self.cursor, **values, **times)


def _pieces(name: str, custom: bool, text: str, limit: int) -> list[tuple[bool, str, str | int | float]]:
    return [(is_custom, piece, part) for piece, is_custom, part in pieces(name, custom, text, limit)]
