"""Graph: a spec whose types are loaded, whose inputs are wired, and which was checked; ready to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from zenml.backends.base import BaseBackend
from zenml.datasources.base import Datasource
from zenml.errors import Problem, SpecError, ZenMLError
from zenml.runtime.mixed_code import mixed_code
from zenml.runtime.pinned_step import is_a
from zenml.runtime.pins import Pins
from zenml.runtime.wiring import Sources, sort_by_flow, wire
from zenml.spec.model import PipelineSpec, StepSpec
from zenml.spec.yaml_format import Lines, Path
from zenml.steps.base import Step, Wired
from zenml.steps.trainer.base import Trainer

PIPELINE_NEEDS: Mapping[str, tuple[tuple[type[Step], str, str], ...]] = {
    "Pipeline": (),
    "DataPipeline": ((Datasource, "datasource", "add_datasource"),),
    "TrainingPipeline": ((Datasource, "datasource", "add_datasource"), (Trainer, "trainer", "add_trainer")),
}
"""Kinds of pipeline, and for each the steps without which it makes no sense: class, what to call it, how to add it."""


@dataclass(frozen=True)
class Node:
    """One step in its place.

    Args:
        spec: its block of the spec.
        step: the step itself.
        backend: the backend chosen for it, or None for the default.
        sources: input name to `STEP.OUTPUT`.
        wired: the step with all that feeds it.
    """

    spec: StepSpec
    step: Step
    backend: BaseBackend | None
    sources: Sources
    wired: Wired

    @property
    def id(self) -> str:
        """The step's id."""
        return self.spec.id


@dataclass(frozen=True)
class Graph:
    """A checked pipeline: the spec with all inputs written out, and its nodes in an order in which they can run."""

    spec: PipelineSpec
    nodes: tuple[Node, ...]
    by_id: Mapping[str, Node] = field(repr=False)


def build_graph(
    spec: PipelineSpec,
    *,
    live: Mapping[str, Step] | None = None,
    lines: Lines | None = None,
    root: FilePath | None = None,
) -> Graph:
    """Load, wire and check every step of a spec.

    Args:
        spec: the spec.
        live: steps that exist as objects already (their classes may not be importable), by id.
        lines: where the spec's parts stand in their file, for messages.
        root: the repository root, whose commits pinned steps name; by default there are none.

    Raises:
        SpecError: every problem found in the whole spec.
    """
    with Pins(root, spec.environment.source_roots) as pins:
        return _build(spec, pins, live, lines)


def _build(spec: PipelineSpec, pins: Pins, live: Mapping[str, Step] | None, lines: Lines | None) -> Graph:
    places = {step.id: ("steps", number) for number, step in enumerate(spec.steps)}
    lines = lines or Lines()
    problems: list[Problem] = []
    steps: dict[str, Step] = {}
    backends: dict[str, BaseBackend | None] = {}
    for block in spec.steps:
        path = places[block.id]
        try:
            step = steps[block.id] = (live or {}).get(block.id) or load_step(block, pins)
            backends[block.id] = step.backend
            if block.backend and step.backend is None:
                backends[block.id] = _backend(block, step)
            backend = backends[block.id]
            found = backend.check() if backend else ()
            problems += [_placed(problem, lines, path, block.id) for problem in found]
        except ZenMLError as error:
            problems += [_placed(problem, lines, path, block.id) for problem in error.problems]
    if spec.run.backend:
        try:
            backend = BaseBackend.from_config(spec.run.backend.model_dump())
            problems += [_placed(problem, lines, ("run", "backend"), "run.backend") for problem in backend.check()]
        except ZenMLError as error:
            problems += [_placed(problem, lines, ("run", "backend"), "run.backend") for problem in error.problems]
    problems += _missing_parts(spec, steps, lines)

    given = {block.id: block.inputs for block in spec.steps}
    sources, wrong = wire(list(steps.items()), given, [block.id for block in spec.steps if block.id not in steps])
    order, circular = sort_by_flow(steps, sources)
    problems += [_at_step(problem, lines, places) for problem in wrong + circular]

    nodes: dict[str, Node] = {}
    by_spec = {block.id: block for block in spec.steps}
    for step_id in order:
        inputs = {name: nodes[source.partition(".")[0]].wired for name, source in sources[step_id].items()}
        block = by_spec[step_id].model_copy(
            update={"inputs": sources[step_id], "type": pins.full(by_spec[step_id].type)}
        )
        try:
            steps[step_id] = pins.follow(block, steps[step_id], by_spec)
        except ZenMLError as error:
            problems += [_placed(problem, lines, places[step_id], step_id) for problem in error.problems]
        wired = Wired(step_id, steps[step_id], inputs)
        nodes[step_id] = Node(block, steps[step_id], backends[step_id], sources[step_id], wired)
        found = _backed(steps[step_id], backends[step_id]).check(inputs)
        problems += [_placed(problem, lines, places[step_id], step_id) for problem in found]
    mixed = mixed_code([node.wired for node in nodes.values()], pins.roots)
    problems += [_placed(problem, lines, places[step_id], step_id) for step_id, problem in mixed]
    if problems:
        raise SpecError(problems)
    full = spec.model_copy(update={"steps": [nodes[block.id].spec for block in spec.steps]})
    return Graph(full, tuple(nodes.values()), nodes)


