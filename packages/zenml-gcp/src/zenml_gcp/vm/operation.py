"""What the operations of Compute Engine tell: why something could not be done, and what was done to a machine."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from zenml.errors import Problem

_NO_CAPACITY = ("ZONE_RESOURCE_POOL_EXHAUSTED", "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", "STOCKOUT")
_MENDS = (
    (
        re.compile("|".join(_NO_CAPACITY)),
        "the zone has no capacity for it now",
        "Try again later, another zone or machine_type, or preemptible=False",
    ),
    (re.compile("QUOTA"), "a quota is used up", "Free some of it, ask for less, or have it raised"),
    (re.compile("PERMISSION|FORBIDDEN"), "a permission is missing", "Ask for a role that has it"),
    (re.compile("CONDITION_NOT_MET|POLICY|CONSTRAINT"), "a policy of the organization forbids it", ""),
)
_DONE = {
    "compute.instances.preempted": "was preempted",
    "compute.instances.hostError": "broke down with its host",
    "compute.instances.terminateOnHostMaintenance": "was ended for the maintenance of its host",
    "compute.instances.guestTerminate": "shut itself down",
    "stop": "was stopped",
    "delete": "was deleted",
}

Operation = Mapping[str, Any]


def operation_problem(operation: Operation, what: str) -> Problem | None:
    """Return why an operation failed; None where it did not.

    Args:
        operation: as Compute Engine tells of it.
        what: it was to work on.
    """
    errors = (operation.get("error") or {}).get("errors") or []
    if not errors:
        return None
    said = "; ".join(_said(error) for error in errors)
    codes = " ".join(str(error.get("code", "")) for error in errors)
    for pattern, meaning, mend in _MENDS:
        if pattern.search(codes):
            return Problem(f"{meaning}: {said}", what, mend)
    return Problem(f"it could not be made: {said}", what)


def words_of(operation: Operation) -> str:
    """Return what an operation did to a machine, as `was preempted`; nothing where it took nothing away."""
    kind = str(operation.get("operationType", ""))
    words = _DONE.get(kind, "")
    user = operation.get("user")
    if kind not in ("stop", "delete") or not user:
        return words
    return f"{words} by {'Google' if is_by_google(operation) else user}"


def is_by_google(operation: Operation) -> bool:
    """Tell whether an operation was Google's own doing: of a person or a service account the address is told."""
    return "@" not in str(operation.get("user", ""))


def preemptions_of(operations: Sequence[Operation]) -> int:
    """Return how often a machine was taken away by Google."""
    taken = ("compute.instances.preempted", "compute.instances.hostError")
    return sum(operation.get("operationType") in taken for operation in operations)


def recent_refusal(operations: Sequence[Operation], since: float) -> str | None:
    """Return why a machine could not be started a moment ago; None where nobody tried.

    Args:
        operations: what was done to the machine, newest first.
        since: from when on that counts, in seconds since the epoch.
    """
    for operation in operations:
        problem = operation_problem(operation, "its machine")
        if problem and operation.get("operationType") == "start" and time_of(operation) >= since:
            return str(problem)
    return None


def time_of(operation: Operation) -> float:
    """Return when an operation was asked for, in seconds since the epoch."""
    text = str(operation.get("insertTime") or "1970-01-01T00:00:00+00:00")
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


def _said(error: Mapping[str, Any]) -> str:
    return f"{error.get('message') or ''} ({error.get('code', 'no code')})".strip().replace("\n", " ")
