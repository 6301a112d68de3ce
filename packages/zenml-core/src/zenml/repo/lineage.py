"""Lineage: what an artifact was made from, and what was made from it, through all runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zenml.errors import ConfigError
from zenml.metadata.records import ArtifactRecord, State, StepRecord
from zenml.metadata.store import MetadataStore
from zenml.repo.readings import of_run
from zenml.reports.comparison import short_text
from zenml.reports.frame import data_frame, print_rows, text_table


@dataclass(frozen=True)
class LineageStep:
    """A step on the way to or from an artifact.

    Args:
        distance: how many steps it is away from the artifact: -1 made it, 1 read it.
        run: the run in which it really ran; where that is not recorded, the oldest that was served its outputs.
        pipeline: the pipeline of that run.
        record: how it went there, with its inputs and outputs.
        runs: all runs with this step, newest first: in the others its outputs came from the cache.
    """

    distance: int
    run: str
    pipeline: str
    record: StepRecord
    runs: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        record = self.record
        return {
            "distance": self.distance,
            "step": record.id,
            "type": record.type,
            "state": str(record.state),
            "run": self.run,
            "pipeline": self.pipeline,
            "runs": list(self.runs),
            "inputs": [_artifact(row) for row in record.inputs],
            "outputs": [_artifact(row) for row in record.outputs],
        }

    def row(self) -> dict[str, str]:
        """Return what a table shows of it."""
        relation = {-1: "made it", 1: "read it"}.get(self.distance, f"{abs(self.distance)} steps ")
        if abs(self.distance) > 1:
            relation += "before" if self.distance < 0 else "after"
        return {
            "relation": relation,
            "step": self.record.id,
            "type": self.record.type,
            "run": self.run,
            "pipeline": self.pipeline,
            "state": str(self.record.state),
            "runs": str(len(self.runs)),
            "inputs": _told(self.record.inputs),
            "outputs": _told(self.record.outputs),
        }


@dataclass(frozen=True)
class Lineage:
    """The steps before and after an artifact. It prints as a table.

    Args:
        artifact: the artifact.
        upstream: what it was made by and from, the farthest first.
        downstream: what read it and what was made from that, the nearest first.
    """

    artifact: ArtifactRecord
    upstream: tuple[LineageStep, ...]
    downstream: tuple[LineageStep, ...]

    @property
    def steps(self) -> tuple[LineageStep, ...]:
        """All steps, in the order of the data flow."""
        return (*self.upstream, *self.downstream)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {
            "artifact": _artifact(self.artifact),
            "upstream": [step.to_json() for step in self.upstream],
            "downstream": [step.to_json() for step in self.downstream],
        }

    def to_pandas(self) -> Any:
        """Return a pandas data frame with a row for each step.

        Raises:
            PluginError: pandas is not installed.
        """
        return data_frame([step.to_json() for step in self.steps])

    def print(self) -> None:
        """Print the artifact and the table."""
        print(self._title())  # noqa: T201 - this is what the method is for
        print_rows([step.row() for step in self.steps], empty="")

    def _title(self) -> str:
        return f"{self.artifact.type} {short_text(self.artifact.digest)} at {self.artifact.uri}"

    def __repr__(self) -> str:
        return f"{self._title()}\n{text_table([step.row() for step in self.steps])}"


def trace(metadata: MetadataStore, uri: str) -> Lineage:
    """Follow an artifact both ways.

    Args:
        metadata: where the steps are recorded.
        uri: where the artifact is; a path may be relative.

    Raises:
        ConfigError: no run refers to an artifact there.
    """
    for wanted in dict.fromkeys((uri, uri.rstrip("/"), uri.removeprefix("file://").rstrip("/"), _path(uri))):
        steps = metadata.list_steps_with([wanted])
        rows = [row for _, step in steps for row in step.outputs] + [row for _, step in steps for row in step.inputs]
        artifact = next((row for row in rows if row.uri == wanted), None)
        if artifact:
            upstream, downstream = _follow(metadata, wanted, -1), _follow(metadata, wanted, 1)
            return Lineage(artifact, tuple(reversed(upstream)), tuple(downstream))
    mend = "See the URIs of a step's outputs: zenml step get RUN_ID STEP_ID"
    raise ConfigError(f"no run refers to an artifact at {uri!r}", mend=mend)


def _follow(metadata: MetadataStore, uri: str, way: int) -> list[LineageStep]:
    """Return the steps on the way from an artifact, nearest first: back where `way` is -1, forth where it is 1."""
    found: list[LineageStep] = []
    seen, edge, distance = {uri}, {uri}, 0
    known: set[tuple[str, ...]] = set()
    while edge:
        distance += way
        reached = set[str]()
        for step in _distinct(metadata.list_steps_with(edge), edge, way):
            mark = _mark(step.run, step.record)
            if mark in known:
                continue
            known.add(mark)
            pipeline, _ = of_run(metadata, step.run)
            found.append(replace(step, distance=distance, pipeline=pipeline))
            reached |= {row.uri for row in (step.record.inputs if way < 0 else step.record.outputs)}
        edge = reached - seen
        seen |= reached
    return found


def _distinct(steps: Iterable[tuple[str, StepRecord]], uris: set[str], way: int) -> list[LineageStep]:
    """Return the steps that gave (or read) one of the artifacts, those with the same outputs as one."""
    groups: dict[tuple[str, ...], list[tuple[str, StepRecord]]] = {}
    for run, step in steps:
        rows = step.outputs if way < 0 else step.inputs
        if uris.intersection(row.uri for row in rows):
            groups.setdefault(_mark(run, step), []).append((run, step))
    found = []
    for same in groups.values():
        run, record = next((row for row in same if row[1].state is not State.CACHED), same[-1])
        found.append(LineageStep(0, run, "", record, tuple(run for run, _ in same)))
    return found


def _mark(run: str, step: StepRecord) -> tuple[str, ...]:
    """Return what tells steps apart: their outputs, or where there are none the run that tried."""
    return (step.id, *sorted(row.uri for row in step.outputs)) if step.outputs else (step.id, run)


def _artifact(row: ArtifactRecord) -> dict[str, str]:
    return {"name": row.name, "type": row.type, "uri": row.uri, "digest": row.digest}


def _told(rows: Iterable[ArtifactRecord]) -> str:
    return ", ".join(f"{row.type} {short_text(row.digest)}" for row in rows)


def _path(uri: str) -> str:
    return uri if "://" in uri else str(Path(uri).expanduser().resolve())
