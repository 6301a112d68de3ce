"""`zenml clean`."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

KEPT = {"config.yaml", "secrets.yaml", ".gitignore"}
"""Files in `.zenml` that cleaning spares: settings and secrets."""


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def clean(yes: bool) -> None:
    """Remove the runs and artifacts in this repository's .zenml folder; settings and secrets stay.

    Stores that are configured elsewhere are not touched.
    """
    from zenml.config.repository import FOLDER, find_root
    from zenml.errors import ConfigError

    root = find_root()
    if root is None:
        raise ConfigError("this folder is in no repository, so there is nothing to clean")
    found = sorted(path for path in (root / FOLDER).iterdir() if path.name not in KEPT)
    if not found:
        click.echo("Nothing to clean")
        return
    click.echo(f"In {root / FOLDER}: {', '.join(path.name for path in found)}")
    if not yes:
        click.confirm("Remove this for good?", abort=True)
    for path in found:
        _remove(path)
    click.echo("Removed")


def _remove(path: Path) -> None:
    """Remove a file or folder; a link is removed, never what it points to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
