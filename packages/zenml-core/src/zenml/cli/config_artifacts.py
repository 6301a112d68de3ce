"""`zenml config artifacts`."""

from __future__ import annotations

from pathlib import Path

import click

from zenml.cli.output import json_option, show_json


@click.group()
def artifacts() -> None:
    """Where artifacts are kept."""


@artifacts.command("get")
@json_option
def get_artifacts(as_json: bool) -> None:
    """Print where artifacts are kept."""
    from zenml.cli.here import here

    path = here().artifact_store.path
    show_json({"artifact_store": path}) if as_json else click.echo(path)


@artifacts.command("set")
@click.argument("path")
def set_artifacts(path: str) -> None:
    """Keep artifacts at PATH, a folder or a URL that an installed plugin can serve."""
    from zenml.artifacts.store import ArtifactStore
    from zenml.cli.here import here
    from zenml.config.settings import Settings

    root = here().root
    store = ArtifactStore(_absolute(path)).resolve(root)
    store.open_transport()  # refuses a URL that nothing installed can serve
    settings = Settings.load(root)
    settings.artifact_store = store.path
    settings.save(root)
    click.echo(f"Artifacts are kept at {store.path}")


def _absolute(path: str) -> str:
    return path if "://" in path else str(Path(path).expanduser().resolve())
