"""RemoteWorkBackend: the one flow of engines whose machines share nothing with this one but a bucket."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping

from zenml.artifacts.store import ArtifactStore
from zenml.backends.interfaces import StepBackend
from zenml.data.shards import ShardJob
from zenml.errors import ConfigError, Problem
from zenml.metadata.records import State
from zenml.runtime.remote_job import RemoteRun, Resource
from zenml.runtime.remote_shards import RemoteShards, remove_run, staged_runs

_sound: set[str] = set()
"""Configurations with which a job could run when this process looked."""


class RemoteWorkBackend(StepBackend):
    """Base of the engines on other machines; subclass `RemoteProcessingBackend` or `RemoteTrainingBackend`.

    A subclass says where jobs are staged (`staging`), has the shards of a staged job worked on (`work`), and knows what
    of its runs is still there (`list_jobs`, `end_jobs`). The names and labels of all that it makes follow from
    `RemoteShards.run_id` and `.id`, so that doing it twice makes nothing twice, and what a killed client left is found
    by `zenml gc`.
    """

    REMOTE = True

    @property
    @abstractmethod
    def staging(self) -> ArtifactStore:
        """The store that this machine and the workers reach, each by itself."""

    def access_problems(self) -> Iterable[Problem]:
        """Find what would keep a job from running: credentials, permissions, bucket, and so on; nothing is made."""
        return ()

    def check_access(self) -> None:
        """Find out, before anything is made, whether a job could run; where one could, this process asks no more.

        Raises:
            ConfigError: every one of the `access_problems`, and how to mend it.
        """
        config = f"{type(self).__module__}.{type(self).__qualname__} {self.model_dump_json()}"
        if config in _sound:
            return
        if problems := [*self.access_problems()]:
            raise ConfigError(problems)
        _sound.add(config)

    def render(self, run_id: str, labels: Mapping[str, str]) -> list[Resource]:
        """Return what is made for a job of a run, as far as that is known before; a pure function, for plans.

        Args:
            run_id: the run.
            labels: what marks that something is of the run.
        """
        return []

    @abstractmethod
    def work(self, shards: RemoteShards) -> None:
        """Have all shards worked on that wait for an answer, and return when they are done.

        A job that is there already for the same shards is waited for; no second one is made. Whatever is raised here,
        a KeyboardInterrupt too, leaves no job at work, but for a `PreemptedError`: then the run goes on elsewhere.

        At every look at the job it calls `shards.look()`.

        Raises:
            ZenMLError: how the platform failed; what an operation raised goes before that, and is found in the store.
        """

    @abstractmethod
    def list_jobs(self) -> list[RemoteRun]:
        """Return the runs that have jobs which have not ended, or of which anything else is held."""

    @abstractmethod
    def end_jobs(self, run_id: str) -> None:
        """End the jobs of a run, and remove what is held of them; no error where nothing is."""

    def carry_out(self, job: ShardJob, listen: Callable[[], None] = lambda: None) -> list[bytes]:
        """Stage a job, have its shards worked on, and bring back what they gave.

        Args:
            job: the job.
            listen: called at every look at the job; passes on what the workers tell.

        Raises:
            ConfigError: all that is wrong with the fields, or with the access to the platform.
            ZenMLError: what an operation raised, or how the platform failed.
        """
        if not job.shards:
            return []
        self.require_sound()
        with RemoteShards.stage(job, self.staging, listen) as shards:
            if shards.waiting:
                try:
                    self.work(shards)
                except Exception:
                    shards.look()
                    raise
            return shards.collect()

    def require_sound(self) -> None:
        """Find out, before anything is sent, whether a job could run.

        Raises:
            ConfigError: all that is wrong with the fields, or else with the access to the platform.
        """
        problems = [*self.check()]
        if problems:
            raise ConfigError(problems)
        self.check_access()

    def list_runs(self) -> list[RemoteRun]:
        """Return all runs of which something is still there: jobs, or what was staged for them."""
        found = {run.run_id: run for run in self.list_jobs()}
        for run_id in staged_runs(self.staging):
            held = found.get(run_id, RemoteRun(run_id, "", State.LOST, ()))
            staged = (f"files/{self.staging.uri('shards')}/{run_id}",)
            found[run_id] = RemoteRun(run_id, held.pipeline, held.state, (*held.resources, *staged))
        return [found[run_id] for run_id in sorted(found)]

    def clean_up(self, run_id: str) -> None:
        """End the jobs of a run and remove all that was staged for it; no error where nothing is."""
        self.end_jobs(run_id)
        remove_run(self.staging, run_id)
