"""What a remote orchestrator backend is given, makes and tells: RemoteJob, Resource, JobStatus, RemoteRun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zenml.metadata.records import State

EXIT_COMPLETE = 0
EXIT_FAILED = 1
EXIT_CANCELED = 3
EXIT_PREEMPTED = 75
"""Exit code of a job that was stopped by whoever runs the machine, not by the user: the same command goes on."""


@dataclass(frozen=True)
class RemoteJob:
    """What a backend renders: one run, staged in the artifact store.

    The job is `python` with `arguments`. Its exit code is one of this module's; whoever runs it starts the same command
    again after EXIT_PREEMPTED, or where it vanished.

    Args:
        run_id: the run's id.
        pipeline: the pipeline's name.
        spec_uri: where the staged spec is; the job's other files are beside it.
        arguments: what follows the interpreter on the job's command line.
        labels: labels that every resource of the run carries.
        environment: variables that the job's process needs; no secret is in them.
        secrets: names of the variables whose values are secret.
        deadline_seconds: how long the job may take; its supervisor sees to it, too.
        preemptions: how often it may be preempted and go on.
        local_files: the folder and the file of this machine that the artifact store and the metadata store are; the job
            needs them at the same paths. Empty where both are elsewhere.
    """

    run_id: str
    pipeline: str
    spec_uri: str
    arguments: tuple[str, ...]
    labels: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    deadline_seconds: int | None = None
    preemptions: int = 0
    local_files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resource:
    """One thing that a backend makes: a process, a container, a job, a virtual machine.

    Args:
        kind: what it is.
        name: its name.
        body: its description (JSON types), as it is sent; it holds no secret.
    """

    kind: str
    name: str
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class JobStatus:
    """How a job stands.

    Args:
        state: of the run.
        reason: why it ended in that state, where it did not end well, or why it does not begin.
        link: a page that shows the job.
    """

    state: State
    reason: str = ""
    link: str = ""


@dataclass(frozen=True)
class RemoteRun:
    """What a backend still holds of a run.

    Args:
        run_id: the run.
        pipeline: its pipeline's name, as it stands in a label.
        state: of its job; LOST where there is none.
        resources: `KIND/NAME` of all that is there.
    """

    run_id: str
    pipeline: str
    state: State
    resources: tuple[str, ...]
