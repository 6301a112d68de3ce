"""PinnedType: a step's type at a commit, `package.module:Class@SHA`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from zenml.errors import SpecError
from zenml.plugins.specs import is_target

_COMMIT = re.compile("[0-9a-f]{7,64}")


@dataclass(frozen=True, slots=True)
class PinnedType:
    """A class of the user's own, as it was at a commit.

    Args:
        target: `package.module:Class`.
        commit: the commit's hash, or the beginning of it, in lower case.
    """

    target: str
    commit: str

    def __str__(self) -> str:
        return f"{self.target}@{self.commit}"

    @property
    def short(self) -> str:
        """The type as messages name it."""
        return f"{self.target}@{self.commit[:12]}"


def read_pinned_type(text: str) -> PinnedType | None:
    """Return what a spec's `type` says of a commit; None where it names none.

    Raises:
        SpecError: it names a commit in a way that cannot be meant.
    """
    target, at, commit = text.partition("@")
    if not at:
        return None
    if ":" not in target:
        what = f"only a class of your own can be pinned to a commit, and {target} comes with an installed distribution"
        raise SpecError(what, text, f"Write {target}, and pin the distribution's version where pip installs it")
    if not is_target(target):
        raise SpecError("this does not read package.module:Class@COMMIT", text)
    if target.startswith(("__main__:", "__mp_main__:")):
        raise SpecError("the launched script or a notebook is at no commit", text, "Move the class into a module")
    if not _COMMIT.fullmatch(commit.lower()):
        mend = "git log --oneline lists the commits; git rev-parse NAME gives that of a branch or tag"
        raise SpecError(f"{commit!r} is not the hash of a commit, or at least 7 digits of one", text, mend)
    return PinnedType(target, commit.lower())
