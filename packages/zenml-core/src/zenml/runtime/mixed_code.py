"""Mixed code: artifacts that name classes of the user's own, read where these classes are of another version.

A fitted transform names the transforms of the user's own that are in it, and a model bundle names its trainer. Whoever
reads them uses these classes as they are there: in the working tree, or at the commit of a pinned step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zenml.artifacts.types import Artifact, Model, Transform, fits
from zenml.errors import Problem, ZenMLError
from zenml.plugins.registry import load_type
from zenml.runtime.code_digest import code_of
from zenml.runtime.own_parts import own_parts
from zenml.runtime.pinned_step import PinnedStep
from zenml.steps.base import Step, Wired


@dataclass(frozen=True)
class _Named:
    """A class that an artifact names.

    Args:
        name: `module:Class`.
        step: id of the step that made the artifact.
        commit: at which that step's code is; empty for the working tree.
        files: digests of the modules of the class there.
    """

    name: str
    step: str
    commit: str
    files: Mapping[str, str]


def mixed_code(steps: Iterable[Wired], roots: Sequence[Path]) -> list[tuple[str, Problem]]:
    """Return, with the step that reads it, each class whose code differs between where it was used and is used again.

    Args:
        steps: all steps of a pipeline, each after those that feed it.
        roots: absolute folders of the user's modules in the working tree.
    """
    rows = list(steps)
    if not any(isinstance(row.step, PinnedStep) for row in rows):
        return []
    named: dict[str, list[_Named]] = {}
    found: list[tuple[str, Problem]] = []
    for row in rows:
        read = [
            one
            for name, producer in row.inputs.items()
            if _names_code(row.step.inputs[name])
            for one in named.get(producer.id, [])
        ]
        here = row.step.tree_commit if isinstance(row.step, PinnedStep) else ""
        for one in dict.fromkeys((one.name, one.step) for one in read):
            source = next(other for other in read if (other.name, other.step) == one)
            if source.commit != here and _files(row.step, source.name, roots) != source.files:
                found.append((row.id, _problem(source, row.id, here)))
        named[row.id] = [*read, *_added(row, here, roots)]
    return found


def _names_code(kind: type[Artifact]) -> bool:
    return fits(kind, Transform) or fits(kind, Model)


def _added(row: Wired, here: str, roots: Sequence[Path]) -> list[_Named]:
    """Return the classes that a step's artifacts name because of the step itself."""
    outputs = row.step.outputs.values()
    if not any(map(_names_code, outputs)):
        return []
    parts: Mapping[str, Any] = (
        row.step.own.parts if isinstance(row.step, PinnedStep) else own_parts(row.step, roots).parts
    )
    classes = dict(parts.get("classes", {}))
    if ":" in parts["type"] and any(fits(kind, Model) for kind in outputs):
        classes[parts["type"]] = parts["code"]
    return [_Named(name, row.id, here, files) for name, files in classes.items()]


def _files(step: Step, name: str, roots: Sequence[Path]) -> Mapping[str, str] | None:
    """Return the digests of the modules of a class as a step finds it; None where it does not."""
    try:
        if isinstance(step, PinnedStep):
            files: Mapping[str, str] = step.code(name)
            return files
        return dict(code_of(load_type(name), tuple(roots)).files)
    except ZenMLError:
        return None


def _problem(source: _Named, reader: str, here: str) -> Problem:
    what = (
        f"what it reads of step {source.step} needs {source.name}, which is not the same {_place(here)} as "
        f"{_place(source.commit)}"
    )
    return Problem(what, mend=f"Use one version for both: pin steps {source.step} and {reader} to the same commit")


def _place(commit: str) -> str:
    return f"at commit {commit[:12]}" if commit else "in the working tree"
