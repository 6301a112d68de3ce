"""RemoteOrchestratorBackend: the one flow of everything that runs elsewhere.

Commit the data that only this machine can read, package the code, stage the spec, *render* the resources (pure and
printable), deliver the secrets, submit, watch, clean up.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, TypeGuard

from zenml.artifacts.store import ArtifactStore
from zenml.backends.launch import Launch
from zenml.backends.orchestrator_interface import OrchestratorBackend
from zenml.errors import Problem, RunFailed, SpecError, StoreError, ZenMLError
from zenml.metadata.liveness import this_owner
from zenml.metadata.records import RunRecord, State
from zenml.runtime.job_folder import JobFolder, StatusFile
from zenml.runtime.remote_job import JobStatus, RemoteJob, RemoteRun, Resource
from zenml.runtime.staging import Staging, slug, stage
from zenml.runtime.submitted import Submitted

__all__ = ["JobStatus", "RemoteJob", "RemoteOrchestratorBackend", "RemoteRun", "Resource", "Staging", "slug", "stage"]

_FIRST_PAUSE, _LAST_PAUSE = 0.05, 2.0


class RemoteOrchestratorBackend(OrchestratorBackend):
    """Base of the backends that run a pipeline in another process or on another machine.

    A subclass says what to make (`render`), makes it (`submit`, `deliver_secrets`), looks at it (`status`, `logs`,
    `list_runs`) and ends it (`cancel`, `clean_up`). The names of all that it makes follow from the run's id, so that
    doing it twice makes nothing twice. `OrchestratorConformance` in `zenml.testing` is the suite for all of this.
    """

    DELIVERS_SECRETS: ClassVar[bool] = True
    """Whether the job gets secrets as variables; else it finds the same secrets as this machine."""

    @property
    def deadline(self) -> int | None:
        """How many seconds the job may take; None for no bound."""
        return None

    @property
    def preemption_budget(self) -> int:
        """How often the job may be preempted and go on."""
        return 3

    @property
    def reaches_local_files(self) -> bool:
        """Whether the job sees this machine's files at the same paths, a local artifact store and database included."""
        return False

    def check_access(self) -> None:
        """Find out, before anything is made, whether a job could run: credentials, permissions, image, and so on.

        Raises:
            ConfigError: every problem, and how to mend it.
        """

    def installed(self) -> Mapping[str, str] | None:
        """Return what is installed where the job runs, versions by name, Python's as `python`; None if not known here.

        What is not known is checked first of all where the job runs.
        """
        return None

    @abstractmethod
    def render(self, job: RemoteJob) -> list[Resource]:
        """Return what `submit` will make; a pure function of the backend's fields and the job."""

    def deliver_secrets(self, job: RemoteJob, values: Mapping[str, str]) -> None:
        """Put the secrets where only the job gets them as variables; called before `submit` where there are any.

        Args:
            job: the job.
            values: by name, as in `job.secrets`.
        """
        raise SpecError([Problem(f"{type(self).__name__} delivers no secrets, and the run needs some", "run.backend")])

    @abstractmethod
    def submit(self, job: RemoteJob, resources: Sequence[Resource]) -> None:
        """Make the resources; the job begins. What is there already of the same run is no error."""

    @abstractmethod
    def status(self, run_id: str, store: ArtifactStore) -> JobStatus:
        """Return how the job of a run stands, from whichever process asks."""

    @abstractmethod
    def logs(self, run_id: str, *, follow: bool) -> Iterator[str]:
        """Yield what the job printed, as far as it is still kept there; to its end where `follow` says so."""

    @abstractmethod
    def cancel(self, run_id: str, store: ArtifactStore) -> None:
        """Ask the job of a run to stop; no error if it has ended or was never made."""

    @abstractmethod
    def list_runs(self) -> list[RemoteRun]:
        """Return all runs of which something is still there, half-made things included."""

    @abstractmethod
    def clean_up(self, run_id: str) -> None:
        """Remove all that is there of a run, its secrets included; no error where nothing is."""

    def stage(self, launch: Launch, *, access: bool = True) -> Staging:
        """Check that a launch can run elsewhere, and describe it as a job; nothing is written or made.

        Args:
            launch: the launch.
            access: whether to ask the platform, too.

        Raises:
            SpecError: every reason why it cannot.
            ConfigError: what `check_access` finds.
        """
        problems = [*_live(launch), *([] if self.reaches_local_files else _out_of_reach(launch))]
        if problems:
            raise SpecError(problems)
        if access:
            self.check_access()
        return stage(
            launch,
            deliver=self.DELIVERS_SECRETS,
            deadline_seconds=self.deadline,
            preemptions=self.preemption_budget,
            installed=self.installed(),
        )

    def run(self, launch: Launch, *, wait: bool = True) -> None:
        """Stage and submit the launch, and watch it where `wait` says so."""
        staging = self.stage(launch)
        if launch.facts.get("git_dirty") == "yes":
            launch.report.warn("Changes that are not committed travel with the code package")
        for warning in staging.package.warnings:
            launch.report.warn(warning)
        resources = self.render(staging.job)
        submitted = Submitted(launch.root, launch.run_id)
        submitted.write(launch)
        staging.put()
        try:
            if staging.secrets:
                self.deliver_secrets(staging.job, staging.secrets)
            self.submit(staging.job, resources)
        except BaseException:
            self._take_back(launch, submitted)
            raise
        launch.report.log(f"Run {launch.run_id} was submitted to {type(self).__name__}")
        if wait:
            self._wait(launch)

    def _take_back(self, launch: Launch, submitted: Submitted) -> None:
        """Remove what a launch that failed left; where that fails too, it is remembered for `zenml gc`."""
        try:
            self.clean_up(launch.run_id)
        except ZenMLError as error:
            launch.report.warn(f"What was made of run {launch.run_id} could not be removed: {error}. Try: zenml gc")
            return
        submitted.forget()

    def look(self, run_id: str, store: ArtifactStore) -> JobStatus:
        """Return how a run stands: as its supervisor wrote it, else as the platform sees the job.

        An end that no supervisor could write down is written down here, so that everybody sees it.
        """
        folder = JobFolder(store, run_id)
        written = folder.read_status()
        if _is_final(written):
            return JobStatus(written.state, written.reason)
        there = self.status(run_id, store)
        if there.state.ended:
            written = folder.read_status()  # its last word may have come while the platform was asked
            if _is_final(written):
                return JobStatus(written.state, written.reason, there.link)
            there = _without_last_word(there, folder)
            if there.state is not State.LOST:
                folder.write_status(StatusFile(there.state, this_owner(), there.reason))
            return there
        if written is None or written.state is State.LOST:
            return there
        return JobStatus(written.state, written.reason or there.reason, there.link)

    def stop(self, run_id: str, store: ArtifactStore) -> None:
        """Let a run end as CANCELED."""
        JobFolder(store, run_id).ask_to_stop()
        self.cancel(run_id, store)

    def _wait(self, launch: Launch) -> None:
        """Tell of the run's steps until it has ended, then remove what is left of its job."""
        try:
            status = self._watch(launch)
        except KeyboardInterrupt:
            launch.report.warn(
                f"Run {launch.run_id} goes on. Look: zenml run get {launch.run_id}. Stop it: zenml run cancel "
                f"{launch.run_id}"
            )
            raise
        self.clean_up(launch.run_id)
        if status.state is not State.COMPLETE:
            record = JobFolder(launch.store, launch.run_id).read_record()
            if record is None or not record.state.ended:  # its supervisor never began, or could not tell
                raise RunFailed(launch.run_id, status.reason or f"the run is {status.state}")
        Submitted(launch.root, launch.run_id).forget()

    def _watch(self, launch: Launch) -> JobStatus:
        pause, told = _FIRST_PAUSE, ""
        steps: dict[str, State] = {}
        while True:
            status = self.look(launch.run_id, launch.store)
            record = _quietly_read(JobFolder(launch.store, launch.run_id))
            for step in record.steps if record else ():
                if steps.get(step.id, State.PENDING) is not step.state:
                    launch.report.log(f"{step.id:<14} {step.state.lower()}")
                    steps[step.id] = step.state
            if status.reason and status.reason != told:
                launch.report.log(status.reason)
                told = status.reason
            if status.state.ended:
                return status
            time.sleep(pause)
            pause = min(pause * 1.5, _LAST_PAUSE)


