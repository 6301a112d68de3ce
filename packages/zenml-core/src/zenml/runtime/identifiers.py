"""Run ids: `r`, nine characters of time, ten of chance; they sort by time and fit every label and resource name."""

from __future__ import annotations

import re
import secrets
import time

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
RUN_ID = re.compile(r"r[a-z0-9]{19}")


def new_run_id() -> str:
    """Return a new run id."""
    return f"r{_base36(time.time_ns() // 1_000_000, 9)}{_base36(secrets.randbelow(36**10), 10)}"


def time_of(run_id: str) -> float:
    """Return when a run id was made, in seconds since the epoch."""
    return int(run_id[1:10], 36) / 1000


def _base36(number: int, width: int) -> str:
    text = ""
    for _ in range(width):
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text
