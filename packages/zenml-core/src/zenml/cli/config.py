"""`zenml config`."""

from __future__ import annotations

import click

from zenml.cli.config_artifacts import artifacts
from zenml.cli.config_metadata import metadata


@click.group()
def config() -> None:
    """Show and set where artifacts and metadata are kept."""


config.add_command(artifacts)
config.add_command(metadata)
