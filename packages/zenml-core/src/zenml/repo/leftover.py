"""Leftover: something in a repository's stores and folders that no run refers to."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

REASONS = {
    "artifact": "published, but the run ended before it was recorded",
    "attempt": "files of an attempt that published nothing",
    "checkpoint": "what a training had learned whose run ended; if that is resumed, it begins anew",
    "scratch": "scratch files of a run that has ended",
    "partial": "a file that a process was writing when it ended",
    "log": "what a run that has ended printed and told of itself",
    "job": "what a job was begun with that has ended",
    "resources": "what is held elsewhere of a run that has ended",
    "submission": "a note of a run that was to be submitted, of which nothing is held elsewhere",
    "package": "code that no job refers to",
    "environment": "a list of what was installed that no run refers to",
}
"""Kinds of leftovers, and how they come about."""


@dataclass(frozen=True)
class Leftover:
    """Something that no run refers to.

    Args:
        kind: one of `REASONS`.
        uri: where it is: a URI in the artifact store, or a path.
        size: bytes of its files.
        since: when its run ended, or where that is not known when it was made; seconds since the epoch.
        run: the run that left it; empty where that is not known.
        pipeline: the pipeline of that run; empty where this metadata store does not know the run.
    """

    kind: str
    uri: str
    size: int
    since: float
    run: str = ""
    pipeline: str = ""

    @property
    def age(self) -> float:
        """Seconds since it could last have been needed."""
        return max(0.0, time.time() - self.since)

    @property
    def reason(self) -> str:
        """Why it is a leftover."""
        known = "" if self.pipeline or not self.run else "; this metadata store does not know the run"
        return REASONS[self.kind] + known

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {
            "kind": self.kind,
            "uri": self.uri,
            "bytes": self.size,
            "age": round(self.age),
            "since": datetime.fromtimestamp(self.since, UTC).isoformat(timespec="seconds"),
            "run": self.run,
            "pipeline": self.pipeline,
            "reason": self.reason,
        }
