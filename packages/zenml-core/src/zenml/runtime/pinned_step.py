"""PinnedStep: stands in this process for a step whose class lives on the tree of a commit.

The class itself is never imported here, where another version of its module may be loaded: a process on the tree says
what it declares, checks it and runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import new_class
from typing import Any, ClassVar, Protocol, Self

from pydantic import ConfigDict, JsonValue, PrivateAttr

from zenml.artifacts import types
from zenml.artifacts.types import Artifact
from zenml.data.identity import IdentityMemo
from zenml.datasources.base import Datasource
from zenml.errors import Problem
from zenml.plugins.registry import type_name
from zenml.runtime.own_parts import OwnParts
from zenml.runtime.step_work import current_work
from zenml.runtime.told import Told
from zenml.secrets.secret import Secret, references_only
from zenml.steps.base import Inputs, Step, StepContext


class Ask(Protocol):
    """Asks a process on the tree."""

    def __call__(self, verb: str, told: Callable[[str, Any], None] | None = None, **payload: Any) -> Any:
        """Return its answer (JSON types), after telling its messages.

        Raises:
            ZenMLError: what went wrong there.
        """


@dataclass(frozen=True)
class Declared:
    """What a process on the tree says of a step.

    Args:
        data: its answer (JSON types).
        commit: the full hash of the tree's commit.
        ask: asks it more about the same step.
    """

    data: Mapping[str, Any]
    commit: str
    ask: Ask

    def __deepcopy__(self, _: object) -> Self:
        """Return itself: nothing of it changes, and it holds what cannot be copied."""
        return self


class PinnedStep(Step):
    """A step on the tree of a commit; its fields are what the spec's config holds."""

    model_config = ConfigDict(extra="allow")

    BASES: ClassVar[frozenset[str]] = frozenset()
    """The classes that the real one derives from, as `module:Class`."""

    _declared: Declared = PrivateAttr()

    def backed_by(self, declared: Declared, *, pinned: bool) -> Self:
        """Stand for a class on the tree of a commit, to which it is pinned or where it follows; return the step."""
        self._declared = declared
        self._pinned_to = declared.commit if pinned else ""
        return self

    @property
    def tree_commit(self) -> str:
        """The commit on whose tree it runs."""
        return self._declared.commit

    def code(self, name: str) -> dict[str, str]:
        """Return the digests of the modules of another class on the tree, `module:Class`, by module.

        Raises:
            ZenMLError: there is no such class.
        """
        files: dict[str, str] = self._declared.ask("code", name=name)
        return files

    @property
    def own(self) -> OwnParts:
        """What the step adds to its fingerprint."""
        return OwnParts(**self._declared.data["own"])

    def fingerprint_config(self) -> dict[str, Any]:
        """Return the part of the config that changes the step's outputs (JSON types)."""
        config: dict[str, Any] = self.own.parts["config"]
        return config

    def split_names(self, inputs: Inputs) -> tuple[str, ...] | None:
        """Return the names of the splits in this step's outputs, as the real class says."""
        names = self._checked(inputs)["splits"]
        return None if names is None else tuple(names)

    def check(self, inputs: Inputs) -> Iterable[Problem]:
        """Find what the real class finds."""
        return [Problem(*problem) for problem in self._checked(inputs)["problems"]]

    def run(self, context: StepContext) -> None:
        """Do the work in a process on the tree."""
        inputs = {
            name: {
                "type": artifact.type,
                "uri": artifact.uri,
                "digest": artifact.digest,
                "path": str(artifact.path.absolute()),
                "properties": artifact.properties,
            }
            for name, artifact in context.inputs.items()
        }
        outputs = {name: str(artifact.path.absolute()) for name, artifact in context.outputs.items()}
        scratch = str(context.scratch.absolute())
        with ExitStack() as bars:
            told = Told(context, bars)
            checkpoints = context.checkpoints.to_json() if context.checkpoints else None
            self._declared.ask(
                "run",
                told,
                inputs=inputs,
                outputs=outputs,
                seed=context.seed,
                scratch=scratch,
                checkpoints=checkpoints,
                work=self._work_elsewhere(),
            )

    def _work_elsewhere(self) -> dict[str, Any] | None:
        """Return what an engine on other machines must know; None where the step has none."""
        work = current_work()
        return work.to_json(self.tree_commit) if work and work.is_elsewhere else None

    def _checked(self, inputs: Inputs) -> Any:
        before = {
            name: {
                "id": wired.id,
                "type": type_name(type(wired.step)),
                "config": wired.step.model_dump(mode="json"),
                "splits": wired.split_names(),
            }
            for name, wired in inputs.items()
        }
        return self._declared.ask("check", inputs=before)


