"""TreeSteps: what a process on a tree does with the steps of that tree: describe, check, identify and run them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import zenml
from zenml.artifacts.handles import NewArtifact, StoredArtifact
from zenml.artifacts.types import Artifact
from zenml.backends.base import BaseBackend
from zenml.backends.interfaces import TrainingBackend
from zenml.backends.placement import Placement
from zenml.backends.reporter import Reporter
from zenml.data.identity import IdentityMemo
from zenml.datasources.base import Datasource
from zenml.errors import Problem, SpecError, ZenMLError, closest
from zenml.plugins.registry import load_type
from zenml.runtime.code_digest import code_of
from zenml.runtime.imports import find_module
from zenml.runtime.job_runner import job_runner
from zenml.runtime.own_parts import own_parts
from zenml.runtime.pinned_step import PinnedStep, artifact_row
from zenml.runtime.step_work import StepWork, working_on
from zenml.runtime.training_work import TrainingWork
from zenml.runtime.worker_pool import POOL
from zenml.secrets import Secret
from zenml.steps.base import Step, StepContext, Wired
from zenml.steps.trainer.checkpoints import Checkpoints
from zenml.steps.trainer.history import Epoch, History

Block = Mapping[str, Any]
"""What stands in a spec, as JSON types; of a step its `id`, `type`, `config` and `backend`."""


class Telling(Reporter, Protocol):
    """Takes messages, progress and epochs of a running step, and what it made."""

    def epochs(self, rows: Sequence[Epoch]) -> None:
        """Take the epochs of a training so far."""

    def made(self, value: Any) -> None:
        """Take the properties of what it made, and its metrics."""


@dataclass(frozen=True)
class _Before(Wired):
    """A step before a pinned one, of which only the names of its splits need be right."""

    splits: tuple[str, ...] | None = None

    def split_names(self) -> tuple[str, ...] | None:
        return self.splits


class TreeSteps:
    """The steps of a tree; each public method but this is a verb, given and answering JSON types.

    Args:
        commit: the full hash of the tree's commit.
        path: the tree's folder.
        roots: absolute source roots in the tree; from now on they come first on the import path.
        hidden: absolute source roots of the working tree, taken off the import path.
        report: takes what a running step says.
    """

    def __init__(self, commit: str, path: Path, roots: Sequence[str], hidden: Sequence[str], report: Telling) -> None:
        self._commit = commit
        self._path = path.resolve()
        self._roots = [Path(root) for root in roots]
        self._hidden = {Path(folder).resolve() for folder in hidden} - {Path(zenml.__file__).resolve().parents[1]}
        self._report = report
        sys.path[:] = [*roots, *(entry for entry in sys.path if Path(entry or ".").resolve() not in self._hidden)]

    def describe(self, step: Block) -> dict[str, Any]:
        """Return what a step declares, and what it adds to its fingerprint.

        Raises:
            ZenMLError: there is no such class, or its config or backend does not fit.
        """
        made = self._make(step)
        kind = type(made)
        inherited = (kind.fingerprint_config, kind.code_classes, kind.check, kind.split_names)
        return {
            "module": kind.__module__,
            "name": kind.__qualname__,
            "bases": [f"{base.__module__}:{base.__qualname__}" for base in kind.__mro__],
            "datasource": isinstance(made, Datasource),
            "backend_kinds": list(made.BACKEND_KINDS),
            "seeded": made.SEEDED,
            "secrets": [name for name in kind.model_fields if isinstance(getattr(made, name), Secret)],
            "inputs": {name: _declared(artifact, kind) for name, artifact in made.inputs.items()},
            "outputs": {name: _declared(artifact, kind) for name, artifact in made.outputs.items()},
            "own": asdict(own_parts(made, self._roots)),
            "lasting": all(method.__module__.partition(".")[0] == "zenml" for method in inherited),
        }

    def check(self, step: Block, inputs: Mapping[str, Block]) -> dict[str, Any]:
        """Return the problems that a step finds in its place, and the names of the splits that it gives."""
        made = self._make(step)
        before = {name: _before(row) for name, row in inputs.items()}
        problems = [[problem.what, problem.where, problem.mend] for problem in made.check(before)]
        return {"problems": problems, "splits": made.split_names(before)}

    def code(self, step: Block, name: str) -> dict[str, str]:
        """Return the digests of the modules of a class that a step may come upon, by module."""
        return dict(code_of(load_type(name), tuple(self._roots)).files)

    def identity(self, step: Block, root: str) -> str:
        """Return the source identity of a datasource, whose paths count from the repository root."""
        return self._source(step, root).identity(IdentityMemo(Path(root) / ".zenml" / "sources.json"))

    def local_paths(self, step: Block, root: str) -> list[str]:
        """Return the files of a datasource that only this machine can read."""
        return self._source(step, root).local_paths()

    def run(
        self,
        step: Block,
        root: str,
        inputs: Mapping[str, Block],
        outputs: Mapping[str, str],
        seed: int,
        scratch: str,
        checkpoints: Block | None = None,
        work: Block | None = None,
    ) -> None:
        """Run a step; tell the properties of what it made, and its metrics, also where it raises."""
        made = self._make(step)
        chosen = made.backend
        if isinstance(made, Datasource):
            made = made.resolve(Path(root))
        context = StepContext(
            inputs={name: StoredArtifact(**{**row, "path": Path(row["path"])}) for name, row in inputs.items()},
            outputs={name: NewArtifact(made.outputs[name], Path(path)) for name, path in outputs.items()},
            seed=seed,
            run_job=job_runner(step["id"], chosen, self._report),
            scratch=Path(scratch),
            report=self._report,
            checkpoints=Checkpoints.from_json(checkpoints, History(self._report.epochs)) if checkpoints else None,
            placement=chosen.placement() if isinstance(chosen, TrainingBackend) else Placement(),
        )
        try:
            with working_on(StepWork.from_json(work, made)) if work else nullcontext():
                if isinstance(chosen, TrainingBackend):
                    chosen.train(TrainingWork(step["id"], made, context))
                else:
                    made.run(context)
        finally:
            POOL.close()
            properties = {name: artifact.properties for name, artifact in context.outputs.items()}
            metrics = {name: float(value) for name, value in context.metrics.items()}  # NumPy's numbers are no JSON
            self._report.made({"properties": properties, "metrics": metrics})

    def _make(self, block: Block) -> Step:
        name = str(block["type"])
        module = name.partition(":")[0] if ":" in name else ""
        if module and module not in dict(find_module(module, self._roots)):
            mend = closest(module, self._modules()) or "Is its folder one of the source roots?"
            raise SpecError(f"there is no module {module} {self._there}", name, mend)
        try:
            step: Step = Step.from_config(block)
        except ZenMLError as error:
            raise type(error)([self._placed(problem) for problem in error.problems]) from None
        except TypeError as error:  # an abstract class
            raise SpecError(f"it cannot be used as a step {self._there}: {error}", name) from None
        own = getattr(sys.modules[type(step).__module__], "__file__", None)
        if module and not Path(own or "/").resolve().is_relative_to(self._path):
            what = f"its class is not of that commit: {type(step).__module__} is imported from {own}"
            raise SpecError(what, name)
        self._refuse_strangers(name)
        return step.with_backend(BaseBackend.from_config(block["backend"])) if block["backend"] else step

    def _source(self, block: Block, root: str) -> Datasource:
        source = self._make(block)
        if not isinstance(source, Datasource):
            raise SpecError(f"{block['type']} is not a datasource {self._there}")
        return source.resolve(Path(root))

    def _refuse_strangers(self, name: str) -> None:
        """Find modules of the working tree that came in by another way than the import path."""
        for module, loaded in list(sys.modules.items()):
            file = str(getattr(loaded, "__file__", None) or "")
            for folder in self._hidden if file else ():
                base = folder.joinpath(*module.split("."))
                if Path(file).resolve() in (base.with_suffix(".py"), base / "__init__.py"):
                    raise SpecError(f"it imports {module}, which is not {self._there}, from {file}", name)

    def _modules(self) -> set[str]:
        """Return the names of all modules under the source roots."""
        files = {file.relative_to(root).with_suffix("") for root in self._roots for file in root.rglob("*.py")}
        return {".".join(file.parts).removesuffix(".__init__") for file in files}

    def _placed(self, problem: Problem) -> Problem:
        return Problem(problem.what, f"{problem.where} {self._there}".strip(), problem.mend)

    @property
    def _there(self) -> str:
        return f"at commit {self._commit[:12]}"


def _declared(artifact: type[Artifact], kind: type[Step]) -> dict[str, Any]:
    if artifact.is_content.__func__ is not Artifact.is_content.__func__:  # type: ignore[attr-defined] # class methods have it
        what = f"its artifact type {artifact.__name__} overrides is_content, which only the class itself can answer"
        raise SpecError(what, kind.__name__, "Name the files that are no content in NOT_CONTENT")
    return artifact_row(artifact)


def _before(row: Block) -> Wired:
    """Return a step before a pinned one: a class that comes with a distribution as it is, any other by its fields."""
    splits = None if row["splits"] is None else tuple(row["splits"])
    step: Step = PinnedStep(**row["config"])
    if ":" not in row["type"]:
        with suppress(ZenMLError):  # its config may name a class that is not on this tree
            step = Step.from_config(row)
    return _Before(str(row["id"]), step, {}, splits)
