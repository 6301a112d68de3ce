"""`zenml config metadata`."""

from __future__ import annotations

from pathlib import Path

import click

from zenml.cli.output import json_option, show_json


@click.group()
def metadata() -> None:
    """Where runs are recorded."""


@metadata.command("get")
@json_option
def get_metadata(as_json: bool) -> None:
    """Print where runs are recorded."""
    from zenml.cli.here import here

    block = here().metadata_store.to_config()
    if as_json:
        show_json(block)
    else:
        details = ", ".join(f"{name}={value}" for name, value in block["config"].items())
        click.echo(f"{block['type']}: {details}")


@metadata.command("set", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("kind")
@click.option("--path", "--uri", "path", help="The SQLite file.")
def set_metadata(kind: str, path: str | None) -> None:
    """Record runs in a store of KIND: sqlite --path FILE."""
    from zenml.cli.here import here
    from zenml.config.settings import Settings
    from zenml.errors import ConfigError
    from zenml.plugins.registry import catalogue
    from zenml.spec.model import ComponentSpec

    names = {row.name.removesuffix("MetadataStore").lower(): row.name for row in catalogue("metadata-store")}
    if kind.lower() not in names:
        raise ConfigError(
            f"no installed package brings a metadata store {kind!r}",
            mend=f"Installed: {', '.join(sorted(names))}. {MISSING.get(kind.lower(), '')}".strip(),
        )
    if path is None:
        raise click.UsageError("zenml config metadata set sqlite needs --path FILE")
    root = here().root
    block = ComponentSpec(type=names[kind.lower()], config={"path": _absolute(path)})
    settings = Settings.load(root)
    settings.metadata_store = block
    settings.save(root)
    click.echo(f"Runs are recorded in {block.config['path']}")


MISSING = {"mlmd": "It comes with zenml-mlmd. Run: pip install zenml-mlmd"}
"""What to install for stores that the core does not bring."""


def _absolute(path: str) -> str:
    return path if "://" in path else str(Path(path).expanduser().resolve())
