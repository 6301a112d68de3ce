"""Staging: what a run elsewhere needs, put into the artifact store: its data, its code and its spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zenml.artifacts.handed_over import environment
from zenml.backends.launch import Launch
from zenml.datasources.base import Datasource
from zenml.errors import ConfigError, StoreError
from zenml.metadata.liveness import this_owner
from zenml.metadata.records import RunRecord, State, StepRecord
from zenml.runtime.graph import Graph, Node, build_graph
from zenml.runtime.job_folder import JobFolder
from zenml.runtime.needs import requirements_of
from zenml.runtime.package import Package, build_package
from zenml.runtime.pins import Pins
from zenml.runtime.remote_job import RemoteJob
from zenml.runtime.requirements import Requirements
from zenml.runtime.step_run import StepRun
from zenml.runtime.wheels import build_wheels
from zenml.secrets.delivery import Delivery
from zenml.spec.component import Component
from zenml.spec.model import ComponentSpec, PipelineSpec, RunSpec, StepSpec
from zenml.spec.yaml_format import write_yaml


@dataclass(frozen=True)
class Staging:
    """A launch as a job; nothing is written before `put`.

    Args:
        launch: the launch.
        job: the job.
        package: the code.
        secrets: values of the job's variables that are secret.
        trees: the code at the commits to which steps are pinned, by commit.
        requirements: what must be installed where the job runs.
    """

    launch: Launch
    job: RemoteJob
    package: Package
    secrets: Mapping[str, str]
    trees: Mapping[str, Package]
    requirements: Requirements
    _graph: Graph
    _spec: PipelineSpec
    _references: Mapping[str, str] = field(default_factory=dict)

    def put(self) -> None:
        """Write data, code and spec to the artifact store; doing it twice leaves one copy of data and code."""
        launch = self.launch
        spec = _with_data_committed(launch, self._graph, self._spec)
        for package in (self.package, *self.trees.values()):
            launch.store.write_bytes(f"packages/{package.digest}.tar.gz", package.data)
        folder = JobFolder(launch.store, launch.run_id)
        folder.begin_life()
        folder.store.write_bytes(folder.key("spec.yaml"), write_yaml(spec).encode())
        folder.write_json(
            "job.json",
            {
                "run": launch.run_id,
                "package": self.package.digest,
                "trees": {commit: package.digest for commit, package in self.trees.items()},
                "facts": dict(launch.facts),
                "resume": launch.resume,
                "secrets": dict(self._references),
                "requirements": self.requirements.to_json(),
                "deadline": self.job.deadline_seconds,
                "preemptions": self.job.preemptions,
            },
        )
        steps = tuple(StepRecord(node.id, node.spec.type) for node in self._graph.nodes)
        folder.write_record(
            RunRecord(launch.run_id, spec.name, "", this_owner(), State.PENDING, facts=dict(launch.facts), steps=steps)
        )


def stage(
    launch: Launch,
    *,
    deliver: bool,
    deadline_seconds: int | None = None,
    preemptions: int = 0,
    installed: Mapping[str, str] | None = None,
) -> Staging:
    """Describe a launch as a job; nothing is written.

    Args:
        launch: the launch.
        deliver: whether the job gets the secrets that only this machine can look up as variables; else it finds them
            as this machine does.
        deadline_seconds: how long the job may take.
        preemptions: how often it may be preempted and go on.
        installed: what is installed where the job runs, versions by name; None where that is not known.

    Raises:
        ConfigError: the code cannot be packaged, or what it needs is not installed there.
        SecretError: a secret's reference resolves to nothing.
    """
    graph = build_graph(launch.spec, root=launch.root)
    spec = graph.spec
    roots = spec.environment.source_roots
    data = local_data(launch.root, graph)
    requirements = requirements_of(graph, launch.root, (launch.metadata, launch.store))
    problems = requirements.problems(installed) if installed is not None else []
    if problems:
        raise ConfigError(problems)
    travelling = [name for name in requirements.travelling if name not in (installed or {})]
    wheels = build_wheels(travelling, launch.root / ".zenml" / "wheels")
    package = build_package(launch.root, roots, data, wheels)
    trees = {
        tree.commit: build_package(tree.root, roots, tree.counterparts(data, launch.root))
        for tree in Pins(launch.root, roots).trees(spec)
    }
    delivery = Delivery()
    if deliver:
        with delivery.writing():
            spec, variables = _for_job(launch, graph, spec)
    else:
        spec, variables = _for_job(launch, graph, spec)
    uri = launch.store.uri(f"runs/{launch.run_id}/spec.yaml")
    job = RemoteJob(
        launch.run_id,
        spec.name,
        uri,
        ("-m", "zenml.entrypoint", "run", "--spec", uri),
        {"zenml-run": launch.run_id, "zenml-pipeline": slug(spec.name)},
        variables,
        tuple(delivery.values),
        deadline_seconds,
        preemptions,
        tuple(filter(None, (launch.store.local_files, launch.metadata.local_files))),
    )
    return Staging(launch, job, package, delivery.values, trees, requirements, graph, spec, delivery.references)


def slug(name: str) -> str:
    """Return a pipeline's name as a label value: lower case, dashes for whatever else than letters and digits."""
    words = "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()
    return "-".join(words)


