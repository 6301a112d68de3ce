"""`zenml init`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
def init(folder: Path) -> None:
    """Make FOLDER (by default the working directory) a repository.

    Its data, settings and secrets go into FOLDER/.zenml, which git ignores.
    """
    from zenml.config.repository import FOLDER, make_root

    there = (folder / FOLDER).is_dir()
    root = make_root(folder)
    click.echo(f"{root} {'is a repository already' if there else 'is a repository now'}")
