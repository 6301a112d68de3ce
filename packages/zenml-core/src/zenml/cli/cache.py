"""`zenml cache`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zenml.cli.completing import pipeline_names
from zenml.cli.gc import size_text
from zenml.cli.output import json_option, show_json

if TYPE_CHECKING:
    from zenml.artifacts.store import ArtifactStore
    from zenml.repo.cache import CachedStep
    from zenml.repo.listing import Listing

_SHOWN = 20

pipeline_option = click.option(
    "--pipeline",
    metavar="NAME",
    shell_complete=pipeline_names,
    help="Only what runs of this pipeline made or were served.",
)


@click.group()
def cache() -> None:
    """List and forget the results of steps that runs would be served."""


@cache.command("list")
@pipeline_option
@click.option("--step", metavar="ID_OR_TYPE", help="Only steps of this id or type.")
@click.option("--type", "type_", metavar="TYPE", help="Only steps of this type.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many, newest first."
)
@json_option
def list_cache(pipeline: str | None, step: str | None, type_: str | None, limit: int, as_json: bool) -> None:
    """List what runs would be served instead of making it anew, newest first.

    Where an artifact is gone, the next run makes the step all the same.
    """
    from zenml.cli.here import here

    found = here().cache(pipeline=pipeline, step=step, type=type_).find(limit)
    if as_json:
        show_json(found.to_json())
    elif found:
        _show(found, here().artifact_store)
    else:
        click.echo("Runs would be served nothing like that")


@cache.command("clear")
@pipeline_option
@click.option("--step", metavar="ID_OR_TYPE", help="Only steps of this id or type.")
@click.option("--older-than", metavar="AGE", help="Only what was made longer ago: 36h, 30d.")
@click.option("--all", "everything", is_flag=True, help="All that the cache holds.")
@click.option("--dry-run", is_flag=True, help="Only say what would be forgotten.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def clear_cache(
    pipeline: str | None,
    step: str | None,
    older_than: str | None,
    everything: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Forget results of steps, so that the next run makes them anew.

    Runs and their artifacts stay, and can be looked at, compared, resumed and reproduced. Runs that are going on keep
    what they were served.
    """
    from zenml.cli.here import here

    chosen = any(value is not None for value in (pipeline, step, older_than))
    if chosen == everything:
        raise click.UsageError("say what to forget: --pipeline, --step and --older-than, or --all alone")
    asked = here().cache(pipeline=pipeline, step=step, older_than=older_than)
    found = asked.find(sizes=False)
    if not as_json and found:
        _show(found)
    if found and not dry_run:
        if not yes:
            click.confirm(f"\nForget {_steps(len(found))}?", abort=True, err=True)
        asked.forget(found)
    if as_json:
        show_json([{**row.to_json(), "forgotten": not dry_run} for row in found])
    elif not found:
        click.echo("Nothing to forget")
    else:
        done = "would be forgotten" if dry_run else "forgotten: the next run makes what it needs of them anew"
        click.echo(f"\n{_steps(len(found))} {done}")


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


def _show(found: Listing[CachedStep], store: ArtifactStore | None = None) -> None:
    """Print a table that fits 80 columns where names are not long: with sizes in the store used here, or the first."""
    from zenml.runtime.console import print_table

    rows = []
    for row in found if store else found[:_SHOWN]:
        when = (row.finished or "")[:16].replace("T", " ")
        cells = [row.record.id, row.pipeline, row.run, when]
        rows.append([*cells, _size_text(row, store)] if store else cells)
    print_table(("Step", "Pipeline", "Run", "Finished", "Size")[: 5 if store else 4], rows)
    if not store and len(found) > _SHOWN:
        click.echo(f"and {len(found) - _SHOWN} more")


def _size_text(row: CachedStep, store: ArtifactStore) -> str:
    if row.size is not None:
        return size_text(row.size)
    return "gone" if all(store.holds(output.uri) for output in row.record.outputs) else "elsewhere"
