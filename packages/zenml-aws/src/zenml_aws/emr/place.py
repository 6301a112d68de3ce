"""What both kinds of EMR have in common: a job is submitted, looked at, cancelled, and leaves a log."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from zenml.errors import Problem
from zenml.metadata.records import State
from zenml.runtime.identifiers import RUN_ID
from zenml.runtime.remote_job import RemoteRun, Resource

PREFIX = "zenml-"
"""What all names begin with."""
_NAME = re.compile(rf"{PREFIX}({RUN_ID.pattern})(?:-|$)")


@dataclass(frozen=True)
class Submission:
    """One application to run; it holds no secret.

    Args:
        run_id: the run.
        name: unique among the jobs of all runs; the same job of the same run has it again.
        main: URI of the main file.
        arguments: of the main file.
        tags: of the job.
        logs: URI of the folder that takes logs.
        settings: Spark's, as the fields ask for them.
        conf: Spark's, as the user wrote them.
    """

    run_id: str
    name: str
    main: str
    arguments: tuple[str, ...]
    tags: Mapping[str, str]
    logs: str
    settings: Mapping[str, str]
    conf: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """A job as EMR sees it.

    Args:
        id: EMR's.
        name: its submission's.
        state: PENDING, RUNNING, COMPLETE, FAILED or CANCELED.
        details: what EMR says of it.
    """

    id: str
    name: str
    state: State
    details: str = ""


def prefix_of(run_id: str) -> str:
    """Return what the names of a run's jobs begin with."""
    return f"{PREFIX}{run_id}-"


def run_of(name: str) -> str:
    """Return the run that a name is of; empty where it is of none."""
    found = _NAME.match(name)
    return found[1] if found else ""


def by_run(named: Iterable[tuple[str, str, State]]) -> list[RemoteRun]:
    """Return runs by what is there of them.

    Args:
        named: the name of each thing, what to call it, and its state; LOST for what is no job.
    """
    found: dict[str, RemoteRun] = {}
    for name, resource, state in named:
        run_id = run_of(name)
        if run_id:
            before = found.get(run_id, RemoteRun(run_id, "", State.LOST, ()))
            seen = before.state if state is State.LOST else state
            found[run_id] = RemoteRun(run_id, "", seen, (*before.resources, resource))
    return [found[run_id] for run_id in sorted(found)]


class Place(ABC):
    """Where jobs run. Every method may raise a ZenMLError: EMR refuses, or cannot be reached."""

    @abstractmethod
    def problems(self) -> Iterator[Problem]:
        """Yield what keeps a job from being run here; nothing is changed."""

    @abstractmethod
    def render(self, submission: Submission) -> list[Resource]:
        """Return what `submit` makes; nothing is asked or made."""

    @abstractmethod
    def submit(self, submission: Submission) -> str:
        """Start a job, or find it going on already; return its id. Doing it again makes no second one."""

    @abstractmethod
    def look(self, job: str) -> Job:
        """Return how a job stands."""

    @abstractmethod
    def cancel(self, job: str) -> None:
        """Let a job stop; no error where it has ended."""

    @abstractmethod
    def jobs(self, prefix: str) -> list[Job]:
        """Return the jobs that have not ended and whose names begin with a prefix."""

    @abstractmethod
    def end(self, run_id: str) -> None:
        """Let all jobs of a run stop, and remove what was made for it; no error where nothing is."""

    @abstractmethod
    def held(self) -> list[RemoteRun]:
        """Return the runs that have jobs here which have not ended, or for which something was made."""

    @abstractmethod
    def link(self, job: str) -> str:
        """Return a page that shows a job; empty where there is none."""

    @abstractmethod
    def last_words(self, job: str) -> list[str]:
        """Return the last lines of the driver's log, where there are any."""

    @property
    @abstractmethod
    def where(self) -> str:
        """What to call the place in a message."""
