"""Planning: which steps of a pipeline would run, which would come from the cache, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, Literal

from zenml.backends.launch import Launch
from zenml.backends.orchestrator_interface import OrchestratorBackend
from zenml.errors import StoreError
from zenml.metadata.records import ArtifactRecord, RunRecord, State
from zenml.runtime.console import Console, print_table
from zenml.runtime.engines import remote_engines
from zenml.runtime.fingerprint import Fingerprint
from zenml.runtime.graph import Graph
from zenml.runtime.remote import RemoteOrchestratorBackend
from zenml.runtime.remote_job import Resource
from zenml.runtime.remote_work import RemoteWorkBackend
from zenml.runtime.staging import slug
from zenml.runtime.step_run import StepRun
from zenml.spec.changes import changes
from zenml.spec.yaml_format import write_documents

_LOOKED_AT = 20
"""How many runs of the pipeline are looked at for the last one in which a step was published."""


@dataclass(frozen=True)
class PlannedStep:
    """What would happen to a step.

    Args:
        id: the step.
        type: its type.
        action: whether its result comes from the cache or it runs. A step that reads what another one makes anew runs,
            too; where it then finds the same data as before, it is cached all the same.
        reasons: why it runs: what changed since it was last published in this pipeline.
    """

    id: str
    type: str
    action: Literal["cached", "run"]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What a run of a pipeline would do; nothing was run or recorded.

    Args:
        pipeline: its name.
        steps: in the order in which they run.
        resources: what would be made elsewhere, exactly as it would be sent but for the run's id.
        package: bytes by name of the files that would travel.
        warnings: what of the package may be missed.
    """

    pipeline: str
    steps: tuple[PlannedStep, ...]
    resources: tuple[Resource, ...] = ()
    package: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __getitem__(self, step: str) -> PlannedStep:
        """Return what would happen to a step."""
        return {row.id: row for row in self.steps}[step]

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON types."""
        return {
            "pipeline": self.pipeline,
            "steps": [asdict(step) for step in self.steps],
            "resources": [asdict(resource) for resource in self.resources],
            "package": dict(self.package),
            "warnings": list(self.warnings),
        }

    def print(self) -> None:
        """Print the plan as a table."""
        rows = [(step.id, step.action, "\n".join(step.reasons)) for step in self.steps]
        print_table(("Step", "Action", "Because"), rows, title=f"{self.pipeline}: plan")
        if not self.resources:
            return
        if self.package:
            total = sum(self.package.values())
            files = [(name, str(size)) for name, size in self.package.items()]
            print_table(("File", "Bytes"), files, title=f"Code package: {len(files)} files, {total} bytes")
        for warning in self.warnings:
            Console().warn(warning)
        made = [{resource.kind: resource.name, **resource.body} for resource in self.resources]
        print("\nWould be made\n" + write_documents(made), end="")  # noqa: T201 - asked for


def make_plan(launch: Launch, graph: Graph, orchestrator: OrchestratorBackend) -> Plan:
    """Return what running a launch would do; nothing is made anywhere.

    Raises:
        SpecError: it cannot run on that orchestrator.
    """
    if not isinstance(orchestrator, RemoteOrchestratorBackend):
        steps = _planned_steps(launch, graph)
        return Plan(graph.spec.name, steps, _made_by_engines(launch, graph, steps))
    try:
        steps = _planned_steps(launch, graph)
    except StoreError as error:  # only the job may be able to reach it, as a database on its own machine
        why = f"not known: the metadata store cannot be read from here: {error}"
        steps = tuple(PlannedStep(node.id, node.spec.type, "run", (why,)) for node in graph.nodes)
    staging = orchestrator.stage(launch, access=False)
    resources = (*orchestrator.render(staging.job), *_made_by_engines(launch, graph, steps))
    package = staging.package
    return Plan(graph.spec.name, steps, resources, package.sizes, package.warnings)


def _made_by_engines(launch: Launch, graph: Graph, steps: Sequence[PlannedStep]) -> tuple[Resource, ...]:
    """Return what the engines of the steps that run make elsewhere; of each kind of engine one job."""
    running = {step.id for step in steps if step.action == "run"}
    engines = remote_engines(node.backend for node in graph.nodes if node.id in running)
    labels = {"zenml-run": launch.run_id, "zenml-pipeline": slug(graph.spec.name)}
    return tuple(
        resource
        for engine in engines
        if isinstance(engine, RemoteWorkBackend)
        for resource in engine.render(launch.run_id, labels)
    )


def _planned_steps(launch: Launch, graph: Graph) -> tuple[PlannedStep, ...]:
    published: dict[str, Mapping[str, ArtifactRecord]] = {}
    steps: list[PlannedStep] = []
    history = _History(launch)
    for node in graph.nodes:
        run = StepRun(launch, node, published)
        waiting = [name for name, source in node.sources.items() if source.partition(".")[0] not in published]
        reasons: list[str] = []
        _, print_ = run.fingerprint({} if waiting else run.inputs())
        if waiting:
            own = {name: part for name, part in print_.parts.items() if name != "inputs"}
            before = history.parts(node.id)
            reasons = changes({**before, "inputs": {}}, own) if before else []
            producers = (node.sources[name].partition(".")[0] for name in waiting)
            reasons += [f"step {producer} runs" for producer in dict.fromkeys(producers)]
        elif not launch.spec.may_serve(node.spec):
            reasons = ["caching is off"]
        elif not print_.servable:
            reasons = ["its class has no source file"]
        else:
            past = run.cached(print_)
            if past:
                published[node.id] = {row.name: row for row in past.outputs}
            else:
                reasons = _reasons(history, node.id, print_)
        steps.append(PlannedStep(node.id, node.spec.type, "run" if reasons else "cached", tuple(reasons)))
    return tuple(steps)


def _reasons(history: _History, step: str, print_: Fingerprint) -> list[str]:
    before = history.parts(step)
    if before is None:
        return ["it has not been published in this pipeline"]
    return changes(before, print_.parts) or ["what it published is gone, or was forgotten"]


class _History:
    """The newest runs of a pipeline, read as far back as is asked for."""

    def __init__(self, launch: Launch) -> None:
        self._metadata = launch.metadata
        self._ids = [run.id for run in launch.metadata.list_runs(pipeline=launch.spec.name, limit=_LOOKED_AT)]
        self._run = cache(self._metadata.get_run)

    def parts(self, step: str) -> Mapping[str, Any] | None:
        """Return the parts of the fingerprint with which a step was last published."""
        for run in self._runs():
            for row in run.steps:
                if row.id == step and row.state in (State.COMPLETE, State.CACHED):
                    return row.fingerprint_parts
        return None

    def _runs(self) -> Iterator[RunRecord]:
        for id_ in self._ids:
            run = self._run(id_)
            if run:
                yield run
