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
    from zenml.cli.here import here
    from zenml.config.repository import FOLDER
    from zenml.errors import ConfigError

    root = here().root
    if (root / FOLDER).is_symlink():
        raise ConfigError(f"{root / FOLDER} is a link, and cleaning never goes outside it")
    running = [run.id for run in here().get_runs() if not run.state.ended] if _has_default_database(root) else []
    if running:
        raise ConfigError(f"{', '.join(running)} is running", mend="Wait for its end, or stop it")
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


def _has_default_database(root: Path) -> bool:
    from zenml.config.repository import FOLDER

    return (root / FOLDER / "metadata.db").is_file()


def _remove(path: Path) -> None:
    """Remove a file or folder; a link is removed, never what it points to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
