"""`zenml artifact`."""

from __future__ import annotations

import click

from zenml.cli.output import json_option, show_json


@click.group()
def artifact() -> None:
    """Show where artifacts come from and what they led to."""


@artifact.command("lineage")
@click.argument("uri")
@json_option
def show_lineage(uri: str, as_json: bool) -> None:
    """Show the steps that the artifact at URI was made by, and those that read it, back and forth to the ends.

    zenml step get RUN_ID STEP_ID shows the URIs of a step's outputs.
    """
    from zenml.cli.here import here

    found = here().get_lineage(uri)
    show_json(found.to_json()) if as_json else found.print()