def lone_node(spec: PipelineSpec, step_id: str, root: FilePath) -> Node:
    """Return the node of a step of a graph that was built, and so checked, elsewhere; no step before it is loaded.

    Args:
        spec: the spec, with all inputs written out.
        step_id: the step.
        root: the repository root.

    Raises:
        ZenMLError: its class or backend cannot be loaded.
    """
    blocks = {block.id: block for block in spec.steps}
    block = blocks[step_id]
    with Pins(root, spec.environment.source_roots) as pins:
        step = pins.follow(block, load_step(block, pins), blocks)
    return Node(block, step, _backend(block, step), block.inputs, Wired(block.id, step, {}))


def load_step(block: StepSpec, pins: Pins) -> Step:
    """Return the step that a block describes.

    Raises:
        ZenMLError: its class cannot be had, or its config does not fit.
    """
    if "@" in block.type:
        return pins.step(block)
    step: Step = Step.from_config({"type": block.type, "config": block.config})
    return step


def _backend(block: StepSpec, step: Step) -> BaseBackend | None:
    if block.backend is None:
        return None
    backend: BaseBackend = BaseBackend.from_config(block.backend.model_dump())
    return step.model_copy().with_backend(backend).backend


def _backed(step: Step, backend: BaseBackend | None) -> Step:
    """Return a step with its backend, which counts in what it checks."""
    return step if backend is None or step.backend is not None else step.model_copy().with_backend(backend)


def _missing_parts(spec: PipelineSpec, steps: Mapping[str, Step], lines: Lines) -> list[Problem]:
    if spec.type not in PIPELINE_NEEDS:
        return [Problem(f"unknown kind of pipeline {spec.type!r}", lines.where(("type",)), ", ".join(PIPELINE_NEEDS))]
    if len(steps) < len(spec.steps):
        return []
    return [
        Problem(f"a {spec.type} needs a {what}", lines.where(("steps",)), f"Add one: pipeline.{how}(…)")
        for kind, what, how in PIPELINE_NEEDS[spec.type]
        if not any(is_a(step, kind) for step in steps.values())
    ]


def _placed(problem: Problem, lines: Lines, path: Path, step_id: str) -> Problem:
    spot = f"step {step_id}" if path[0] == "steps" else step_id
    where = f"{lines.where(path).partition(': ')[0]}: {spot}" if lines.source else spot
    return Problem(problem.what, f"{where}: {problem.where}" if problem.where else where, problem.mend)


def _at_step(problem: Problem, lines: Lines, places: Mapping[str, Path]) -> Problem:
    step_id, _, rest = problem.where.partition(".")
    if not lines.source or step_id not in places:
        return problem
    path: Path = (*places[step_id], *rest.split(".")) if rest else places[step_id]
    return Problem(problem.what, lines.where(path).partition(": ")[0] + f": {problem.where}", problem.mend)
