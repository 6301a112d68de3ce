"""Writer: what a store records of runs and steps, each as one request of the library."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from ml_metadata.errors import AlreadyExistsError
from ml_metadata.proto import metadata_store_pb2 as proto

from zenml.errors import StoreError
from zenml.metadata.model import (
    BEAT,
    EXECUTION_STATES,
    FORGOTTEN,
    LIVE,
    EventType,
    Field,
    Kind,
    Name,
    artifact_type,
    attempt_name,
    step_name,
)
from zenml.metadata.records import ArtifactRecord, Owner, RunRecord, State
from zenml.metadata.store import AttemptEnded
from zenml_mlmd.library import Library
from zenml_mlmd.nodes import forget_attempt, put_values
from zenml_mlmd.reading import INPUTS, Reader, properties_of, record_of

_LIFE = "life"
"""Custom property of a run: how often it was resumed."""


class Writer:
    """Writes through a client of ml-metadata.

    Args:
        client: the client.
        library: knows the types.
        acting_for: by run, the owner that it must still have.
        now: seconds since the epoch, to be written.
    """

    def __init__(self, client: Any, library: Library, acting_for: Mapping[str, Owner], now: float) -> None:
        self._client = client
        self._library = library
        self._acting_for = acting_for
        self._now = repr(now)
        self._reader = Reader(client)

    def start_run(self, run: RunRecord) -> None:
        """Add a run and its steps, then put it under its pipeline and spec."""
        if self._client.get_context_by_type_and_name(Name.RUN.value, run.id) is not None:
            raise StoreError(f"a run with the id {run.id} is recorded already", self._library.where)
        parents = [self._pipeline(run.pipeline), self._spec(run.spec)]
        context = self._context(Name.RUN, run.id)
        context.external_id = f"{run.pipeline}/{run.id}"
        started = self._now if run.started is None else repr(run.started)
        declared = {**_owned(run), Field.PIPELINE: run.pipeline, Field.STARTED: started}
        put_values(context, declared, facts=run.facts, beat=float(self._now))
        executions = []
        for position, step in enumerate(run.steps):
            execution = proto.Execution(
                type_id=self._library.type_id(Kind.EXECUTION, Name.STEP), name=step_name(run.id, step.id)
            )
            put_values(execution, {Field.STEP_TYPE: step.type, Field.POSITION: position})
            executions.append(_in_state(execution, State.PENDING))
        try:
            _, _, (id_,) = self._client.put_lineage_subgraph(executions, [], [context], [])
        except AlreadyExistsError as error:
            raise StoreError(f"a run with the id {run.id} is recorded already", self._library.where) from error
        self._client.put_parent_contexts([proto.ParentContext(child_id=id_, parent_id=parent) for parent in parents])

    def resume_run(self, run: RunRecord) -> None:
        """Make a run RUNNING again, and its steps PENDING where they are not published."""
        context = self._run(run.id)
        before = properties_of(context)
        if before.state() not in (State.FAILED, State.CANCELED, State.LOST):
            raise AttemptEnded(f"the run {run.id} is {before.state()}, so it cannot be resumed", self._library.where)
        guard = self._context(Name.ATTEMPT_END, _end_name(run.id, context, "resumed"))
        self._spec(run.spec)
        for field in (Field.FINISHED, Field.ERROR):
            context.properties.pop(field.value, None)
        context.custom_properties[_LIFE].int_value += 1
        put_values(context, _owned(run), facts=run.facts, beat=float(self._now))
        types = {step_name(run.id, step.id): step.type for step in run.steps}
        again = []
        for execution in self._reader.executions(context.id):
            if properties_of(execution).state() not in (State.COMPLETE, State.CACHED):
                forget_attempt(execution)
                put_values(execution, {Field.STEP_TYPE: types[execution.name]})
                again.append(_in_state(execution, State.PENDING))
        try:
            self._client.put_lineage_subgraph(again, [], [context, guard], [])
        except AlreadyExistsError as error:
            raise AttemptEnded(f"the run {run.id} was taken over by another process", self._library.where) from error

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
        _, execution = self._place(run, step)
        forget_attempt(execution)
        used = [[artifact.name, self._stored(artifact).id] for artifact in inputs]
        if used:
            execution.custom_properties[INPUTS].string_value = json.dumps(used)
        declared = {Field.ATTEMPT: attempt, Field.TRIED_FINGERPRINT: fingerprint, Field.STARTED: self._now}
        put_values(execution, declared, facts=facts)
        self._client.put_executions([_in_state(execution, State.RUNNING)])

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
        context, execution = self._place(run, step)
        field = Field.FINGERPRINT if state is State.COMPLETE else Field.CACHED_FINGERPRINT
        declared = {Field.ATTEMPT: attempt, field: fingerprint, Field.FINISHED: self._now}
        if properties_of(execution).state() is not State.RUNNING:
            declared[Field.STARTED] = self._now
        execution.properties.pop(Field.TRIED_FINGERPRINT.value, None)
        execution.custom_properties.pop(INPUTS, None)
        put_values(execution, declared, facts=facts, metrics=metrics)
        nodes: list[tuple[Any, Any]] = []
        made: list[str] = []
        for kind, artifacts in ((EventType.INPUT, inputs), (EventType.OUTPUT, outputs)):
            for node, names in self._grouped(kind, artifacts):
                nodes.append((node, _event(kind, names)))
                made.append(names[0] if kind is EventType.OUTPUT else "")
        _, ids, _ = self._end(run, step, attempt, context, _in_state(execution, state), nodes)
        by_name = {names: id_ for names, id_ in zip(made, ids, strict=True) if names}
        known = {output.id: output.id for output in outputs if output.id}
        return tuple(replace(output, id=known.get(output.id) or by_name[output.name]) for output in outputs)

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
        context, execution = self._place(run, step)
        put_values(execution, {Field.FINISHED: self._now, Field.ERROR: error}, metrics=metrics)
        made = [(node, _event(EventType.OUTPUT, names)) for node, names in self._grouped(EventType.OUTPUT, outputs)]
        self._end(run, step, attempt, context, _in_state(execution, state), made)

    def record_metrics(self, run: str, step: str, metrics: Mapping[str, float]) -> None:
        """Set metrics of a step that is RUNNING."""
        _, execution = self._place(run, step)
        if properties_of(execution).state() is State.RUNNING:
            put_values(execution, {}, metrics=metrics)
            self._client.put_executions([execution])

    def end_run(self, run: str, *, state: State, error: str) -> None:
        """End a run and the steps in it that have not ended."""
        if not state.ended or state in (State.CACHED, State.SKIPPED):
            raise ValueError(f"a run ends as COMPLETE, FAILED, CANCELED or LOST, not as {state}")
        context = self._going_on(run)
        ends, ended = [self._context(Name.ATTEMPT_END, _end_name(run, context, "ended"))], []
        of_running = State.FAILED if state is State.COMPLETE else state
        for execution in self._reader.executions(context.id):
            found = properties_of(execution)
            if found.state() is State.RUNNING:
                put_values(execution, {Field.FINISHED: self._now})
                ended.append(_in_state(execution, of_running))
                attempt = found.text(Field.ATTEMPT)
                if attempt:
                    name = attempt_name(run, execution.name.partition("/")[2], attempt)
                    ends.append(self._context(Name.ATTEMPT_END, name))
            elif found.state() is State.PENDING:
                ended.append(_in_state(execution, State.SKIPPED))
        put_values(context, {Field.STATE: state, Field.FINISHED: self._now, Field.ERROR: error})
        try:
            self._client.put_lineage_subgraph(ended, [], [context, *ends], [])
        except AlreadyExistsError as again:
            raise AttemptEnded(f"the run {run} was changed by another process", self._library.where) from again

    def beat(self, run: str) -> None:
        """Note that the owner of a run is alive; only that property is written, whatever another process changes."""
        context = self._going_on(run)
        sign = proto.Context(id=context.id, type_id=context.type_id, name=run)
        put_values(sign, {}, beat=float(self._now))
        self._client.put_contexts([sign], [f"custom_properties.{BEAT}"])

    def lose_run(self, run: RunRecord) -> bool:
        """Write down as LOST a run that was read; say False when it has ended or given a sign meanwhile."""
        try:
            if properties_of(self._going_on(run.id)).beat != run.beat:
                return False
            self.end_run(run.id, state=State.LOST, error="the process that ran it is gone")
        except AttemptEnded:
            return False
        return True

    def forget_steps(self, fingerprints: Iterable[str]) -> int:
        """Rename the property by which a look-up in the cache finds published steps; return of how many."""
        found = [row for fingerprint in fingerprints for row in self._reader.published_with(fingerprint)]
        for execution in found:
            fingerprint = execution.properties.pop(Field.FINGERPRINT.value).string_value
            execution.custom_properties[FORGOTTEN].string_value = fingerprint
        if found:
            self._client.put_executions(found)
        return len(found)

    def _context(self, type_: Name, name: str) -> Any:
        return proto.Context(type_id=self._library.type_id(Kind.CONTEXT, type_), name=name)

    def _pipeline(self, name: str) -> int:
        for context in self._client.get_contexts_by_type(Name.PIPELINE.value):
            if context.name == name:
                return int(context.id)
            if context.name.lower() == name.lower():
                raise StoreError(
                    f"the pipelines {name} and {context.name} differ in upper and lower case only",
                    self._library.where,
                    f"Name it {context.name}, or choose another name",
                )
        return self._once(Name.PIPELINE, name, {})

    def _spec(self, text: str) -> int:
        return self._once(Name.SPEC, _digest(text), {Field.TEXT: text})

    def _once(self, type_: Name, name: str, values: Mapping[Field, str]) -> int:
        """Return the id of a context, which is made where it is missing."""
        found = self._client.get_context_by_type_and_name(type_.value, name)
        if found is None:
            context = self._context(type_, name)
            put_values(context, values)
            try:
                return int(self._client.put_contexts([context])[0])
            except AlreadyExistsError:  # another process was quicker
                found = self._client.get_context_by_type_and_name(type_.value, name)
        return int(found.id)

    def _run(self, run: str) -> Any:
        found = self._client.get_context_by_type_and_name(Name.RUN.value, run)
        if found is None:
            raise StoreError(f"there is no run {run}", self._library.where)
        return found

    def _going_on(self, run: str) -> Any:
        context = self._run(run)
        found, owner = properties_of(context), self._acting_for.get(run)
        if found.state() is not State.RUNNING:
            raise AttemptEnded(f"the run {run} has been ended as {found.state()}", self._library.where)
        theirs = (found.text(Field.OWNER_PID), found.text(Field.OWNER_STARTED))
        if owner and theirs != (str(owner.pid), repr(owner.started)):
            raise AttemptEnded(f"the run {run} was taken over by another process", self._library.where)
        return context

    def _place(self, run: str, step: str) -> tuple[Any, Any]:
        """Return the context of a run that goes on, and the execution of its step."""
        context = self._going_on(run)
        found = self._client.get_execution_by_type_and_name(Name.STEP.value, step_name(run, step))
        if found is None:
            raise StoreError(f"the run {run} has no step {step}", self._library.where)
        if properties_of(found).state() in (State.COMPLETE, State.CACHED):
            raise AttemptEnded(f"the step {step} of the run {run} is published already", self._library.where)
        return context, found

    def _end(self, run: str, step: str, attempt: str, context: Any, execution: Any, nodes: Sequence[Any]) -> Any:
        """Write an ended step and, in the same transaction, the end of its attempt, which can be made once."""
        contexts = [context]
        if attempt:
            contexts.append(self._context(Name.ATTEMPT_END, attempt_name(run, step, attempt)))
        try:
            return self._client.put_execution(execution, nodes, contexts, force_reuse_context=True)
        except AlreadyExistsError as error:
            raise AttemptEnded(
                f"the attempt {attempt} at the step {step} of the run {run} was ended by another process",
                self._library.where,
            ) from error

    def _grouped(self, kind: EventType, artifacts: Iterable[ArtifactRecord]) -> list[tuple[Any, list[str]]]:
        """Return each artifact once, with every name that it is used under; new ones have no id yet."""
        names: dict[int, list[str]] = defaultdict(list)
        nodes: dict[int, Any] = {}
        fresh: list[tuple[Any, list[str]]] = []
        for artifact in artifacts:
            if not artifact.id and kind is EventType.OUTPUT:
                fresh.append((self._node(artifact), [artifact.name]))
                continue
            node = self._stored(artifact)
            nodes[node.id] = node
            names[node.id].append(artifact.name)
        return [*((nodes[id_], keys) for id_, keys in names.items()), *fresh]

    def _stored(self, artifact: ArtifactRecord) -> Any:
        """Return the node of an artifact; one that no step of this store made is added."""
        if artifact.id:
            return self._client.get_artifacts_by_id([artifact.id])[0]
        for found in self._client.get_artifacts_by_uri(artifact.uri):
            if record_of("", found).type == artifact.type:
                return found
        (id_,) = self._client.put_artifacts([self._node(artifact)])
        return self._client.get_artifacts_by_id([id_])[0]

    def _node(self, artifact: ArtifactRecord) -> Any:
        type_id = self._library.type_id(Kind.ARTIFACT, artifact_type(artifact.type))
        node = proto.Artifact(type_id=type_id, uri=artifact.uri, state=LIVE)
        put_values(node, {Field.DIGEST: artifact.digest})
        return node


def _in_state(execution: Any, state: State) -> Any:
    execution.last_known_state = EXECUTION_STATES[state]
    put_values(execution, {Field.STATE: state})
    return execution


def _event(kind: EventType, names: Iterable[str]) -> Any:
    event = proto.Event(type=kind.value)
    for name in names:
        event.path.steps.add().key = name
        event.path.steps.add().index = 0
    return event


def _owned(run: RunRecord) -> dict[Field, str]:
    """Return the properties of a run that begins or goes on."""
    return {
        Field.STATE: State.RUNNING,
        Field.SPEC: _digest(run.spec),
        Field.OWNER_HOST: run.owner.host,
        Field.OWNER_PID: str(run.owner.pid),
        Field.OWNER_STARTED: repr(run.owner.started),
    }


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _end_name(run: str, context: Any, what: str) -> str:
    """Return the name of what can happen once to a run until it is resumed; no step has this name."""
    found = properties_of(context)
    life = context.custom_properties[_LIFE].int_value if _LIFE in context.custom_properties else 0
    often = f"-{life}" if life else ""
    return f"{run}//{found.text(Field.OWNER_PID)}-{found.text(Field.OWNER_STARTED)}{often}-{what}"
