"""Memory: whether the system killed processes because memory ran out."""

from __future__ import annotations

from pathlib import Path

_EVENTS = (Path("/sys/fs/cgroup/memory.events"), Path("/sys/fs/cgroup/memory/memory.oom_control"))
"""Of the second and of the first version of Linux's control groups; each line is a name and a number."""


def memory_kills() -> int:
    """Return how many processes of this container were killed for want of memory; 0 where nothing tells."""
    for path in _EVENTS:
        try:
            rows = dict(line.split()[:2] for line in path.read_text(encoding="ascii").splitlines() if line.strip())
            return int(rows.get("oom_kill", "0"))
        except (OSError, ValueError):
            continue
    return 0
