"""RemoteOrchestratorBackend: the one flow of everything that runs elsewhere.

Commit the data that only this machine can read, package the code, stage the spec, *render* the resources (pure and
printable), submit them, watch.
"""

from __future__ import annotations

import json
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zenml.artifacts.handed_over import environment
from zenml.artifacts.store import ArtifactStore
from zenml.backends.launch import Launch
from zenml.backends.orchestrator_interface import OrchestratorBackend
from zenml.datasources.base import Datasource
from zenml.errors import Problem, RunFailed, SpecError
from zenml.metadata.records import State
from zenml.runtime.graph import build_graph
from zenml.runtime.package import build_package
from zenml.runtime.step_run import StepRun
from zenml.spec.model import ComponentSpec, PipelineSpec, RunSpec, StepSpec
from zenml.spec.yaml_format import write_yaml


@dataclass(frozen=True)
class RemoteJob:
    """What a backend renders: one run, staged in the artifact store.

    Args:
        run_id: the run's id.
        pipeline: the pipeline's name.
        spec_uri: where the staged spec is; the job's other files are beside it.
        arguments: what follows the interpreter on the job's command line.
        labels: labels that every resource of the run carries.
        environment: variables that the job's process needs; no secret is in them.
    """

    run_id: str
    pipeline: str
    spec_uri: str
    arguments: tuple[str, ...]
    labels: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)


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
        reason: why it ended in that state, where it did not end well.
    """

    state: State
    reason: str = ""


class RemoteOrchestratorBackend(OrchestratorBackend):
    """Base of the backends that run a pipeline in another process or on another machine."""

    @abstractmethod
    def render(self, job: RemoteJob) -> list[Resource]:
        """Return what `submit` will make; a pure function of the backend's fields and the job."""

    @abstractmethod
    def submit(self, job: RemoteJob, resources: Sequence[Resource]) -> None:
        """Make the resources; the job begins."""

    @abstractmethod
    def status(self, run_id: str, store: ArtifactStore) -> JobStatus:
        """Return how the job of a run stands, from whichever process asks."""

    @abstractmethod
    def cancel(self, run_id: str, store: ArtifactStore) -> None:
        """Ask the job of a run to stop; no error if it has ended."""

    def run(self, launch: Launch, *, wait: bool = True) -> None:
        """Stage and submit the launch, and watch it where `wait` says so."""
        if launch.live_steps:
            raise SpecError(
                [
                    Problem(
                        "its class lives in the launched script, a notebook or a function, which no other process can "
                        "import",
                        f"step {step_id}",
                        "Move the class into a module",
                    )
                    for step_id in launch.live_steps
                ]
            )
        job = stage(launch)
        self.submit(job, self.render(job))
        launch.report.log(f"Run {launch.run_id} was submitted to {type(self).__name__}")
        if not wait:
            return
        status = self._watch(launch)
        if status.state is not State.COMPLETE and launch.metadata.get_run(launch.run_id) is None:
            raise RunFailed(launch.run_id, status.reason or f"the run is {status.state}")

    def _watch(self, launch: Launch) -> JobStatus:
        pause = 0.05
        while not (status := self.status(launch.run_id, launch.store)).state.ended:
            time.sleep(pause)
            pause = min(pause * 1.5, 2.0)
        return status


def stage(launch: Launch) -> RemoteJob:
    """Put the data, the code and the spec of a launch into the artifact store, and return the job.

    Nothing but the store is written; staging twice leaves one copy of data and code.
    """
    spec, sources = _commit_local_data(launch)
    package = build_package(launch.root, spec.environment.source_roots, [Path(name) for name in sources])
    launch.store.write_bytes(f"packages/{package.digest}.tar.gz", package.data)
    spec = spec.model_copy(
        update={
            "run": RunSpec(
                metadata_store=ComponentSpec(**launch.metadata.to_config()), artifact_store=launch.store.to_spec()
            )
        }
    )
    folder = f"runs/{launch.run_id}"
    launch.store.remove(f"{folder}/status.json")  # of the life that a resumed run had before
    description = {
        "run": launch.run_id,
        "package": package.digest,
        "facts": dict(launch.facts),
        "resume": launch.resume,
    }
    launch.store.write_bytes(f"{folder}/job.json", json.dumps(description, sort_keys=True).encode())
    launch.store.write_bytes(f"{folder}/spec.yaml", write_yaml(spec).encode())
    uri = launch.store.uri(f"{folder}/spec.yaml")
    return RemoteJob(
        launch.run_id,
        spec.name,
        uri,
        ("-m", "zenml.entrypoint", "run", "--spec", uri),
        {"zenml-run": launch.run_id, "zenml-pipeline": slug(spec.name)},
        environment(launch.store),
    )


def slug(name: str) -> str:
    """Return a pipeline's name as a label value: lower case, dashes for whatever else than letters and digits."""
    words = "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()
    return "-".join(words)


def _commit_local_data(launch: Launch) -> tuple[PipelineSpec, list[str]]:
    """Commit what only this machine can read; return the spec that pins it, and the local files that were read."""
    graph = build_graph(launch.spec)
    sources: list[str] = []
    pinned: dict[str, StepSpec] = {}
    for node in graph.nodes:
        if not isinstance(node.step, Datasource) or node.step.snapshot:
            continue
        files = node.step.resolve(launch.root).local_paths()
        if not files:
            continue
        sources += files
        run = StepRun(launch, node, {})
        _, print_ = run.fingerprint({})
        past = run.cached(print_)
        if past:
            row = past.outputs[0]
            uri, digest = row.uri, row.digest
        else:
            launch.report.log(f"{node.id:<14} committing")
            made, _ = run.make(run.attempt(0), print_, {})
            uri, digest = made["examples"].uri, made["examples"].digest
        launch.store.point_to_snapshot(digest, uri)
        pinned[node.id] = node.spec.model_copy(update={"config": {**node.spec.config, "snapshot": digest}})
    steps = [pinned.get(step.id, step) for step in graph.spec.steps]
    return graph.spec.model_copy(update={"steps": steps}), sources
