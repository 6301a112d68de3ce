"""Writer: what a metadata store records of runs and steps, within one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, and_, bindparam, delete, false, func, or_, select, true, update

from zenml.errors import StoreError
from zenml.metadata import schema as s
from zenml.metadata.database import Database
from zenml.metadata.model import BEAT, FORGOTTEN, Field, Kind, Name, attempt_name, step_name
from zenml.metadata.records import ArtifactRecord, Owner, RunRecord, State
from zenml.metadata.rows import Rows
from zenml.metadata.statement import Cursor, Statement
from zenml.metadata.store import AttemptEnded

_ID: BindParameter[int] = bindparam("of_id")
_TYPE: BindParameter[int] = bindparam("of_type")
_NAME: BindParameter[str] = bindparam("of_name")


def _is(properties: Any, owner: Any, field: Field) -> Any:
    return and_(properties.c[0] == owner, properties.c.name == field.value, properties.c.is_custom_property == false())


_run_state, _step = s.context_property, s.execution_property
_run_pid, _run_started = s.context_property.alias("owner_pid"), s.context_property.alias("owner_started")
_LOCK_RUN = Statement(
    select(s.context.c.id).where(s.context.c.type_id == _TYPE, s.context.c.name == _NAME).with_for_update()
)
_RUN = Statement(
    select(s.context.c.id, _run_state.c.string_value, _run_pid.c.string_value, _run_started.c.string_value)
    .outerjoin(_run_state, _is(_run_state, s.context.c.id, Field.STATE))
    .outerjoin(_run_pid, _is(_run_pid, s.context.c.id, Field.OWNER_PID))
    .outerjoin(_run_started, _is(_run_started, s.context.c.id, Field.OWNER_STARTED))
    .where(s.context.c.type_id == _TYPE, s.context.c.name == _NAME)
)
_STEP = Statement(
    select(s.execution.c.id, _step.c.string_value)
    .outerjoin(_step, _is(_step, s.execution.c.id, Field.STATE))
    .where(s.execution.c.type_id == _TYPE, s.execution.c.name == _NAME)
)
_STEPS = Statement(
    select(s.execution.c.id, _step.c.string_value, s.execution.c.name)
    .join(s.association, s.association.c.execution_id == s.execution.c.id)
    .join(_step, _is(_step, s.execution.c.id, Field.STATE))
    .where(s.association.c.context_id == _ID, s.execution.c.type_id == _TYPE)
)
_ATTEMPT = Statement(select(_step.c.string_value).where(_is(_step, _ID, Field.ATTEMPT)))
_BEAT = Statement(
    select(_run_state.c.double_value).where(
        _run_state.c.context_id == _ID, _run_state.c.name == BEAT, _run_state.c.is_custom_property == true()
    )
)
_FORGET_TRIED = Statement(delete(_step).where(_is(_step, _ID, Field.TRIED_FINGERPRINT)))
_PUBLISHED_WITH = Statement(
    select(_step.c.execution_id).where(
        _step.c.name == Field.FINGERPRINT.value,
        _step.c.is_custom_property == false(),
        s.Same(_step.c.string_value, _NAME),
    )
)
_FORGET_FINGERPRINT = Statement(update(_step).where(_is(_step, _ID, Field.FINGERPRINT)), ("name", "is_custom_property"))
_FORGET_ATTEMPT = Statement(
    delete(_step).where(
        _step.c.execution_id == _ID,
        or_(
            _step.c.is_custom_property == true(),
            and_(*(_step.c.name != field.value for field in (Field.STATE, Field.STEP_TYPE, Field.POSITION))),
        ),
    )
)
_FORGET_END = Statement(
    delete(_run_state).where(
        _run_state.c.context_id == _ID,
        _run_state.c.is_custom_property == false(),
        or_(*(_run_state.c.name == field.value for field in (Field.FINISHED, Field.ERROR))),
    )
)
_PARENT = Statement(
    select(s.parent_context.c.context_id).where(
        s.parent_context.c.context_id == _ID, s.parent_context.c.parent_context_id == bindparam("of_parent")
    )
)
_ALIKE = Statement(
    select(s.context.c.name).where(s.context.c.type_id == _TYPE, func.lower(s.context.c.name) == func.lower(_NAME))
)


def _owned(run: RunRecord, digest: str) -> dict[Field, str]:
    """Return the properties of a run that begins or goes on."""
    return {
        Field.STATE: State.RUNNING,
        Field.SPEC: digest,
        Field.OWNER_HOST: run.owner.host,
        Field.OWNER_PID: str(run.owner.pid),
        Field.OWNER_STARTED: repr(run.owner.started),
    }


class _Place(NamedTuple):
    """A step of a run that is going on: its execution, its run's context, and its exact state."""

    execution: int
    context: int
    state: State


