"""`zenml plugin`."""

from __future__ import annotations

import click

from zenml.cli.output import json_option, show_json


@click.group()
def plugin() -> None:
    """List and check what is installed."""


@plugin.command("list")
@click.option("--kind", help="Only what is of this kind: orchestrator, processing, training, deployer, step …")
@json_option
def list_plugins(kind: str | None, as_json: bool) -> None:
    """List everything that installed packages offer; nothing of it is imported."""
    from zenml.repo.catalogue import Catalogue

    found = Catalogue.of_everything(kind)
    if as_json:
        show_json(found.to_json())
    elif found:
        found.print()
    else:
        click.echo(f"No installed package offers anything of kind {kind}")


@plugin.command("doctor")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), default=30.0, show_default=True,
    help="Seconds that each plugin may take to load.",
)  # fmt: skip
@json_option
def examine(timeout: float, as_json: bool) -> None:
    """Load every plugin in a process of its own, with all that it offers, and say what is wrong.

    Exits with 1 when something is.
    """
    from zenml.plugins.doctor import doctor

    problems = doctor(timeout=timeout)
    if as_json:
        show_json([{"where": problem.where, "what": problem.what, "mend": problem.mend} for problem in problems])
    else:
        for problem in problems:
            click.echo(str(problem))
        if not problems:
            click.echo("All plugins are sound")
    if problems:
        raise click.exceptions.Exit(1)
