"""Runs every measurement and prints one table; exits with 1 where a budget is not met."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks import codec, data_plane, discovery, running, startup, store, training, windows
from benchmarks.timing import Row, python

REFERENCE_MS = 10.0
"""What a bare interpreter took on the machine for which the budgets were set."""


def _discovery() -> list[Row]:
    return [Row(**row) for row in discovery.measure()]


PARTS = {
    "startup": startup.measure,
    "discovery": _discovery,
    "running": running.measure,
    "codec": codec.measure,
    "windows": windows.measure,
    "store": store.measure,
    "training": training.measure,
    "data": data_plane.measure,
}
"""What is measured, in this order; the last gives a table of its own too."""


def main() -> int:
    """Print the table, and write it where `--write` says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--write", type=Path, help="also write the table to this Markdown file")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part alone")
    options = parser.parse_args()
    bare = [_bare_ms()]
    rows: list[Row] = []
    details = ""
    for name in options.only or PARTS:
        if name == "data":
            more, details = data_plane.measure()
            rows += more
        else:
            rows += PARTS[name]()
        bare.append(_bare_ms())
    factor = max(1.0, statistics.median(bare) / REFERENCE_MS)
    text = table(rows, factor) + (f"\n\n{details}" if details else "")
    print(text)
    if options.write:
        options.write.write_text(text + "\n")
    return int(any(not row.met(factor) for row in rows))


def table(rows: list[Row], factor: float) -> str:
    """Return the rows as a Markdown table.

    Args:
        rows: what was measured.
        factor: how much slower this machine is than the one for which the budgets were set.
    """
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    bare = f"{factor * REFERENCE_MS:.1f} ms"
    lines = [
        f"Interleaved runs on {machine}: medians; for get_backends() and imports the least processor time.",
        f"Budgets hold where a bare interpreter takes {REFERENCE_MS:.0f} ms. Here, before, between and after the",
        f"measurements, it took {bare}, so that they count {factor:.2f} times.",
        "",
        "| what | measured | budget | budget here | note |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        measured = f"{row.measured:.2f} {row.unit}{'' if row.met(factor) else ' **missed**'}"
        sign = "≥" if row.least else "≤"
        budget = "" if row.budget is None else f"{sign} {row.budget:.2f} {row.unit}"
        here = "" if row.budget is None else f"{sign} {row.budget_here(factor):.2f} {row.unit}"
        lines.append(f"| {row.what} | {measured} | {budget} | {here} | {row.note} |")
    return "\n".join(lines)


def _bare_ms() -> float:
    """Return the median processor time of a bare interpreter, in milliseconds."""
    with tempfile.TemporaryDirectory() as name:
        measure = python("pass", Path(name))
        return statistics.median(measure() for _ in range(15)) * 1000


if __name__ == "__main__":
    sys.exit(main())
