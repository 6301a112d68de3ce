"""Timing whole processes: interleaved runs, medians, and differences taken in one run."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    measured: float
    budget: float | None
    unit: str
    note: str = ""


def seconds(command: Sequence[str], cwd: Path, environment: dict[str, str] | None = None) -> float:
    """Return the wall time of one whole process."""
    began = time.perf_counter()
    subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
    )
    return time.perf_counter() - began


def interleaved(rounds: int, *measures: Callable[[], float]) -> list[float]:
    """Run the measures in turn, A B C A B C …, after one round that is not counted; return their medians."""
    for measure in measures:
        measure()
    taken = [[measure() for measure in measures] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*taken, strict=True)]


def python(code: str, cwd: Path) -> Callable[[], float]:
    """Return a measure of an interpreter that runs some code."""
    return lambda: seconds([sys.executable, "-c", code], cwd)


def fsync_ms(folder: Path, times: int = 30) -> float:
    """Return the median time of writing and syncing a small file in a folder, in milliseconds."""
    taken = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(times):
            file.write(b"x" * 200)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)
