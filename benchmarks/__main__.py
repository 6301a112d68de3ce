"""Runs every measurement and prints one table; exits with 1 where a budget is not met."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path

from benchmarks import discovery, running, startup
from benchmarks.timing import Row


def main() -> int:
    """Print the table, and write it where `--write` says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--write", type=Path, help="also write the table to this Markdown file")
    options = parser.parse_args()
    rows = [*startup.measure(), *(Row(**row) for row in discovery.measure()), *running.measure()]
    text = table(rows)
    print(text)
    if options.write:
        options.write.write_text(text + "\n")
    return int(any(not _met(row) for row in rows))


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    lines = [
        f"Medians of interleaved runs on {machine}.",
        "",
        "| what | measured | budget | note |",
        "|---|---|---|---|",
    ]
    for row in rows:
        measured = f"{row.measured:.2f} {row.unit}{'' if _met(row) else ' **over**'}"
        budget = "" if row.budget is None else f"≤ {row.budget:.2f} {row.unit}"
        lines.append(f"| {row.what} | {measured} | {budget} | {row.note} |")
    return "\n".join(lines)


def _met(row: Row) -> bool:
    return row.budget is None or row.measured <= row.budget


if __name__ == "__main__":
    sys.exit(main())
