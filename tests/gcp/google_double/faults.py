"""Faults: calls that fail on purpose."""

from __future__ import annotations

from dataclasses import dataclass

HOWS = ("401", "403", "429", "500", "503", "cut-before", "cut-after", "late", "time-out")
"""How a call can fail: by an answer; by a connection that breaks before or after the work, or never answers; or by an
answer that comes when nobody waits any more, which takes no time with `let_time_fly`.
"""


@dataclass
class Fault:
    """Calls that fail.

    Args:
        how: one of `HOWS`.
        at: the number of the call, from 1, among those that fit, at which it begins.
        times: how many calls fail.
        method: only calls of methods whose id holds this text, such as `instances.insert`.
        account: only calls by accounts whose address holds this text.
        retry_after: seconds that a 429 asks to wait.
    """

    how: str
    at: int = 1
    times: int = 1
    method: str = ""
    account: str = ""
    retry_after: int = 0
    seen: int = 0

    def strikes(self, method: str, account: str) -> bool:
        """Count a call that fits, and tell whether it is one of those that fail."""
        if self.method not in method or self.account not in account:
            return False
        self.seen += 1
        return self.at <= self.seen < self.at + self.times
