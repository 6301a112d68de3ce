"""What the messages of a job that failed mean, and what to do about them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from zenml.errors import Problem

_KNOWN: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"quota", re.I),
        "a quota is used up",
        "Set a lower num_workers, max_num_workers or machine_type, or have the quota raised",
    ),
    (
        re.compile(r"ZONE_RESOURCE_POOL_EXHAUSTED|does not have enough resources|stockout", re.I),
        "the region has no machines of this type left just now",
        "Choose another region or machine_type, or run again later",
    ),
    (
        re.compile(r"(ErrImage|ImagePullBackOff|image pull|pull (the )?(container )?image|manifest unknown)", re.I),
        "the workers cannot pull their image",
        "Check image, and that the workers' service account may read its registry",
    ),
    (
        re.compile(r"out of memory|OutOfMemory|\bOOM\b|memory pressure|MemoryError", re.I),
        "the workers ran out of memory",
        "Choose a machine_type with more memory for each core, such as n2-highmem-4",
    ),
    (
        re.compile(r"lost contact with the service|attempted \d+ times without success", re.I),
        "workers were lost, more often than Dataflow tries again",
        "Most often their memory is used up: choose a machine_type with more of it for each core, such as n2-highmem-4",
    ),
    (
        re.compile(r"permission|does not have \S+ access|PERMISSION_DENIED|Forbidden|\b403\b", re.I),
        "a permission is missing",
        "Grant the workers' service account Dataflow Worker, and Storage Object Admin on the staging bucket",
    ),
    (
        re.compile(r"No module named|ModuleNotFoundError|unpickl|Can't get attribute", re.I),
        "the workers' image lacks what the job needs",
        "Build it on the image and the versions of ZenML and Apache Beam that are installed here",
    ),
    (
        re.compile(r"(SDK harness|worker pool|workers?) (\S+ )*(not start|fail(ed)? to start|startup)", re.I),
        "the workers do not start",
        "Check that the image's ENTRYPOINT is Beam's boot program, and read the job's logs",
    ),
)
_MOST = 400


def problem_of(messages: Sequence[str], where: str, link: str) -> Problem:
    """Return the problem of a job that failed.

    Args:
        messages: what the job says, in order.
        where: what to call it.
        link: a page that shows it.
    """
    for pattern, what, mend in _KNOWN:
        said = next((message for message in reversed(messages) if pattern.search(message)), None)
        if said:
            return Problem(f"{what}: {_short(said)}", where, f"{mend}. See {link}")
    said = _short(messages[-1]) if messages else "it does not say why"
    return Problem(f"the Dataflow job failed: {said}", where, f"See {link}")


def _short(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= _MOST else f"{line[:_MOST]}…"
