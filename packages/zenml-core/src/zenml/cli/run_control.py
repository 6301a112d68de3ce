"""`zenml run logs | cancel | resume | reproduce`."""

from __future__ import annotations

import time
from collections.abc import Iterator
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
    for name, text in _pieces(run, step, follow=follow, job=job):
        prefix = f"{name} | " if name else ""
        for line in text.splitlines():
            click.echo(f"{prefix}{line}")


def _pieces(run: Run, step: str, *, follow: bool, job: bool) -> Iterator[tuple[str, str]]:
    """Yield what is to stand before each line, and the text; to the end of the run where it is followed."""
    seen: set[str] = set()
    while True:
        ended = run.job_has_ended if job else run.state.ended
        known = frozenset(seen)
        found = (("", *row) for row in run.output_pieces(after=known)) if job else run.log_pieces(step, after=known)
        for name, key, text in found:
            seen.add(key)
            yield "" if step else name, text
        if ended or not follow:
            break
        time.sleep(FOLLOW_SECONDS)
    backend = run.runs_elsewhere if job and not seen else None
    if backend:  # its supervisor never began: the platform may know why
        yield from (("", text) for text in backend.logs(run.id, follow=False))


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
