"""Faults: calls that fail on purpose."""

from __future__ import annotations

from dataclasses import dataclass

HOWS = ("throttled", "error", "cut-before", "cut-after", "late")
"""How a call can fail: by an answer; by a connection that breaks before or after the work; or by an answer that comes
when nobody waits any more, which takes no time with `let_time_fly`.
"""

ANSWERS = {
    "throttled": (429, "ThrottlingException", "Rate exceeded"),
    "error": (500, "InternalServerException", "Something went wrong"),
    "denied": (403, "AccessDeniedException", ""),
    "expired": (403, "ExpiredTokenException", "The security token included in the request is expired"),
}


@dataclass
class Fault:
    """Calls that fail.

    Args:
        how: one of `HOWS`, or of `ANSWERS`.
        at: the number of the call, from 1, among those that fit, at which it begins.
        times: how many calls fail.
        operation: only calls of this one.
    """

    how: str
    at: int = 1
    times: int = 1
    operation: str = ""
    seen: int = 0

    def strikes(self, operation: str) -> bool:
        """Count a call that fits, and tell whether it is one of those that fail."""
        if self.operation not in ("", operation):
            return False
        self.seen += 1
        return self.at <= self.seen < self.at + self.times
