"""`zenml run`."""

from __future__ import annotations

import click

from zenml.cli.completing import pipeline_names, run_ids
from zenml.cli.output import json_option, show_json, show_rows
from zenml.cli.run_control import cancel_run, reproduce_run, resume_run, show_logs


@click.group()
def run() -> None:
    """List and show runs, read their logs, stop them, and let them go on."""


@run.command("list")
@click.option("--pipeline", shell_complete=pipeline_names, help="Only runs of this pipeline.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many, newest first."
)
@json_option
def list_runs(pipeline: str | None, limit: int, as_json: bool) -> None:
    """List runs, newest first."""
    from zenml.cli.here import here
    from zenml.runtime.run import run_row

    rows = [run_row(record) for record in here().list_records(pipeline=pipeline, limit=limit)]
    columns = ("id", "pipeline", "state", "started", "duration")
    show_rows(rows, columns, as_json=as_json, empty="Nothing has run here yet")


@run.command("get")
@click.argument("run_id", shell_complete=run_ids)
@json_option
def get_run(run_id: str, as_json: bool) -> None:
    """Show a run: its steps, metrics and, where it failed, why. RUN_ID may be the beginning of an id."""
    from dataclasses import asdict

    from zenml.cli.here import here

    found = here().get_run(run_id)
    job = found.job_status()
    if as_json:
        show_json({**found.to_json(), "job": asdict(job) if job else None})
        return
    found.print()
    if job:
        click.echo(": ".join(filter(None, (f"Its job is {job.state}", job.reason))))
        click.echo(job.link) if job.link else None
    for step in found.record.steps:
        if step.error:
            click.secho(f"{step.id}: {step.error}", fg="red")


run.add_command(show_logs)
run.add_command(cancel_run)
run.add_command(resume_run)
run.add_command(reproduce_run)
