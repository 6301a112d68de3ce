"""The data steps at size: time, memory and disk of the chain commit, split, transform, beside plain pyarrow."""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import tables
from benchmarks.memory import MEGABYTE, Peak, peak
from benchmarks.timing import Row, compiled_environment, run

MILLION = 1_000_000
CHAIN = Path(__file__).with_name("chain.py")
FRAMEWORKS = {"beam": "apache_beam", "spark": "pyspark"}
"""What an engine needs beside its own package; one whose framework is not installed is left out."""

PLAIN = """
import json, sys, time
from pyarrow import csv, parquet
began = time.perf_counter()
parquet.write_table(csv.read_csv(sys.argv[1]), "plain.parquet")
open("taken.json", "w").write(json.dumps({"total": time.perf_counter() - began}))
"""
"""The least work possible: read the table whole, write it as Parquet, with as many threads as there are cores."""


@dataclass(frozen=True)
class Source:
    """A CSV file, and the column that is its label."""

    name: str
    path: Path
    label: str
    rows: int


@dataclass
class Setting:
    """One way to run a table through the chain, and what each counted run of it took, in seconds and bytes."""

    source: Source
    engine: str
    workers: int
    taken: list[dict[str, float]] = field(default_factory=list)
    peak: Peak = field(default_factory=Peak)

    @property
    def command(self) -> list[str]:
        """Return the command that runs it."""
        source = self.source
        return [sys.executable, str(CHAIN), str(source.path), source.label, self.engine, str(self.workers)]

    def median(self, what: str) -> float:
        """Return the median over the counted runs."""
        return statistics.median(taken[what] for taken in self.taken)


def measure(rounds: int = 3, big_rounds: int = 1) -> tuple[list[Row], str]:
    """Return the rows with budgets, and a table of all settings.

    Args:
        rounds: counted runs of each setting at 1,000,000 rows, interleaved.
        big_rounds: the same at 10,000,000 rows.
    """
    with _sources() as (small, mixed, big):
        settings = [Setting(source, "local", workers) for source in (small, mixed, big) for workers in (1, 2)]
        settings += [
            Setting(small, engine, 2) for engine in ("beam", "spark") if importlib.util.find_spec(f"zenml_{engine}")
        ]
        plain = {source.name: Setting(source, "pyarrow", 2) for source in (small, mixed, big)}
        with tempfile.TemporaryDirectory() as home:
            for group, count in ((small, rounds), (mixed, rounds), (big, big_rounds)):
                # The ratio of 10 M to 1 M rows is taken within the rounds of the big table.
                own = [setting for setting in settings if setting.source is group]
                _run_interleaved([plain[group.name], *own], count, Path(home))
            again = Setting(small, "local", 2)
            larger = next(setting for setting in settings if setting.source is big and setting.workers == 2)
            larger.taken.clear()
            _run_interleaved([again, larger], big_rounds, Path(home))
            for setting in settings:
                setting.peak = peak(setting.command, Path(home), compiled_environment())
    return _rows(settings, plain, larger.median("total") / again.median("total")), _table(settings, plain)


def _run_interleaved(settings: list[Setting], rounds: int, home: Path) -> None:
    """Run all settings in turn, after one round that is not counted."""
    for number in range(rounds + 1):
        for setting in settings:
            plain = [sys.executable, "-c", PLAIN, str(setting.source.path)]
            run(plain if setting.engine == "pyarrow" else setting.command, home)
            if number:
                setting.taken.append(json.loads((home / "taken.json").read_text()))


@contextmanager
def _sources() -> Iterator[tuple[Source, Source, Source]]:
    with tempfile.TemporaryDirectory() as folder:
        made = []
        for name, rows, piece, label in (
            ("1 M x 9 numeric", MILLION, tables.numeric, "label"),
            ("1 M x 20 mixed", MILLION, tables.mixed, "n0"),
            ("10 M x 9 numeric", 10 * MILLION, tables.numeric, "label"),
        ):
            path = Path(folder, f"{len(made)}.csv")
            tables.write(path, rows, piece)
            made.append(Source(name, path, label, rows))
        small, mixed, big = made
        yield small, mixed, big


def _rows(settings: list[Setting], plain: dict[str, Setting], growth: float) -> list[Row]:
    def of(name: str, workers: int) -> Setting:
        return next(
            found for found in settings if (found.source.name, found.engine, found.workers) == (name, "local", workers)
        )

    small, big = of("1 M x 9 numeric", 2), of("10 M x 9 numeric", 2)
    single = of("1 M x 9 numeric", 1)
    ratio = small.median("total") / plain[small.source.name].median("total")
    return [
        Row("1 M x 9 CSV: commit, split, transform, 2 workers", small.median("total"), 4.0, "s"),
        Row("1 M x 9 CSV: the same in process", single.median("total"), 4.0, "s"),
        Row("1 M x 9 CSV, 2 workers, over read_csv to Parquet", ratio, 4.0, "times", scales=False),
        Row("1 M x 9 CSV: USS of the biggest process, 1 worker", single.peak.uss, 400, "MB", scales=False),
        Row("1 M x 9 CSV: USS of the biggest process, 2 workers", small.peak.uss, 400, "MB", scales=False),
        Row("10 M x 9 over 1 M x 9, 2 workers, time", growth, 10.5, "times", scales=False),
        Row("10 M x 9 over 1 M x 9, 2 workers, USS", big.peak.uss / small.peak.uss, 1.1, "times", scales=False),
    ]


def _table(settings: list[Setting], plain: dict[str, Setting]) -> str:
    """Return all settings as a Markdown table: rows per second of each step, and the rest of the whole run."""
    lines = [
        "| table | engine | workers | commit | split | transform | whole run | over pyarrow | USS | PSS | on disk |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for setting in settings:
        rows = setting.source.rows
        steps = " | ".join(
            f"{rows / setting.median(step) / MILLION:.2f} M/s" for step in ("commit", "split", "transform")
        )
        total = setting.median("total")
        ratio = total / plain[setting.source.name].median("total")
        lines.append(
            f"| {setting.source.name} | {setting.engine} | {setting.workers} | {steps} | {total:.1f} s | {ratio:.1f} "
            f"| {setting.peak.uss:.0f} MB | {setting.peak.pss:.0f} MB | {setting.median('bytes') / MEGABYTE:.0f} MB |"
        )
    lines += [
        f"| {name} | pyarrow | {os.cpu_count()} | | | | {setting.median('total'):.1f} s | 1.0 | | | |"
        for name, setting in plain.items()
    ]
    return "\n".join(lines)
