"""StagedJob: a job as it is found in the artifact store, where it runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from zenml.artifacts.handed_over import store_at
from zenml.errors import ZenMLError
from zenml.metadata.liveness import this_owner
from zenml.metadata.records import RunRecord, State
from zenml.metadata.store import MetadataStore
from zenml.runtime.console import Console
from zenml.runtime.installing import make_ready
from zenml.runtime.job_folder import JobFolder
from zenml.runtime.package import unpack
from zenml.runtime.requirements import Requirements
from zenml.runtime.trees import Trees
from zenml.spec.model import PipelineSpec
from zenml.spec.yaml_format import read_yaml


@dataclass(frozen=True)
class StagedJob:
    """A staged job.

    Args:
        uri: of its spec.
        folder: its files in the artifact store.
        spec: the pipeline.
        told: what else the client said of it.
    """

    uri: str
    folder: JobFolder
    spec: PipelineSpec
    told: dict[str, Any]

    @classmethod
    def open(cls, spec_uri: str) -> StagedJob:
        """Return the job whose spec is at `<store>/runs/<id>/spec.yaml`.

        Raises:
            StoreError: the store cannot be read, or holds no such job.
        """
        base, run_id, _ = spec_uri.rsplit("/", 2)
        folder = JobFolder(store_at(base.removesuffix("/runs")), run_id)
        spec, _ = read_yaml(folder.store.read_bytes(folder.key("spec.yaml")).decode(), spec_uri)
        told = folder.read_json("job.json")
        if told is None:
            raise ZenMLError("there is no job", folder.store.uri(folder.key("job.json")))
        return cls(spec_uri, folder, spec, told)

    @property
    def deadline(self) -> int | None:
        """How many seconds the job may take."""
        seconds: int | None = self.told.get("deadline")
        return seconds

    @property
    def preemptions(self) -> int:
        """How often the job may be preempted and go on."""
        return int(self.told.get("preemptions", 0))

    @cached_property
    def metadata(self) -> MetadataStore:
        """The store that records the run."""
        if self.spec.run.metadata_store is None:
            raise ZenMLError("the staged spec names no metadata store", self.uri)
        found: MetadataStore = MetadataStore.from_config(self.spec.run.metadata_store.model_dump())
        return found

    @property
    def requirements(self) -> Requirements:
        """What the run needs installed."""
        return Requirements.from_json(self.told["requirements"])

    @property
    def recorded_spec(self) -> str:
        """The spec as it is recorded: with the references of secrets by which the client knows them."""
        text = self.folder.store.read_bytes(self.folder.key("spec.yaml")).decode()
        for here, there in sorted(self.told.get("secrets", {}).items(), reverse=True):  # NAME_12 before NAME_1
            text = text.replace(here, there)
        return text

    def unpack(self, folder: Path) -> list[str]:
        """Unpack the code, and return the folders to put before the others on the import path.

        Raises:
            ZenMLError: the package was changed, or this environment lacks what the run needs.
        """
        digest = self.told["package"]
        wheels = unpack(self.folder.store.read_bytes(f"packages/{digest}.tar.gz"), digest, folder)
        for commit, packed in self.told.get("trees", {}).items():
            data = self.folder.store.read_bytes(f"packages/{packed}.tar.gz")
            Trees(folder).receive(commit, partial(unpack, data, packed))
        return [*map(str, wheels), *make_ready(self.requirements, folder / ".zenml" / "installed", wheels)]

    def settle(self, state: State, reason: str) -> tuple[State, str]:
        """See that the run's end is recorded, also when its process could not do so; return the recorded end."""
        run = self.metadata.get_run(self.folder.run_id)
        if run is None:
            facts = self.told.get("facts", {})
            record = RunRecord(
                self.folder.run_id, self.spec.name, self.recorded_spec, this_owner(), State.RUNNING, facts=facts
            )
            self.metadata.start_run(record)
        elif run.state.ended and run.state is not State.LOST:
            return run.state, run.error or ("" if run.state is State.COMPLETE else reason)
        elif run.state is State.LOST:
            self.metadata.resume_run(run)
        ended = state if state is not State.COMPLETE else State.FAILED
        self.metadata.end_run(self.folder.run_id, state=ended, error=reason)
        return ended, reason

    def execute(self, root: Path) -> State:
        """Run the pipeline in this process, with the unpacked code at `root`; return how it ended."""
        from zenml.backends.launch import Launch
        from zenml.runtime.executor import execute
        from zenml.runtime.graph import build_graph
        from zenml.runtime.source_roots import use_source_roots

        use_source_roots(root, self.spec.environment.source_roots)
        graph = build_graph(self.spec, root=root)
        before = self.metadata.get_run(self.folder.run_id)
        if before and before.state is State.RUNNING:  # a life of this job that ended without a word
            self.metadata.end_run(before.id, state=State.LOST, error="its job was started again")
        launch = Launch(
            self.folder.run_id,
            graph.spec,
            self.metadata,
            self.folder.store,
            root,
            Console(),
            lambda parallel_steps: execute(launch, graph, parallel_steps),
            facts=self.told["facts"],
            resume=before is not None,
            recorded_spec=self.recorded_spec,
        )
        return launch.run_here(1)
