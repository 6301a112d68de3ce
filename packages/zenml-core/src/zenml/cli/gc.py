"""`zenml gc`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zenml.cli.completing import pipeline_names
from zenml.cli.output import json_option, show_json

if TYPE_CHECKING:
    from zenml.repo.leftover import Leftover


@click.command()
@click.option("--delete", is_flag=True, help="Remove what is listed; without this, nothing is changed.")
@click.option(
    "--older-than", default="1d", show_default=True, metavar="AGE", help="Spare what is younger: 0, 30min, 36h, 7d."
)
@click.option("--pipeline", metavar="NAME", shell_complete=pipeline_names, help="Only what runs of this pipeline left.")
@click.option(
    "--unknown-runs",
    is_flag=True,
    help="Also what is left of runs that this metadata store does not know; another repository may need it.",
)
@click.option("--logs-older-than", metavar="AGE", help="Also the logs of runs that ended longer ago, such as 90d.")
@json_option
def gc(
    delete: bool,
    older_than: str,
    pipeline: str | None,
    unknown_runs: bool,
    logs_older_than: str | None,
    as_json: bool,
) -> None:
    """List, and with --delete remove, the files that no run refers to, also while other runs go on.

    These are artifacts and attempts whose run ended before they were recorded, scratch files, partial files, what jobs
    elsewhere were begun with, and code that no job refers to. Logs are kept, unless it is said for how long.
    """
    from zenml.cli.here import here

    garbage = here().garbage(
        older_than=older_than, pipeline=pipeline, unknown_runs=unknown_runs, logs_older_than=logs_older_than
    )
    rows = garbage.delete() if delete else garbage.find()
    if as_json:
        show_json([{**row.to_json(), "deleted": delete} for row in rows])
        return
    if not rows:
        click.echo("Nothing to collect")
        return
    _show(rows)
    total = size_text(sum(row.size for row in rows))
    click.echo(f"\n{len(rows)} removed, {total}" if delete else f"\n{len(rows)} found, {total}. Remove: add --delete")


def size_text(size: int) -> str:
    """Return a number of bytes for people: `512 B`, `1.5 kB`, `12 MB`."""
    value, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"


def _show(rows: list[Leftover]) -> None:
    from zenml.runtime.console import duration_text, print_table

    titles = ("Kind", "Size", "Age", "Pipeline", "Where", "Why")
    print_table(
        titles,
        [(row.kind, size_text(row.size), duration_text(row.age), row.pipeline, row.uri, row.reason) for row in rows],
    )
