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
    rows = [row for part in (startup, discovery, running) for row in part.measure()]
    text = table(rows)
    print(text)
    if options.write:
        options.write.write_text(text + "\n")
    return int(any(row.measured > row.budget for row in rows))


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
        met = "" if row.measured <= row.budget else " **over**"
        lines.append(
            f"| {row.what} | {row.measured:.2f} {row.unit}{met} | ≤ {row.budget:.2f} {row.unit} | {row.note} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
