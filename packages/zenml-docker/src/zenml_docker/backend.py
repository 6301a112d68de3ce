"""OrchestratorDockerBackend: the packaged pipeline in a container."""

from __future__ import annotations

import codecs
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from zenml.artifacts.store import ArtifactStore
from zenml.backends.launch import Launch
from zenml.errors import ConfigError, SecretError
from zenml.metadata.records import State
from zenml.runtime.remote import JobStatus, RemoteJob, RemoteOrchestratorBackend, RemoteRun, Resource, Staging
from zenml.secrets.env_file import write_env_file
from zenml_docker import __version__
from zenml_docker.access import find_problems, loopback_problems
from zenml_docker.container import PIPELINE_LABEL, RUN_LABEL, container_body, container_name, local_folders, user_of
from zenml_docker.engine import Body, Engine, address_of, is_on_this_machine
from zenml_docker.fields import Image, Memory, Mount, User, Variable
from zenml_docker.outcome import outcome, was_preempted

_LAST_LINES = 10
"""Of what a container printed, in the reason why it failed."""


class OrchestratorDockerBackend(RemoteOrchestratorBackend):
    """Run the packaged pipeline in a container of a Docker engine.

    The container runs as this user, may write to its scratch folder and its mounts only, gains no privileges, and is
    removed at the end. One that was stopped before, as when the engine was, is started again by whoever looks at the
    run. An artifact store and a database that are files of this machine are mounted at the same paths.

    Args:
        image: with Python and ZenML in it.
        engine: `unix:///…`, `tcp://…` or `ssh://…`; by default the one that the `docker` command uses.
        pull_policy: pull the image where it is `missing`, `always`, or `never`.
        mounts: more folders of this machine: `/data`, `/data:ro`, `/data:/in/the/container`, …
        user: numbers of user and group, `1000:1000`; by default yours.
        memory: most that the container may use, `2g`.
        cpus: most that the container may use, `1.5`.
        gpus: how many, or `all`.
        network: of the engine; `host` is this machine's own.
        environment: more variables; no secrets, as others can read them.
        python: the image's interpreter.
        deadline_seconds: how long the job may take.
        stop_seconds: how long the job may take to end when it is canceled.
    """

    image: Image = f"zenml/zenml:{__version__}"
    engine: str | None = None
    pull_policy: Literal["missing", "always", "never"] = "missing"
    mounts: list[Mount] = Field(default_factory=list)
    user: User | None = None
    memory: Memory | None = None
    cpus: float | None = Field(default=None, ge=0.01)
    gpus: int | Literal["all"] | None = None
    network: str | None = None
    environment: dict[Variable, str] = Field(default_factory=dict)
    python: str = "python"
    deadline_seconds: int | None = Field(default=None, ge=1)
    stop_seconds: int = Field(default=30, ge=1)

    @property
    def deadline(self) -> int | None:
        """How many seconds the job may take; None for no bound."""
        return self.deadline_seconds

    @property
    def reaches_local_files(self) -> bool:
        """They are mounted where the engine is on this machine."""
        return is_on_this_machine(address_of(self.engine))

    def check_access(self) -> None:
        """Find out whether the engine can be used, and can do what the fields ask for.

        Raises:
            ConfigError: every problem, and how to mend it.
        """
        with self._engine() as engine:
            problems = [*find_problems(self, engine)]
        if problems:
            raise ConfigError(problems)

    def stage(self, launch: Launch, *, access: bool = True) -> Staging:
        """Check that a launch can run in a container, and describe it as a job; nothing is written or made."""
        problems = [] if self.network == "host" else [*loopback_problems(launch)]
        if problems:
            raise ConfigError(problems)
        return super().stage(launch, access=access)

    def render(self, job: RemoteJob) -> list[Resource]:
        """Return the one container."""
        body = container_body(self, job, _secrets_file(job.run_id))
        return [Resource("Container", container_name(job.run_id), body)]

    def deliver_secrets(self, job: RemoteJob, values: Mapping[str, str]) -> None:
        """Write the secrets to a file that only the container's user can read; it is mounted."""
        if not self.reaches_local_files:
            what = "the engine is on another machine, and a file with the run's secrets cannot be mounted there"
            raise ConfigError(
                what, address_of(self.engine), "Use references that are looked up there, or another engine"
            )
        path = _secrets_file(job.run_id)
        write_env_file(path, values)
        uid, _, gid = user_of(self).partition(":")
        if int(uid) != os.geteuid():
            try:
                os.chown(path, int(uid), int(gid) if gid else -1)
            except PermissionError:
                what = f"the run's secrets cannot be given to the user {uid} of the container"
                raise SecretError(what, "user", "Leave user out, so that the container runs as you") from None

    def submit(self, job: RemoteJob, resources: Sequence[Resource]) -> None:
        """Get the image, make the container, and start it; one of this run that is there already counts."""
        for folder in local_folders(job):
            Path(folder).mkdir(parents=True, exist_ok=True)
        with self._engine() as engine:
            if self.pull_policy == "always" or (self.pull_policy == "missing" and not engine.has_image(self.image)):
                engine.pull(self.image)
            for resource in resources:
                _make(engine, job.run_id, resource)

    def status(self, run_id: str, store: ArtifactStore) -> JobStatus:
        """Return how the run's container stands; one that was stopped before its run ended is started again."""
        name = container_name(run_id)
        with self._engine() as engine:
            found = engine.inspect(name)
            if found and was_preempted(found):
                engine.start(name, found["Config"]["Image"])
                return JobStatus(State.PENDING, "its container was stopped from outside, and is started again")
            return outcome(found, lambda: engine.last_lines(name, _LAST_LINES))

    def logs(self, run_id: str, *, follow: bool) -> Iterator[str]:
        """Yield the lines that the container printed."""
        with self._engine() as engine:
            name = container_name(run_id)
            if engine.inspect(name) is None:
                return
            decoder, rest = codecs.getincrementaldecoder("utf-8")("replace"), ""
            for chunk in engine.logs(name, follow=follow):
                *lines, rest = (rest + decoder.decode(chunk)).split("\n")
                yield from lines
            rest += decoder.decode(b"", final=True)
            if rest:
                yield rest

    def cancel(self, run_id: str, store: ArtifactStore) -> None:
        """Stop the container; it is given time to say how it ended."""
        with self._engine() as engine:
            engine.stop(container_name(run_id), self.stop_seconds)

    def list_runs(self) -> list[RemoteRun]:
        """Return the runs of which there is a container, a scratch volume or a file of secrets."""
        found: dict[str, list[tuple[str, Body]]] = {}
        with self._engine() as engine:
            for row in engine.containers(RUN_LABEL):
                name = row["Names"][0].lstrip("/")
                body = engine.inspect(name)
                if body:
                    found.setdefault(row["Labels"][RUN_LABEL], []).append((f"Container/{name}", body))
            for volume in engine.volumes(RUN_LABEL):
                found.setdefault(volume["Labels"][RUN_LABEL], []).append((f"Volume/{volume['Name']}", volume))
        for folder in _state().glob("r*/"):
            found.setdefault(folder.name, []).append((f"Secrets/{folder}", {}))
        return [_remote_run(run_id, made) for run_id, made in sorted(found.items())]

    def clean_up(self, run_id: str) -> None:
        """Remove the container, its scratch volume and the file with its secrets; no error where there is none."""
        shutil.rmtree(_secrets_file(run_id).parent, ignore_errors=True)
        with self._engine() as engine:
            for row in engine.containers(f"{RUN_LABEL}={run_id}"):
                engine.remove(row["Id"])
            for volume in engine.volumes(f"{RUN_LABEL}={run_id}"):
                engine.remove_volume(volume["Name"])

    def _engine(self) -> Engine:
        return Engine(self.engine)


