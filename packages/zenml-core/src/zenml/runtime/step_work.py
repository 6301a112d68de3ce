"""StepWork: what an engine on other machines must know of the step whose shards it works on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zenml.spec.model import PipelineSpec

if TYPE_CHECKING:
    from zenml.runtime.package import Package
    from zenml.runtime.requirements import Requirements


@dataclass(frozen=True)
class StepWork:
    """A step that is running in this process.

    Args:
        run_id: its run.
        step_id: its id.
        spec: the pipeline.
        root: the repository root.
    """

    run_id: str
    step_id: str
    spec: PipelineSpec
    root: Path

    def code(self, op: type) -> tuple[Package, Requirements]:
        """Return the code that workers need, and what must be installed there.

        The user's files are in it where the step, or what it works with, is the user's own; else just what is
        installed here editable.

        Args:
            op: the class of the operation.

        Raises:
            ConfigError: the code cannot be packaged.
        """
        from zenml.runtime.graph import build_graph, lone_node
        from zenml.runtime.imports import find_module
        from zenml.runtime.needs import requirements_of_step
        from zenml.runtime.package import build_package
        from zenml.runtime.staging import local_data
        from zenml.runtime.wheels import build_wheels

        folders = self.spec.environment.source_roots
        node = lone_node(self.spec, self.step_id, self.root)
        requirements = requirements_of_step(node, self.spec, self.root, op)
        wheels = build_wheels(requirements.travelling, self.root / ".zenml" / "wheels")
        roots = [(self.root / folder).resolve() for folder in folders]
        kinds = [type(node.step), op, type(node.backend), *node.step.code_classes()]
        own = any(find_module(kind.__module__, roots) for kind in kinds)
        data = local_data(self.root, build_graph(self.spec, root=self.root)) if own else []
        return build_package(self.root, folders if own else (), data, wheels), requirements


_working: ContextVar[StepWork | None] = ContextVar("step_work", default=None)


def current_work() -> StepWork | None:
    """Return the step that runs in this thread; None outside of runs."""
    return _working.get()


@contextmanager
def working_on(work: StepWork) -> Iterator[None]:
    """Make a step the one that runs in this thread while the context is open."""
    token = _working.set(work)
    try:
        yield
    finally:
        _working.reset(token)
