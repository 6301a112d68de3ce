"""`zenml run logs | cancel | resume | reproduce`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from zenml.cli.completing import resumable_ids, run_ids, running_ids, step_ids
from zenml.cli.output import json_option, show_json

if TYPE_CHECKING:
    from zenml.runtime.run import Run

FOLLOW_SECONDS = 1.0
"""Pause between two looks at a log that is followed."""


@click.command("logs")
@click.argument("run_id", shell_complete=run_ids)
@click.argument("step", required=False, default="", shell_complete=step_ids)
@click.option("--follow", "-f", is_flag=True, help="Go on until the run has ended.")
@click.option("--job", is_flag=True, help="Of a run elsewhere: all that its job printed, also between its steps.")
def show_logs(run_id: str, step: str, follow: bool, job: bool) -> None:
    """Print what the steps of a run printed, or one STEP. RUN_ID may be the beginning of an id."""
    from zenml.cli.here import here
    from zenml.errors import ConfigError, closest

    run = here().get_run(run_id)
    if step and step not in run.steps:
        mend = closest(step, run.steps) or f"Steps: {', '.join(run.steps)}"
        raise ConfigError(f"run {run.id} has no step {step!r}", mend=mend)
    if job:
        _show_job_output(run, follow)
        return
    seen: set[str] = set()
    while True:
        ended = run.state.ended
        for name, key, text in run.log_pieces(step, after=frozenset(seen)):
            seen.add(key)
            prefix = "" if step else f"{name} | "
            for line in text.splitlines():
                click.echo(f"{prefix}{line}")
        if ended or not follow:
            return
        time.sleep(FOLLOW_SECONDS)


def _show_job_output(run: Run, follow: bool) -> None:
    """Print what a job printed: as its platform still holds it while it goes on, else as its supervisor kept it."""
    backend = None if run.record.state.ended else run.runs_elsewhere
    if backend and follow:
        for text in backend.logs(run.id, follow=True):
            click.echo(text, nl=not text.endswith("\n"))
        return
    click.echo(run.job_output(), nl=False)


@click.command("cancel")
@click.argument("run_id", shell_complete=running_ids)
def cancel_run(run_id: str) -> None:
    """Stop a run: what it published stays, and it ends as CANCELED."""
    from zenml.cli.here import here

    run = here().get_run(run_id)
    run.cancel()
    click.echo(f"Run {run.id} was asked to stop")


@click.command("resume")
@click.argument("run_id", shell_complete=resumable_ids)
@click.option("--take-over", is_flag=True, help="Also where nothing is known of the process that ran it.")
@click.option("--no-wait", is_flag=True, help="Return as soon as the run is submitted.")
@json_option
def resume_run(run_id: str, take_over: bool, no_wait: bool, as_json: bool) -> None:
    """Let a run that did not complete go on from its last published step, in the same way as before."""
    from zenml.cli.here import here
    from zenml.pipelines.repeating import resume
    from zenml.runtime.console import Console

    repo = here()
    report = Console(quiet=True) if as_json else None
    run = resume(repo.get_run(run_id).id, repo.root, take_over=take_over, wait=not no_wait, report=report)
    if as_json:
        show_json(run.to_json() if not no_wait else {"id": run.id})
    elif no_wait:
        click.echo(run.id)


@click.command("reproduce")
@click.argument("run_id", shell_complete=run_ids)
@click.option("--no-cache", is_flag=True, help="Run every step, also where its result of then could be served.")
@click.option("--compare", is_flag=True, help="Only say what differs between then and now.")
@json_option
def reproduce_run(run_id: str, no_cache: bool, compare: bool, as_json: bool) -> None:
    """Run the spec of a run again: what differs between then and now is told first, and what came of it last."""
    from zenml.cli.here import here
    from zenml.pipelines.repeating import reproduce
    from zenml.runtime.console import Console

    repo = here()
    report = Console(quiet=True) if as_json else None
    found = reproduce(repo.get_run(run_id).id, repo.root, use_cache=not no_cache, only_compare=compare, report=report)
    if as_json:
        show_json(found.to_json())
    else:
        found.print()
        if compare and not found.differences:
            click.echo("Nothing differs")
