"""Why a job failed: what a service and the job's own output say of it, in words, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from zenml.errors import Problem


@dataclass(frozen=True)
class Cause:
    """One way to fail.

    Args:
        pattern: what is said of it.
        what: it in words; `{told}` is what the pattern's group of that name found, or `other`.
        mend: what to do about it.
    """

    pattern: str
    what: str
    mend: str


def explained(table: Sequence[Cause], service: str, details: str, words: Sequence[str], where: str) -> Problem:
    """Return why a job failed.

    Args:
        table: the ways to fail; the first that fits counts.
        service: what to call the service.
        details: what it says.
        words: the last lines of the job's output.
        where: what to call the job.
    """
    said = "\n".join([details, *words])
    shown = "".join(f"\n  {line}" for line in words)
    for cause in table:
        found = re.search(cause.pattern, said)
        if found:
            groups = found.groupdict()
            told = groups.get("told") or groups.get("other") or ""
            what = f"{cause.what.format(told=told)}{_quoted(service, details)}"
            return Problem(what, where, f"{cause.mend}{shown}")
    return Problem(f"the job failed{_quoted(service, details)}", where, f"Look at its log{shown}")


def _quoted(service: str, details: str) -> str:
    text = " ".join(details.split()).rstrip(".")
    return f" ({service} says: {text})" if text else ""