class PinnedDatasource(PinnedStep, Datasource):
    """A datasource on the tree of a commit; the data are where they are now."""

    model_config = ConfigDict(extra="allow")

    def identity(self, memo: IdentityMemo | None = None) -> str:
        """Return the source identity, as the real class finds it."""
        return str(self._declared.ask("identity"))

    def local_paths(self) -> list[str]:
        """Name what only this machine can read, as its files."""
        return list(map(str, self._declared.ask("local_paths")))

    def split_names(self, inputs: Inputs) -> tuple[str, ...]:
        """Return the names of its splits."""
        return super().split_names(inputs) or ()


def stand_in(declared: Declared, config: Mapping[str, JsonValue], *, pinned: bool) -> PinnedStep:
    """Return what stands for a step.

    Args:
        declared: what the process on the tree says of it.
        config: its config, which was checked there.
        pinned: whether it is pinned itself; else it comes with a distribution, and follows a step that is.
    """
    data = declared.data
    base = PinnedDatasource if data["datasource"] else PinnedStep
    attributes = {
        "__module__": data["module"],
        "__qualname__": data["name"],
        "__doc__": f"Stands for {data['name']} of a commit.",
        "BASES": frozenset(data["bases"]),
        "BACKEND_KINDS": tuple(data["backend_kinds"]),
        "SEEDED": data["seeded"],
        "inputs": {name: artifact_type(**row) for name, row in data["inputs"].items()},
        "outputs": {name: artifact_type(**row) for name, row in data["outputs"].items()},
        "__annotations__": {name: Secret for name in data["secrets"] if name in config},
    }
    name = data["name"].rpartition(".")[2]
    kind: type[PinnedStep] = new_class(name, (base,), exec_body=lambda namespace: namespace.update(attributes))
    with references_only():
        return kind(**config).backed_by(declared, pinned=pinned)


def artifact_row(kind: type[Artifact]) -> dict[str, Any]:
    """Return what `artifact_type` makes a class for the same type of (JSON types)."""
    bases = [f"{base.__module__}:{base.__qualname__}" for base in kind.__mro__ if issubclass(base, Artifact)]
    return {"bases": bases, "not_content": list(kind.NOT_CONTENT)}


def artifact_type(bases: Sequence[str], not_content: Sequence[str]) -> type[Artifact]:
    """Return an artifact type by the names of its class and of what that derives from.

    One of the core's is that very class. For one of the user's own, whose module is not imported here, a class of the
    same name stands.
    """
    first, *others = bases
    module, _, name = first.partition(":")
    if module == types.__name__ or not others:
        known: type[Artifact] = getattr(types, name)
        return known
    parent = artifact_type(others, ())
    attributes = {"__module__": module, "__qualname__": name, "NOT_CONTENT": tuple(not_content)}
    return type(name.rpartition(".")[2], (parent,), attributes)


def is_a(step: Step, kind: type[Step]) -> bool:
    """Say whether a step, or what it stands for, is of a class."""
    return isinstance(step, kind) or (
        isinstance(step, PinnedStep) and f"{kind.__module__}:{kind.__qualname__}" in step.BASES
    )
