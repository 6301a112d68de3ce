"""Pins: from a step's block in a spec, pinned to a commit, to the step that stands for it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from zenml import __version__
from zenml.artifacts.types import Artifact, Model
from zenml.data.shards import atomic_file
from zenml.errors import Problem, SpecError
from zenml.runtime.environment import installed
from zenml.runtime.pinned_step import Ask, Declared, PinnedStep, stand_in
from zenml.runtime.tree_process import TreeProcess
from zenml.runtime.trees import Tree, Trees
from zenml.spec.model import PipelineSpec, StepSpec
from zenml.spec.pinned_type import PinnedType, read_pinned_type
from zenml.steps.base import Step

_FORMAT = 1
"""Raised by one when what is found out about a step changes its form."""


class Pins:
    """Makes the steps that stand for pinned ones.

    Used as a context, it keeps one process per commit until the end, instead of one per question.

    Args:
        root: the repository root; None where there is none, and so no commits.
        folders: the source roots, as the spec names them.
    """

    def __init__(self, root: Path | None, folders: Sequence[str]) -> None:
        self._given = root
        self._folders = tuple(folders)
        self._full: dict[str, str] = {}
        self._open: dict[str, TreeProcess] | None = None

    def full(self, name: str) -> str:
        """Return a type with the full hash of the commit that it names, if it names one.

        Raises:
            SpecError: there is no such commit, or several.
        """
        pinned = read_pinned_type(name)
        if pinned is None:
            return name
        try:
            commit = self._full[pinned.commit] = self._full.get(pinned.commit) or self._trees.resolve(pinned.commit)
        except SpecError as error:
            raise SpecError([Problem(row.what, row.where or name, row.mend) for row in error.problems]) from None
        return str(PinnedType(pinned.target, commit))

    def follow(self, block: StepSpec, step: Step, blocks: Mapping[str, StepSpec]) -> Step:
        """Return a step as it can read its inputs: on the tree of a pinned trainer whose model it reads.

        A model bundle names its trainer, whose code reads it. A step that comes with a distribution brings no other
        code of the repository, so it can run there.

        Args:
            block: the step's block, with all inputs written out.
            step: the step.
            blocks: the blocks of all steps, by id.

        Raises:
            ZenMLError: it cannot run there.
        """
        if ":" in block.type:
            return step
        for name, source in block.inputs.items():
            trainer = read_pinned_type(blocks[source.partition(".")[0]].type)
            if trainer and issubclass(step.inputs.get(name, Artifact), Model):
                return self.step(block, self._trees.resolve(trainer.commit))
        return step

    def step(self, block: StepSpec, commit: str = "") -> PinnedStep:
        """Return what stands for a step.

        Args:
            block: the step's block.
            commit: full hash of the commit on whose tree a step runs that names none itself.

        Raises:
            ZenMLError: the tree cannot be had, or there is no such class on it, or its config does not fit.
        """
        pinned = read_pinned_type(self.full(block.type))
        target = pinned.target if pinned else block.type
        tree = self._trees.open(pinned.commit if pinned else commit)
        backend = block.backend.model_dump() if block.backend else None
        step = {"id": block.id, "type": target, "config": block.config, "backend": backend}
        note = self._note(tree, step)
        ask = _Remembering(partial(self._ask, tree, step), note)
        try:
            ask.data = json.loads(note.read_bytes())
        except (OSError, ValueError):
            ask.data = ask("describe")
            ask.keep(note, ask.data)
        return stand_in(Declared(ask.data, tree.commit, ask), block.config, pinned=pinned is not None)

    def trees(self, spec: PipelineSpec) -> list[Tree]:
        """Return the trees on which steps of a spec run, each once.

        Raises:
            SpecError: one cannot be had.
        """
        pinned = [read_pinned_type(self.full(block.type)) for block in spec.steps]
        return [self._trees.open(commit) for commit in dict.fromkeys(row.commit for row in pinned if row)]

    @property
    def roots(self) -> list[Path]:
        """Absolute folders of the user's modules in the working tree; none without a repository."""
        return [self._given / folder for folder in self._folders] if self._given else []

    @property
    def _root(self) -> Path:
        if self._given is None:
            what = "a step is pinned to a commit, and no repository is at hand that has commits"
            raise SpecError(what, mend="Run the pipeline by an orchestrator on this machine")
        return self._given

    @property
    def _trees(self) -> Trees:
        return Trees(self._root)

    def _ask(
        self,
        tree: Tree,
        step: dict[str, Any],
        verb: str,
        told: Callable[[str, Any], None] | None = None,
        **payload: Any,
    ) -> Any:
        if verb in ("identity", "local_paths", "run"):
            payload["root"] = str(self._root.absolute())
        if self._open is None or verb == "run":
            with self._process(tree) as process:
                return process.ask(verb, told, step=step, **payload)
        before = self._open.get(tree.commit)
        if before is None or before.ended:
            if before:
                before.close()
            self._open[tree.commit] = self._process(tree)
        return self._open[tree.commit].ask(verb, told, step=step, **payload)

    def _process(self, tree: Tree) -> TreeProcess:
        hidden = [(self._root / folder).resolve() for folder in self._folders]
        script = getattr(sys.modules.get("__main__"), "__file__", None)
        if script and Path(script).resolve().is_relative_to(self._root.resolve()):
            hidden.append(Path(script).resolve().parent)
        roots = tree.source_roots(self._root, self._folders)
        return TreeProcess(tree, roots, [folder for folder in hidden if folder not in roots])

    def _note(self, tree: Tree, step: dict[str, Any]) -> Path:
        """Return the file that holds what is known of a step: it depends on nothing else than its name says."""
        parts = [_FORMAT, __version__, sys.version, sys.prefix, installed(), self._folders, step]
        return self._trees.notes(tree.commit) / f"{_digest(parts)}.json"

    def __enter__(self) -> Self:
        self._open = {}
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes."""
        processes, self._open = self._open or {}, None
        for process in processes.values():
            process.close()


class _Remembering:
    """Asks about one step, and remembers what does not change: on disk only where the core's own code answers.

    A method of the user's own may read whatever it likes.
    """

    def __init__(self, ask: Ask, note: Path) -> None:
        self.data: dict[str, Any] = {"lasting": False}
        self._ask = ask
        self._note = note
        self._checked: dict[str, Any] = {}

    def __call__(self, verb: str, told: Callable[[str, Any], None] | None = None, **payload: Any) -> Any:
        if verb != "check":
            return self._ask(verb, told, **payload)
        name = _digest(payload)
        if name not in self._checked:
            file = self._note.with_name(f"{self._note.stem}-{name}.json")
            try:
                self._checked[name] = json.loads(file.read_bytes())
            except (OSError, ValueError):
                self._checked[name] = self._ask(verb, **payload)
                self.keep(file, self._checked[name])
        return self._checked[name]

    def keep(self, file: Path, answer: Any) -> None:
        """Write an answer to a file, where it lasts."""
        if self.data["lasting"]:
            with contextlib.suppress(OSError), atomic_file(file) as opened:
                opened.write(json.dumps(answer).encode())


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
