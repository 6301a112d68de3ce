"""What Vertex AI says when it refuses a job, or when one fails: what that means, and what to do about it."""

from __future__ import annotations

import re

from zenml.errors import Problem

_QUOTA = re.compile(r"quota", re.I)
_RATE = re.compile(r"per (minute|second)|PerMinute|requests", re.I)
_PREEMPTED = re.compile(r"preempt|STOCKOUT|reclaimed|spot (VM|instance)s? (was|were) (stopped|deleted)", re.I)
_TOO_LONG = re.compile(r"DEADLINE_EXCEEDED|time(d)?[ -]?out|exceeded the (maximum|time)|running time", re.I)
_SCARCE = re.compile(r"Resources are insufficient|ZONE_RESOURCE_POOL|not enough resources|STOCKOUT", re.I)
_MACHINE = re.compile(r"machine type|accelerator", re.I)
_MOST = 400
_MORE_QUOTA = "Choose another accelerator_type or region, or have the quota raised in the console"

_IMAGE = re.compile(
    r"ErrImage|ImagePullBackOff|pull(ing)? (the )?(container )?image|manifest unknown"
    r"|\bimage\b.*(not found|not exist)|(not found|not exist).*\bimage\b",
    re.I,
)
_ACCOUNT = re.compile(r"service account\b.*(not exist|not found|invalid)|act(ing)? as\b|iam\.serviceAccounts", re.I)

_REFUSED: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        _IMAGE,
        "the machine cannot pull its image",
        "Check image, and that the Vertex AI service agent may read its registry: Artifact Registry Reader",
    ),
    (
        _ACCOUNT,
        "the job cannot work by its service account",
        "Check service_account, and ask for the role Service Account User on it",
    ),
)
_FAILED: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        _SCARCE,
        "the region has no such machines left just now",
        "Choose another region, machine_type or accelerator_type, or run again later",
    ),
    *_REFUSED,
    (
        re.compile(r"out[- ]of[- ]memory|\bOOM\b|137\s?\(SIGKILL\)", re.I),
        "the machine ran out of memory",
        "Choose a machine_type with more memory, or a smaller batch_size",
    ),
    (
        re.compile(r"No module named|executable file not found|StartError|unable to start container", re.I),
        "the image lacks what the training needs",
        "Take an image with Python, ZenML and the trainer's framework in the versions that are installed here",
    ),
    (
        re.compile(r"permission|does not have \S+ access|PERMISSION_DENIED|Forbidden|\b403\b", re.I),
        "a permission is missing",
        "Grant the job's service account Storage Object Admin on the bucket of job_dir",
    ),
    (
        re.compile(r"internal error|INTERNAL\b|please (try|retry) again", re.I),
        "Vertex AI had an error of its own",
        "Run again: the training goes on from its last checkpoint",
    ),
)


def is_quota(said: str) -> bool:
    """Tell whether something was refused because a quota is used up, other than that of calls in a minute."""
    return bool(_QUOTA.search(said)) and not _RATE.search(said)


def is_late(said: str) -> bool:
    """Tell whether a job was ended because it took too long."""
    return bool(_TOO_LONG.search(said))


def is_preempted(said: str) -> bool:
    """Tell whether a job failed because its machines were taken away."""
    return bool(_PREEMPTED.search(said))


def is_scarce(said: str) -> bool:
    """Tell whether a job failed because there are no such machines just now."""
    return bool(_SCARCE.search(said))


def refusal_of(code: int, said: str, where: str, machines: str) -> Problem | None:
    """Return why Vertex AI does not take a job, where that is known.

    Args:
        code: of HTTP.
        said: its words.
        where: the backend.
        machines: the machine types that there are, as a sentence.
    """
    if code not in (400, 403, 404, 429):
        return None
    if is_quota(said):
        return Problem(f"a quota is used up: {_short(said)}", f"{where}.accelerator_type", _MORE_QUOTA)
    if _MACHINE.search(said):
        return Problem(f"Vertex AI refuses the machine: {_short(said)}", f"{where}.machine_type", machines)
    known = _known(said, _REFUSED)
    return Problem(f"{known[0]}: {_short(said)}", where, known[1]) if known else None


def failure_of(said: str, where: str, link: str, seconds: int, *, late: bool) -> Problem:
    """Return why a job ended without having trained.

    Args:
        said: its error, in Vertex AI's words.
        where: what to call it.
        link: a page that shows it.
        seconds: how long it may take.
        late: whether it took that long.
    """
    if late or is_late(said):
        what = f"the training took longer than {seconds} s, and was stopped"
        return Problem(what, where, f"Raise max_running_time. See {link}")
    if is_quota(said):
        return Problem(f"a quota is used up: {_short(said)}", where, f"{_MORE_QUOTA}. See {link}")
    if is_preempted(said) and "STOCKOUT" not in said:
        return Problem(f"its machine was taken away: {_short(said)}", where, f"Raise max_restarts. See {link}")
    known = _known(said, _FAILED)
    if known:
        return Problem(f"{known[0]}: {_short(said)}", where, f"{known[1]}. See {link}")
    return Problem(f"the Vertex AI job failed: {_short(said) or 'it does not say why'}", where, f"See {link}")


def _known(said: str, rows: tuple[tuple[re.Pattern[str], str, str], ...]) -> tuple[str, str] | None:
    return next(((what, mend) for pattern, what, mend in rows if pattern.search(said)), None)


def _short(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= _MOST else f"{line[:_MOST]}…"
