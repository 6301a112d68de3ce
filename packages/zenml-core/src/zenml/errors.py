"""Errors that a user can act on: what happened, where, and how to mend it.

Everything ZenML raises on purpose is a :class:`ZenMLError`. It carries one or many :class:`Problem` rows, so that a
check can report all that it found at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

_hide: Callable[[str], str] | None = None


def hide_with(hide: Callable[[str], str]) -> None:
    """From now on, pass the texts of every problem through `hide`, which takes secrets out of them."""
    global _hide
    _hide = hide


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Args:
        what: what happened, as a sentence without a full stop.
        where: file and line, step and field, or file, row and value; empty when there is no better place to name.
        mend: what to do about it; empty when `what` says it already.
    """

    what: str
    where: str = ""
    mend: str = ""

    def __post_init__(self) -> None:
        if _hide:
            for name in ("what", "where", "mend"):
                object.__setattr__(self, name, _hide(str(getattr(self, name))))

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}. {self.mend}" if self.mend else text


class ZenMLError(Exception):
    """Base of every error that ZenML raises on purpose.

    Args:
        problems: one sentence, one problem, or several problems found together.
        where: see `Problem`; only with a sentence.
        mend: see `Problem`; only with a sentence.
    """

    exit_code = 1

    def __init__(self, problems: str | Problem | Iterable[Problem], where: str = "", mend: str = "") -> None:
        if isinstance(problems, str):
            problems = Problem(problems, where, mend)
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__(str(self))

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return str(self.problems[0])
        rows = "\n".join(f"  {number}. {problem}" for number, problem in enumerate(self.problems, 1))
        return f"{len(self.problems)} problems:\n{rows}"


class ConfigError(ZenMLError):
    """A step, backend, store or setting was given a value that it cannot take."""

    exit_code = 2


class SpecError(ConfigError):
    """A pipeline spec cannot be read, resolved or wired."""


class SecretError(ConfigError):
    """A secret cannot be looked up or kept; the message names its reference, never its value."""


class DataError(ZenMLError):
    """The data is not what the pipeline needs."""


class QualityError(ZenMLError):
    """What a step made is whole, and not good enough for the pipeline to go on.

    Its outputs are published and recorded all the same, to be looked at; no step reads them, and no cache serves them.
    """


class PluginError(ZenMLError):
    """A plugin is missing, broken, incompatible or ambiguous."""


class StoreError(ZenMLError):
    """A metadata store or an artifact store cannot be reached, read or written."""


class RunFailed(ZenMLError):  # noqa: N818 - the public name of a run's outcome
    """A run ended in another state than COMPLETE; it is recorded as such.

    Args:
        run_id: the run, as listed by `zenml run list`.
        problems: why.
    """

    def __init__(self, run_id: str, problems: str | Problem | Iterable[Problem]) -> None:
        self.run_id = run_id
        super().__init__(problems)


def closest(name: str, candidates: Iterable[str]) -> str:
    """Return `Did you mean X?` for the candidate nearest to `name`, or an empty string when none is near."""
    import difflib

    by_key = {candidate.lower(): candidate for candidate in sorted(candidates)}
    near = difflib.get_close_matches(name.lower(), by_key, n=1, cutoff=0.6)
    return f"Did you mean {by_key[near[0]]}?" if near else ""
