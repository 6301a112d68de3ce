"""StepWork: what an engine on other machines must know of the step whose shards it works on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zenml.backends.base import BaseBackend
from zenml.backends.interfaces import StepBackend
from zenml.spec.model import PipelineSpec, StepSpec

if TYPE_CHECKING:
    from zenml.runtime.graph import Node
    from zenml.runtime.package import Package
    from zenml.runtime.requirements import Requirements
    from zenml.steps.base import Step


@dataclass(frozen=True)
class OnTree:
    """A step in the process on its tree.

    Args:
        step: the step itself.
        root: the folder of the tree that stands for the repository root.
        data: files of data in it, which never travel with the code.
    """

    step: Step
    root: Path
    data: tuple[Path, ...]


@dataclass(frozen=True)
class StepWork:
    """A step that is running in this process.

    Args:
        run_id: its run.
        step_id: its id.
        spec: the pipeline.
        root: the repository root.
        tree: the tree of a commit that the step runs on, where this process is on it.
    """

    run_id: str
    step_id: str
    spec: PipelineSpec
    root: Path
    tree: OnTree | None = None

    @property
    def is_elsewhere(self) -> bool:
        """Whether the step's engine works on other machines."""
        backend = self._block.backend
        found: BaseBackend | None = BaseBackend.from_config(backend.model_dump()) if backend else None
        return isinstance(found, StepBackend) and found.REMOTE

    def code(self, op: type) -> tuple[Package, Requirements]:
        """Return the code that workers need, and what must be installed there.

        The user's files are in it where the step, or what it works with, is the user's own; else just what is
        installed here editable.

        Args:
            op: the class of the operation.

        Raises:
            ConfigError: the code cannot be packaged.
        """
        from zenml.runtime.imports import find_module
        from zenml.runtime.needs import requirements_of_step
        from zenml.runtime.package import build_package
        from zenml.runtime.wheels import build_wheels

        folders = self.spec.environment.source_roots
        root = self.tree.root if self.tree else self.root
        node = self._node()
        requirements = requirements_of_step(node, self.spec, root, op)
        wheels = build_wheels(requirements.travelling, self.root / ".zenml" / "wheels")
        roots = [(root / folder).resolve() for folder in folders]
        kinds = [type(node.step), op, type(node.backend), *node.step.code_classes()]
        own = any(find_module(kind.__module__, roots) for kind in kinds)
        return build_package(root, folders if own else (), self._data() if own else (), wheels), requirements

    def to_json(self, commit: str) -> dict[str, Any]:
        """Return in JSON types what `from_json` needs in the process on the tree of a commit."""
        from zenml.runtime.pins import Pins
        from zenml.spec.yaml_format import write_yaml

        pins = Pins(self.root, self.spec.environment.source_roots)
        (tree,) = (tree for tree in pins.trees(self.spec) if tree.commit == commit)
        data = tree.counterparts(self._data(), self.root)
        told = {"run_id": self.run_id, "step_id": self.step_id, "spec": write_yaml(self.spec), "root": str(self.root)}
        return {**told, "tree": str(tree.root), "data": [str(file) for file in data]}

    @classmethod
    def from_json(cls, told: Mapping[str, Any], step: Step) -> StepWork:
        """Return the work of a step in the process on its tree."""
        from zenml.spec.yaml_format import read_yaml

        tree = OnTree(step, Path(told["tree"]), tuple(Path(file) for file in told["data"]))
        spec, _ = read_yaml(told["spec"])
        return cls(told["run_id"], told["step_id"], spec, Path(told["root"]), tree)

    def _node(self) -> Node:
        from zenml.runtime.graph import Node, lone_node
        from zenml.steps.base import Wired

        if self.tree is None:
            return lone_node(self.spec, self.step_id, self.root)
        step = self.tree.step
        return Node(self._block, step, step.backend, self._block.inputs, Wired(self.step_id, step, {}))

    @property
    def _block(self) -> StepSpec:
        return next(block for block in self.spec.steps if block.id == self.step_id)

    def _data(self) -> Sequence[Path]:
        from zenml.runtime.graph import build_graph
        from zenml.runtime.staging import local_data

        return self.tree.data if self.tree else local_data(self.root, build_graph(self.spec, root=self.root))


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
