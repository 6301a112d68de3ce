"""How long a recorded step, a cached run and the quickstart take."""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import Row, fsync_ms, interleaved, seconds

EXAMPLE = Path(__file__).parent.parent / "examples" / "quickstart"

STEPS = """
import sys, time
from typing import ClassVar
from zenml.artifacts.types import Artifact
from zenml.pipelines import Pipeline
from zenml.steps.base import Step, StepContext

class First(Artifact): pass

class Nothing(Step):
    outputs: ClassVar = {"out": First}
    number: int = 0
    def run(self, context: StepContext) -> None:
        times.append(time.perf_counter())

times = []
"""

EMPTY_STEPS = """
import statistics, sys, time
import nothing
from nothing import Nothing, Pipeline
from zenml.runtime.console import Console
Console.log = lambda self, message: None
pipeline = Pipeline(name="Empty")
for number in range(60):
    pipeline.add_step(Nothing(number=number), id=f"step{number}")
pipeline.run()
gaps = [later - before for before, later in zip(nothing.times[20:], nothing.times[21:])]
print(statistics.median(gaps) * 1000, file=open("gap.txt", "w"))
"""

TWENTY = """
from nothing import Nothing, Pipeline
pipeline = Pipeline(name="Twenty")
for number in range(20):
    pipeline.add_step(Nothing(number=number), id=f"step{number}")
pipeline.run()
"""


def measure() -> list[Row]:
    """Return the rows of the table."""
    return [*_empty_step(), *_quickstart()]


def _empty_step() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "nothing.py").write_text(STEPS)
        (folder / "run.py").write_text(EMPTY_STEPS)
        gaps, syncs = [], []
        for _ in range(5):
            shutil.rmtree(folder / ".zenml", ignore_errors=True)
            syncs.append(fsync_ms(folder))
            seconds([sys.executable, "run.py"], folder)
            syncs.append(fsync_ms(folder))
            gaps.append(float((folder / "gap.txt").read_text()))
        gap, sync = statistics.median(gaps), statistics.median(syncs)
        (folder / "twenty.py").write_text(TWENTY)
        (twenty,) = interleaved(7, lambda: seconds([sys.executable, "twenty.py"], folder))
    return [
        Row("a recorded step with no work in it", gap, 3 + 5 * sync, "ms", f"fsync here: {sync:.2f} ms"),
        Row("a cached run of 20 steps, whole process", twenty, 0.75, "s"),
    ]


def _quickstart() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(EXAMPLE, folder / "quickstart", ignore=shutil.ignore_patterns(".zenml"))
        home = folder / "quickstart"

        def first() -> float:
            shutil.rmtree(home / ".zenml", ignore_errors=True)
            return seconds([sys.executable, "run.py"], home)

        def again() -> float:
            return seconds([sys.executable, "run.py"], home)

        def imports() -> float:
            modules = "pyarrow, pydantic, sqlalchemy, sklearn.linear_model"
            return seconds([sys.executable, "-c", f"import {modules}"], home)

        fresh, cached, bare = interleaved(7, first, again, imports)
    return [
        Row("quickstart, first run, whole process", fresh, 3.0, "s", f"importing its libraries alone: {bare:.2f} s"),
        Row("quickstart, cached (5 steps), whole process", cached, 0.6, "s"),
    ]