class Writer:
    """Writes within one transaction.

    Args:
        cursor: of a transaction that may write.
        database: the database that it is connected to.
        acting_for: by run, the owner that it must still have.
        now: seconds since the epoch, to be written.
    """

    def __init__(self, cursor: Cursor, database: Database, acting_for: Mapping[str, Owner], now: float) -> None:
        self._cursor = cursor
        self._acting_for = acting_for
        self._rows = Rows(cursor, database, now)
        self._now = repr(now)
        self._database = database

    def start_run(self, run: RunRecord) -> None:
        """Add a run and its steps."""
        parents = [self._pipeline(run.pipeline)]
        digest, spec = self._spec(run.spec)
        parents.append(spec)
        try:
            external = f"{run.pipeline}/{run.id}"
            context = self._rows.add_context(Name.RUN, run.id, external_id=external, parents=parents)
        except self._rows.taken as error:
            raise StoreError(f"a run with the id {run.id} is recorded already", self._rows.where) from error
        declared = {
            **_owned(run, digest),
            Field.PIPELINE: run.pipeline,
            Field.STARTED: self._now if run.started is None else repr(run.started),
        }
        self._rows.set_properties(s.context_property, context, declared, facts=run.facts)
        self._beat(context)
        for position, step in enumerate(run.steps):
            execution = self._rows.add_execution(step_name(run.id, step.id), context)
            static: dict[Field, str | int] = {
                Field.STATE: State.PENDING,
                Field.STEP_TYPE: step.type,
                Field.POSITION: position,
            }
            self._rows.set_properties(s.execution_property, execution, static)

    def resume_run(self, run: RunRecord) -> None:
        """Make a run RUNNING again, and its steps PENDING where they are not published."""
        context, found = self._run(run.id)[:2]
        if found not in (State.FAILED, State.CANCELED, State.LOST):
            raise AttemptEnded(f"the run {run.id} is {found}, so it cannot be resumed", self._rows.where)
        digest, spec = self._spec(run.spec)
        if _PARENT.first(self._cursor, of_id=context, of_parent=spec) is None:
            self._rows.add_parent(context, spec)
        _FORGET_END.run(self._cursor, of_id=context)
        self._rows.set_properties(s.context_property, context, _owned(run, digest), facts=run.facts)
        self._beat(context)
        self._rows.touch_context(context)
        types = {step_name(run.id, step.id): step.type for step in run.steps}
        type_id = self._rows.type_id(Kind.EXECUTION, Name.STEP)
        for execution, state, name in _STEPS.all(self._cursor, of_id=context, of_type=type_id):
            if state not in (State.COMPLETE, State.CACHED):
                _FORGET_ATTEMPT.run(self._cursor, of_id=execution)
                self._rows.drop_outputs(execution)
                self._rows.set_state(execution, State.PENDING, {Field.STEP_TYPE: types[name]})

    def start_step(
        self,
        run: str,
        step: str,
        *,
        attempt: str,
        fingerprint: str,
        inputs: Sequence[ArtifactRecord],
        facts: Mapping[str, str],
    ) -> None:
        """Make a step RUNNING."""
        at = self._place(run, step)
        if at.state is not State.PENDING:
            _FORGET_ATTEMPT.run(self._cursor, of_id=at.execution)
            self._rows.drop_outputs(at.execution)
        declared = {Field.ATTEMPT: attempt, Field.TRIED_FINGERPRINT: fingerprint, Field.STARTED: self._now}
        self._rows.set_state(at.execution, State.RUNNING, declared, facts=facts)
        self._rows.link_inputs(at.execution, inputs)

    def publish_step(
        self,
        run: str,
        step: str,
        *,
        state: State,
        attempt: str,
        fingerprint: str,
        inputs: Sequence[ArtifactRecord],
        outputs: Sequence[ArtifactRecord],
        metrics: Mapping[str, float],
        facts: Mapping[str, str],
    ) -> tuple[ArtifactRecord, ...]:
        """Make a step COMPLETE or CACHED, and its outputs artifacts."""
        if state not in (State.COMPLETE, State.CACHED):
            raise ValueError(f"a step is published as COMPLETE or CACHED, not as {state}")
        at = self._place(run, step)
        self._end_attempt(run, step, attempt)
        field = Field.FINGERPRINT if state is State.COMPLETE else Field.CACHED_FINGERPRINT
        declared = {Field.ATTEMPT: attempt, field: fingerprint, Field.FINISHED: self._now}
        if at.state is State.RUNNING:
            _FORGET_TRIED.run(self._cursor, of_id=at.execution)
        else:
            declared[Field.STARTED] = self._now
        self._rows.set_state(at.execution, state, declared, facts=facts, metrics=metrics)
        self._rows.link_inputs(at.execution, inputs)
        return self._rows.link_outputs(at.execution, at.context, outputs)

    def end_step(
        self,
        run: str,
        step: str,
        *,
        state: State,
        attempt: str,
        error: str,
        outputs: Sequence[ArtifactRecord] = (),
        metrics: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        """End a step that is not published."""
        if state not in (State.FAILED, State.CANCELED, State.SKIPPED):
            raise ValueError(f"a step ends as FAILED, CANCELED or SKIPPED, not as {state}")
        at = self._place(run, step)
        self._end_attempt(run, step, attempt)
        ended = {Field.FINISHED: self._now, Field.ERROR: error}
        self._rows.set_state(at.execution, state, ended, metrics=metrics)
        self._rows.link_outputs(at.execution, at.context, outputs)

    def record_metrics(self, run: str, step: str, metrics: Mapping[str, float]) -> None:
        """Set metrics of a step that is RUNNING."""
        at = self._place(run, step)
        if at.state is State.RUNNING:
            self._rows.set_state(at.execution, State.RUNNING, {}, metrics=metrics)

    def end_run(self, run: str, *, state: State, error: str) -> None:
        """End a run and the steps in it that have not ended."""
        if not state.ended or state in (State.CACHED, State.SKIPPED):
            raise ValueError(f"a run ends as COMPLETE, FAILED, CANCELED or LOST, not as {state}")
        context = self._running(run)
        self._end_steps(run, context, State.FAILED if state is State.COMPLETE else state)
        declared = {Field.STATE: state, Field.FINISHED: self._now, Field.ERROR: error}
        self._rows.set_properties(s.context_property, context, declared)
        self._rows.touch_context(context)

    def beat(self, run: str) -> None:
        """Note that the owner of a run is alive."""
        self._beat(self._running(run))

    def lose_run(self, run: RunRecord) -> bool:
        """Write down as LOST a run that was read; say False when it has ended or given a sign meanwhile."""
        try:
            context = self._running(run.id)
            if _BEAT.scalar(self._cursor, of_id=context) != run.beat:
                return False
            self.end_run(run.id, state=State.LOST, error="the process that ran it is gone")
        except AttemptEnded:
            return False
        return True

    def forget_steps(self, fingerprints: Sequence[str]) -> int:
        """Rename the property by which a look-up in the cache finds published steps; return of how many."""
        forgotten = 0
        for fingerprint in fingerprints:
            for (execution,) in _PUBLISHED_WITH.all(self._cursor, of_name=fingerprint):
                _FORGET_FINGERPRINT.run(self._cursor, of_id=execution, name=FORGOTTEN, is_custom_property=True)
                forgotten += int(self._cursor.driver.rowcount)
                self._rows.touch_execution(execution)
        return forgotten

    def _beat(self, context: int) -> None:
        now = self._database.now(self._cursor.connection)
        self._rows.set_properties(s.context_property, context, {}, beat=now)

    def _pipeline(self, name: str) -> int:
        found = self._rows.context(Name.PIPELINE, name)
        if found is not None:
            return found
        self._rows.lock_type(Kind.CONTEXT, Name.PIPELINE)
        found = self._rows.context(Name.PIPELINE, name)
        if found is not None:
            return found
        type_id = self._rows.type_id(Kind.CONTEXT, Name.PIPELINE)
        alike = _ALIKE.scalar(self._cursor, of_type=type_id, of_name=name)
        if alike is not None:
            raise StoreError(
                f"the pipelines {name} and {alike} differ in upper and lower case only",
                self._rows.where,
                f"Name it {alike}, or choose another name",
            )
        return self._rows.add_context(Name.PIPELINE, name)

    def _spec(self, text: str) -> tuple[str, int]:
        """Keep each text once: it is the same in most runs of a pipeline."""
        digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
        found = self._rows.context(Name.SPEC, digest)
        if found is None:
            self._rows.lock_type(Kind.CONTEXT, Name.SPEC)
            found = self._rows.context(Name.SPEC, digest)
        if found is None:
            found = self._rows.add_context(Name.SPEC, digest)
            self._rows.set_properties(s.context_property, found, {Field.TEXT: text})
        return digest, found

    def _run(self, run: str) -> tuple[int, str, str, str]:
        """Return a run's context, state, and its owner's process id and start."""
        type_id = self._rows.type_id(Kind.CONTEXT, Name.RUN)
        _LOCK_RUN.first(self._cursor, of_type=type_id, of_name=run)  # until the end, nobody else changes the run
        found = _RUN.first(self._cursor, of_type=type_id, of_name=run)
        if found is None:
            raise StoreError(f"there is no run {run}", self._rows.where)
        return int(found[0]), found[1], found[2], found[3]

    def _running(self, run: str) -> int:
        context, state, pid, started = self._run(run)
        if state != State.RUNNING:
            raise AttemptEnded(f"the run {run} has been ended as {state}", self._rows.where)
        owner = self._acting_for.get(run)
        if owner and (pid, started) != (str(owner.pid), repr(owner.started)):
            raise AttemptEnded(f"the run {run} was taken over by another process", self._rows.where)
        return context

    def _place(self, run: str, step: str) -> _Place:
        context = self._running(run)
        type_id = self._rows.type_id(Kind.EXECUTION, Name.STEP)
        found = _STEP.first(self._cursor, of_type=type_id, of_name=step_name(run, step))
        if found is None:
            raise StoreError(f"the run {run} has no step {step}", self._rows.where)
        if found[1] in (State.COMPLETE, State.CACHED):
            raise AttemptEnded(f"the step {step} of the run {run} is published already", self._rows.where)
        return _Place(int(found[0]), context, State(found[1]))

    def _end_steps(self, run: str, context: int, state: State) -> None:
        type_id = self._rows.type_id(Kind.EXECUTION, Name.STEP)
        for execution, found, name in _STEPS.all(self._cursor, of_id=context, of_type=type_id):
            if found == State.RUNNING:
                attempt = _ATTEMPT.scalar(self._cursor, of_id=execution) or ""
                self._end_attempt(run, name.partition("/")[2], attempt)
                self._rows.set_state(execution, state, {Field.FINISHED: self._now})
            elif found == State.PENDING:
                self._rows.set_state(execution, State.SKIPPED, {})

    def _end_attempt(self, run: str, step: str, attempt: str) -> None:
        if not attempt:
            return
        try:
            self._rows.add_context(Name.ATTEMPT_END, attempt_name(run, step, attempt))
        except self._rows.taken as error:
            raise AttemptEnded(
                f"the attempt {attempt} at the step {step} of the run {run} was ended by another process",
                self._rows.where,
            ) from error
