"""Reader: records from the nodes that the library returns."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ml_metadata import ListOptions, OrderByField
from ml_metadata.errors import NotFoundError

from zenml.metadata.model import EventType, Field, Name
from zenml.metadata.properties import Properties, by_name, run_record, step_record, with_silence
from zenml.metadata.records import ArtifactRecord, RunRecord, State, StepRecord

INPUTS = "inputs"
"""Custom property of a step that is not published: its inputs as JSON. The library cannot take events back, so they are
written with the outputs, when it is known that the attempt counts."""

_SLACK = 256
"""So many runs may be recorded in another order than that of their ids, and are listed in order all the same."""


class Reader:
    """Reads through a client of ml-metadata."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def run(self, run: str) -> RunRecord | None:
        """Return the run named `run`, with its spec and steps."""
        context = self._client.get_context_by_type_and_name(Name.RUN.value, run)
        if context is None:
            return None
        properties = properties_of(context)
        steps = self._steps(self.executions(context.id))
        steps.sort(key=lambda step: step[0])
        spec = self._client.get_context_by_type_and_name(Name.SPEC.value, properties.text(Field.SPEC))
        text = properties_of(spec).text(Field.TEXT) if spec else ""
        return replace(_run_record(run, properties), spec=text, steps=tuple(step for *_, step in steps))

    def executions(self, context: int) -> list[Any]:
        """Return the executions of a run's steps."""
        found = self._client.get_executions_by_context(context)
        return [execution for execution in found if execution.type == Name.STEP]

    def runs(self, pipeline: str | None, limit: int | None) -> list[RunRecord]:
        """Return runs, newest first, without specs and steps."""
        query = f"type = '{Name.RUN}'"
        if pipeline is not None:
            query += f" AND properties.{Field.PIPELINE}.string_value = {_quoted(pipeline)}"
        options = ListOptions(
            limit=None if limit is None else limit + _SLACK,
            order_by=OrderByField.CREATE_TIME,
            is_asc=False,
            filter_query=query,
        )
        records = [_run_record(found.name, properties_of(found)) for found in self._client.get_contexts(options)]
        records = [record for record in records if pipeline in (None, record.pipeline)]
        return sorted(records, key=lambda record: record.id, reverse=True)[:limit]

    def running(self) -> list[RunRecord]:
        """Return all RUNNING runs, without specs and steps."""
        query = f"type = '{Name.RUN}' AND properties.{Field.STATE}.string_value = '{State.RUNNING}'"
        found = self._client.get_contexts(ListOptions(filter_query=query))
        return sorted((_run_record(row.name, properties_of(row)) for row in found), key=lambda record: record.id)

    def pipelines(self) -> list[str]:
        """Return the names of all pipelines, oldest first."""
        found = self._client.get_contexts_by_type(Name.PIPELINE.value)
        return [context.name for context in sorted(found, key=lambda context: int(context.id))]

    def steps(self, type_: str | None, limit: int | None) -> list[tuple[str, StepRecord]]:
        """Return (run id, step), newest first, optionally of one step type."""
        found = self._newest(Field.STEP_TYPE, type_, limit)
        return [(run, step) for _, run, step in self._steps(found) if type_ in (None, step.type)]

    def published(self, fingerprint: str, limit: int) -> list[StepRecord]:
        """Return the newest COMPLETE steps with that fingerprint."""
        found = self._newest(Field.FINGERPRINT, fingerprint, limit)
        return [step for *_, step in self._steps(found) if step.fingerprint == fingerprint]

    def published_with(self, fingerprint: str) -> list[Any]:
        """Return the executions of all steps that are found by that fingerprint."""
        found = self._newest(Field.FINGERPRINT, fingerprint, None)
        return [row for row in found if properties_of(row).text(Field.FINGERPRINT) == fingerprint]

    def _newest(self, field: Field, value: str | None, limit: int | None) -> list[Any]:
        query = f"type = '{Name.STEP}'"
        if value is not None:
            query += f" AND properties.{field}.string_value = {_quoted(value)}"
        options = ListOptions(limit=limit, order_by=OrderByField.ID, is_asc=False, filter_query=query)
        found: list[Any] = self._client.get_executions(options)
        return found

    def _steps(self, executions: Sequence[Any]) -> list[tuple[int, str, StepRecord]]:
        """Return position, run id and record of each."""
        artifacts: dict[tuple[int, int], list[ArtifactRecord]] = defaultdict(list)
        for execution, event, artifact in self._artifacts(executions):
            artifacts[execution, event].append(artifact)
        steps = []
        for execution in executions:
            run, _, name = execution.name.partition("/")
            properties = properties_of(execution)
            pending = execution.custom_properties[INPUTS].string_value if INPUTS in execution.custom_properties else ""
            used = artifacts[execution.id, EventType.INPUT]
            if pending:
                used = self._named(json.loads(pending))
            made = artifacts[execution.id, EventType.OUTPUT]
            step = step_record(name, properties, inputs=by_name(used), outputs=_of_last_attempt(properties, made))
            steps.append((properties.declared.get(Field.POSITION) or 0, run, step))
        return steps

    def _artifacts(self, executions: Sequence[Any]) -> Iterator[tuple[int, int, ArtifactRecord]]:
        if not executions:
            return
        try:
            events = self._client.get_events_by_execution_ids([execution.id for execution in executions])
        except NotFoundError:
            return
        found = self._by_id({event.artifact_id for event in events})
        for event in events:
            for part in event.path.steps:
                if part.HasField("key") and event.artifact_id in found:
                    yield event.execution_id, event.type, record_of(part.key, found[event.artifact_id])

    def _named(self, names: Sequence[tuple[str, int]]) -> list[ArtifactRecord]:
        found = self._by_id({id_ for _, id_ in names})
        return [record_of(name, found[id_]) for name, id_ in names]

    def _by_id(self, ids: Iterable[int]) -> dict[int, Any]:
        wanted = list(ids)
        return {node.id: node for node in self._client.get_artifacts_by_id(wanted)} if wanted else {}


def _of_last_attempt(properties: Properties, made: Iterable[ArtifactRecord]) -> tuple[ArtifactRecord, ...]:
    """Return the outputs that count of those of all attempts: the library cannot take back what an earlier one gave."""
    if not properties.state().ended:
        return ()
    newest = {row.name: row for row in sorted(made, key=lambda row: row.id)}
    return by_name(newest.values())


def record_of(name: str, artifact: Any) -> ArtifactRecord:
    """Return an artifact of the library as a record under a name."""
    digest = properties_of(artifact).text(Field.DIGEST)
    return ArtifactRecord(name, artifact.type.removeprefix("zenml."), artifact.uri, digest, artifact.id)


def _run_record(name: str, properties: Properties) -> RunRecord:
    return with_silence(run_record(name, properties), time.time())


def properties_of(node: Any) -> Properties:
    """Return the properties of a node by what they mean."""
    found = Properties()
    for custom, values in ((False, node.properties), (True, node.custom_properties)):
        for name, value in values.items():
            found.add(name, custom, getattr(value, value.WhichOneof("value") or "string_value"))
    found.join()
    return found


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
