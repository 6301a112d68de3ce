"""Records: what the metadata store keeps of runs, steps and artifacts, free of any database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """State of a run or of a step; CACHED and SKIPPED are of steps only.

    LOST is computed at every read (`liveness.seen`) until the next run in that store writes it down.
    """

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    CACHED = "CACHED"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    LOST = "LOST"

    @property
    def ended(self) -> bool:
        """Say whether nothing more will happen."""
        return self not in (State.PENDING, State.RUNNING)


@dataclass(frozen=True)
class Owner:
    """The process that runs a run.

    Args:
        host: name of the machine and of its boot, so that a process id cannot be taken for one of another boot.
        pid: process id there.
        started: start time of that process in seconds, by a clock that is never set, so that a reused id is told apart.
    """

    host: str
    pid: int
    started: float


@dataclass(frozen=True)
class ArtifactRecord:
    """A published artifact: output (or input) name, type name, where it is, content digest; `id` is the store's own."""

    name: str
    type: str
    uri: str
    digest: str
    id: int = 0


@dataclass(frozen=True)
class StepRecord:
    """One step of a run; times are seconds since the epoch."""

    id: str
    type: str
    state: State = State.PENDING
    attempt: str = ""
    fingerprint: str = ""
    started: float | None = None
    finished: float | None = None
    error: str = ""
    inputs: tuple[ArtifactRecord, ...] = ()
    outputs: tuple[ArtifactRecord, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    """Whatever else is worth recording of it: code digest, host, config."""
    forgotten: bool = False
    """Whether the cache passes over it: it is published, and never served again."""

    @property
    def run_metrics(self) -> Mapping[str, float]:
        """The metrics that count as those of the run: not those of a training, which are of one of its epochs."""
        return {} if "epoch" in self.metrics else self.metrics

    @property
    def fingerprint_parts(self) -> Mapping[str, Any]:
        """What the fingerprint is made of (JSON types); empty where it is not recorded."""
        found: Mapping[str, Any] = json.loads(self.facts.get("fingerprint_parts", "{}"))
        return found


@dataclass(frozen=True)
class RunRecord:
    """One run of a pipeline; times are seconds since the epoch.

    Args:
        id: the run's id, `r` and 19 characters.
        pipeline: name of the pipeline.
        spec: the full spec as YAML; empty in listings.
        owner: the process that runs it.
        facts: git SHA, dirty flag, Python version, whether it is reproducible, backend, …
        steps: in the order of the spec; empty in listings.
        beat: when its owner last said that it is alive, in seconds by the store's own clock.
        silent: seconds from then to the moment of reading, by that clock; of RUNNING runs only.
    """

    id: str
    pipeline: str
    spec: str
    owner: Owner
    state: State = State.PENDING
    started: float | None = None
    finished: float | None = None
    error: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[StepRecord, ...] = ()
    beat: float | None = field(default=None, compare=False)
    silent: float | None = field(default=None, compare=False)