def _is_final(status: StatusFile | None) -> TypeGuard[StatusFile]:
    return status is not None and status.state.ended and status.state is not State.LOST


def _without_last_word(there: JobStatus, folder: JobFolder) -> JobStatus:
    """Return how a run ended whose supervisor did not say so."""
    if folder.is_asked_to_stop:
        return JobStatus(State.CANCELED, "stopped by the user", there.link)
    if there.state is State.COMPLETE:
        return JobStatus(State.FAILED, "the job ended before its supervisor could say how", there.link)
    return there


def _quietly_read(folder: JobFolder) -> RunRecord | None:
    try:
        return folder.read_record()
    except StoreError:
        return None


def _live(launch: Launch) -> list[Problem]:
    return [
        Problem(
            "its class lives in the launched script, a notebook or a function, which no other process can import",
            f"step {step_id}",
            "Move the class into a module",
        )
        for step_id in launch.live_steps
    ]


def _out_of_reach(launch: Launch) -> list[Problem]:
    """Say which stores only this machine can reach."""
    problems = []
    if launch.metadata.local_files:
        problems.append(
            Problem(
                f"the metadata store is {launch.metadata.local_files}, which a job elsewhere cannot reach",
                "run.metadata_store",
                "Set one on a server: zenml config metadata set mysql --host …",
            )
        )
    if launch.store.local_files:
        problems.append(
            Problem(
                f"the artifact store is {launch.store.local_files}, which a job elsewhere cannot reach",
                "run.artifact_store",
                "Set one that it can: zenml config artifacts set s3://… (or gs://…)",
            )
        )
    return problems
