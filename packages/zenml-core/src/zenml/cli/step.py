"""`zenml step`."""

from __future__ import annotations

import click

from zenml.cli.completing import run_ids, step_ids
from zenml.cli.output import json_option, show_json, show_rows


@click.group()
def step() -> None:
    """List and show the steps of runs."""


@step.command("list")
@click.option("--type", "type_", help="Only steps of this type.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many, newest first."
)
@json_option
def list_steps(type_: str | None, limit: int, as_json: bool) -> None:
    """List the steps of all runs, newest first."""
    from zenml.cli.here import here
    from zenml.runtime.run import StepView

    repo = here()
    store = repo.artifact_store
    found = repo.metadata_store.list_steps(type=type_, limit=limit)
    rows = [{"run": run, **StepView(record, store).to_json()} for run, record in found]
    show_rows(rows, ("run", "id", "type", "state", "duration"), as_json=as_json, empty="Nothing has run here yet")


@step.command("get")
@click.argument("run_id", shell_complete=run_ids)
@click.argument("step_id", shell_complete=step_ids)
@json_option
def get_step(run_id: str, step_id: str, as_json: bool) -> None:
    """Show the step STEP_ID of the run RUN_ID."""
    from zenml.cli.here import here
    from zenml.errors import ConfigError, closest

    steps = here().get_run(run_id).steps
    if step_id not in steps:
        known = ", ".join(steps)
        raise ConfigError(
            f"run {run_id} has no step {step_id!r}", mend=closest(step_id, steps) or f"Its steps: {known}"
        )
    row = steps[step_id].to_json()
    if as_json:
        show_json(row)
        return
    facts = [
        {"name": name, "value": value} for name, value in row.items() if value and not isinstance(value, list | dict)
    ]
    show_rows(facts, ("name", "value"), as_json=False, empty="")
    if row["outputs"]:
        show_rows(row["outputs"], ("name", "type", "uri"), as_json=False, empty="")
