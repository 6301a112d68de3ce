"""Classes that only this process can use: those of the launched script, of a notebook, or inside a function."""

from __future__ import annotations

from pydantic import BaseModel

from zenml.errors import Problem
from zenml.steps.base import Step


def is_live(kind: type[BaseModel]) -> bool:
    """Say whether no other process can import the class by name."""
    return kind.__module__ == "__main__" or "<locals>" in kind.__qualname__


def live_reason(step_id: str, step: Step) -> list[Problem]:
    """Return why a step cannot leave this process, empty if it can."""
    return [
        Problem(
            f"{kind.__qualname__} lives in {_place(kind)}, where no other process can import it",
            f"step {step_id}",
            f"Move {kind.__name__} into a module",
        )
        for kind in (type(step), *((type(step.backend),) if step.backend else ()))
        if is_live(kind)
    ]


def _place(kind: type[BaseModel]) -> str:
    return "the launched script or a notebook" if kind.__module__ == "__main__" else "a function"