def _make(engine: Engine, run_id: str, resource: Resource) -> None:
    """Make a container and start it; one of an earlier life of the run is replaced, another run's is refused."""
    name, image = resource.name, resource.body["Image"]
    if not engine.create(name, dict(resource.body)):
        there = engine.inspect(name)
        if there and there["Config"]["Labels"].get(RUN_LABEL) != run_id:
            what = f"there is a container {name} already, which is not of this run"
            raise ConfigError(what, engine.address, f"Remove it: docker rm {name}")
        if there and there["State"]["Status"] in ("exited", "dead"):
            engine.remove(name)
            there = None
        if there is None:
            engine.create(name, dict(resource.body))
    engine.start(name, image)


def _state() -> Path:
    """Return the folder of this user with the secrets of runs, a folder for each."""
    import platformdirs

    return platformdirs.user_state_path("zenml", appauthor=False) / "docker"


def _secrets_file(run_id: str) -> Path:
    return _state() / run_id / "environment.json"


def _remote_run(run_id: str, made: list[tuple[str, Body]]) -> RemoteRun:
    containers = [body for name, body in made if name.startswith("Container/")]
    state = outcome(containers[0]).state if containers else State.LOST
    labels = containers[0]["Config"]["Labels"] if containers else made[0][1].get("Labels", {})
    return RemoteRun(run_id, labels.get(PIPELINE_LABEL, ""), state, tuple(name for name, _ in made))
