"""How much memory a process and its children take while a command runs (Linux)."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

EVERY = 0.05
"""Seconds between two looks."""

MEGABYTE = 1_000_000


@dataclass
class Peak:
    """The most that was seen, in megabytes.

    Args:
        uss: of the biggest process, memory that it shares with no other.
        pss: of all processes together, shared memory counted once.
    """

    uss: float = 0.0
    pss: float = 0.0


def peak(command: Sequence[str], cwd: Path, environment: dict[str, str]) -> Peak:
    """Run a command to its end; return how much memory it and its children took at most."""
    process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL)
    found = Peak()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(EVERY):
            sizes = [_sizes(pid) for pid in _tree(process.pid)]
            found.uss = max([found.uss, *(uss for uss, _ in sizes)])
            found.pss = max(found.pss, sum(pss for _, pss in sizes))

    watcher = threading.Thread(target=watch)
    watcher.start()
    status = process.wait()
    ended.set()
    watcher.join()
    if status:
        raise subprocess.CalledProcessError(status, command)
    return found


def _tree(root: int) -> list[int]:
    """Return a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended meanwhile
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def _sizes(pid: int) -> tuple[float, float]:
    """Return USS and PSS of a process in megabytes, as /proc/PID/smaps_rollup tells them (in kibibytes)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return 0.0, 0.0
    sizes = {name: int(rest.split()[0]) * 1024 / MEGABYTE for name, _, rest in (line.partition(":") for line in lines)}
    return sizes.get("Private_Clean", 0.0) + sizes.get("Private_Dirty", 0.0), sizes.get("Pss", 0.0)