def _for_job(launch: Launch, graph: Graph, spec: PipelineSpec) -> tuple[PipelineSpec, dict[str, str]]:
    """Return the spec and the variables as the job gets them, with its own references of secrets."""
    steps = [_step_for_job(graph.by_id[step.id], step) for step in spec.steps]
    stores = RunSpec(metadata_store=ComponentSpec(**launch.metadata.to_config()), artifact_store=launch.store.to_spec())
    return spec.model_copy(update={"steps": steps, "run": stores}), environment(launch.store)


def _step_for_job(node: Node, step: StepSpec) -> StepSpec:
    config = _config_for_job(node.step, step.config)
    backend = step.backend
    if backend and node.backend:
        backend = backend.model_copy(update={"config": _config_for_job(node.backend, backend.config)})
    return step.model_copy(update={"config": config, "backend": backend})


def _config_for_job(component: Component, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config as it stands in the spec, with the job's references of secrets."""
    secret = {name for name in config if _holds_secret(getattr(component, name, None))}
    if not secret:
        return dict(config)
    written = component.written_config()
    return {name: written[name] if name in secret else value for name, value in config.items()}


def _holds_secret(value: object) -> bool:
    from pydantic import BaseModel

    from zenml.secrets import Secret

    if isinstance(value, Secret):
        return True
    if isinstance(value, BaseModel):
        return any(_holds_secret(getattr(value, name)) for name in type(value).model_fields)
    if isinstance(value, Mapping):
        return any(map(_holds_secret, value.values()))
    return isinstance(value, list | tuple | set) and any(map(_holds_secret, value))


def local_data(root: Path, graph: Graph) -> list[Path]:
    """Return the files of data that only this machine can read; they never travel with the code."""
    sources = [node.step for node in graph.nodes if isinstance(node.step, Datasource) and not node.step.snapshot]
    return [Path(name) for source in sources for name in source.resolve(root).local_paths()]


def _with_data_committed(launch: Launch, graph: Graph, spec: PipelineSpec) -> PipelineSpec:
    """Commit what only this machine can read; return the spec that pins it."""
    pinned: dict[str, str] = {}
    for node in graph.nodes:
        source = node.step
        if not isinstance(source, Datasource) or source.snapshot or not source.resolve(launch.root).local_paths():
            continue
        run = StepRun(launch, node, {})
        _, print_ = run.fingerprint({})
        try:
            past = run.cached(print_)
        except StoreError as error:  # only the job may be able to reach it, as a database on its own machine
            launch.report.warn(f"The metadata store cannot be read from here, so data is committed anew: {error}")
            past = None
        if past:
            uri, digest = past.outputs[0].uri, past.outputs[0].digest
        else:
            launch.report.log(f"{node.id:<14} committing")
            made, *_ = run.make(run.attempt(0), print_, {})
            uri, digest = made["examples"].uri, made["examples"].digest
        launch.store.point_to_snapshot(digest, uri)
        pinned[node.id] = digest
    steps = [
        step.model_copy(update={"config": {**step.config, "snapshot": pinned[step.id]}}) if step.id in pinned else step
        for step in spec.steps
    ]
    return spec.model_copy(update={"steps": steps})
