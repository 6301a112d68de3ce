"""`zenml pipeline compare`."""

from __future__ import annotations

import click

from zenml.cli.completing import pipeline_names, run_ids
from zenml.cli.output import json_option, show_json


@click.command("compare")
@click.argument("runs", nargs=-1, metavar="[RUN_ID]…", shell_complete=run_ids)
@click.option("--pipeline", metavar="NAME", shell_complete=pipeline_names, help="All runs of this pipeline.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=200, show_default=True, help="At most so many, the newest."
)
@click.option("--html", metavar="FILE", type=click.Path(dir_okay=False), help="Write an HTML page to FILE.")
@json_option
def compare(runs: tuple[str, ...], pipeline: str | None, limit: int, html: str | None, as_json: bool) -> None:
    """Compare runs: their metrics, and what they were given that differs; by default those that train a model.

    RUN_ID may be the beginning of an id.
    """
    from zenml.cli.here import here

    if runs and pipeline:
        raise click.UsageError("give run ids, or --pipeline, not both")
    found = here().compare_training_runs(runs, pipeline=pipeline, limit=limit)
    if html:
        found.page(f"{pipeline}: runs" if pipeline else "Comparison of runs").write(html)
    if as_json:
        show_json(found.to_json())
    else:
        found.print()
        if html:
            click.echo(f"Written to {html}")
