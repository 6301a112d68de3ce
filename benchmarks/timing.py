"""Timing whole processes: interleaved runs, medians, and differences taken in one run."""

from __future__ import annotations

import os
import resource
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
    least: bool = False
    """Whether the budget is the least that must be reached, not the most."""
    scales: bool = True
    """Whether a slower machine may take more: not so for ratios and for memory."""

    def budget_here(self, factor: float) -> float | None:
        """Return the budget on a machine that is `factor` times slower than the one that budgets were set on."""
        if self.budget is None or not self.scales:
            return self.budget
        return self.budget / factor if self.least else self.budget * factor

    def met(self, factor: float) -> bool:
        """Say whether the budget is met on such a machine."""
        budget = self.budget_here(factor)
        if budget is None:
            return True
        return self.measured >= budget if self.least else self.measured <= budget


def seconds(command: Sequence[str], cwd: Path, environment: dict[str, str] | None = None) -> float:
    """Return the wall time of one whole process."""
    began = time.perf_counter()
    run(command, cwd, environment)
    return time.perf_counter() - began


def processor_seconds(command: Sequence[str], cwd: Path, environment: dict[str, str] | None = None) -> float:
    """Return the processor time of one whole process: what neighbours on a busy machine do not change much."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(command, cwd, environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run(command: Sequence[str], cwd: Path, environment: dict[str, str] | None = None) -> None:
    """Run a command to its end, silently."""
    subprocess.run(
        command,
        cwd=cwd,
        env={**compiled_environment(), **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
    )


def compiled_environment() -> dict[str, str]:
    """Return the environment in which compiled modules are kept, as on a user's machine."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def interleaved(rounds: int, *measures: Callable[[], float]) -> list[float]:
    """Run the measures in turn, A B C A B C …, after one round that is not counted; return their medians."""
    for measure in measures:
        measure()
    taken = [[measure() for measure in measures] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*taken, strict=True)]


def python(code: str, cwd: Path) -> Callable[[], float]:
    """Return a measure of the processor time of an interpreter that runs some code."""
    return lambda: processor_seconds([sys.executable, "-c", code], cwd)


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
