"""`zenml config metadata`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zenml.cli.output import json_option, show_json

if TYPE_CHECKING:
    from zenml.metadata.store import MetadataStore

_SUFFIX = "MetadataStore"


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


class _Stores(click.Group):
    """One command for each kind of store that is installed, with the fields of its class as options."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the kinds that are installed."""
        from zenml.plugins.registry import catalogue

        return sorted(row.name.removesuffix(_SUFFIX).lower() for row in catalogue("metadata-store"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Return the command of a kind: its name, the beginning of one, or `package.module:Class`."""
        from zenml.cli.component_options import options_of
        from zenml.plugins.registry import load_type

        cls: type[MetadataStore] = load_type(_type_of(cmd_name), ("metadata-store",))

        def chosen(**values: Any) -> None:
            _set(cls, cmd_name, values)

        summary = (cls.__doc__ or "").partition("\n")[0]
        return click.Command(cmd_name, callback=chosen, params=list(options_of(cls)), help=summary)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the kinds without importing their classes."""
        from zenml.plugins.registry import catalogue

        rows = sorted((row.name.removesuffix(_SUFFIX).lower(), row.summary) for row in catalogue("metadata-store"))
        with formatter.section("Stores"):
            formatter.write_dl(rows)


@metadata.group("set", cls=_Stores)
def set_metadata() -> None:
    """Record runs in another store, once a connection to it has been tried."""


def _type_of(kind: str) -> str:
    """Return the type that a word of the command line means."""
    from zenml.errors import ConfigError, closest
    from zenml.plugins.first_party import FIRST_PARTY
    from zenml.plugins.registry import catalogue

    if ":" in kind:
        return kind
    known = {row.name for row in catalogue("metadata-store")}
    known |= {name for name, (_, of) in FIRST_PARTY.items() if of == "metadata-store"}
    short = {name.removesuffix(_SUFFIX).lower(): name for name in known}
    word = kind.removesuffix(_SUFFIX).lower()
    found = {short[word]} if word in short else {name for key, name in short.items() if key.startswith(word)}
    if len(found) != 1:
        raise ConfigError(
            f"no installed package brings a metadata store {kind!r}",
            mend=f"{closest(word, short)} Known: {', '.join(sorted(short))}".strip(),
        )
    return found.pop()


def _set(cls: type[MetadataStore], kind: str, values: dict[str, Any]) -> None:
    from zenml.cli.component_options import given
    from zenml.cli.here import here
    from zenml.config.repository import secrets_path
    from zenml.config.settings import Settings
    from zenml.secrets import use_secrets_file
    from zenml.spec.model import ComponentSpec

    config = given(values)
    if not config and cls.model_fields:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in cls.model_fields)
        raise click.UsageError(f"zenml config metadata set {kind} needs options, of these: {names}")
    root = here().root
    with use_secrets_file(secrets_path(root)):
        store = cls(**config).resolve(Path.cwd())
        store.list_pipelines()  # connects, and makes the tables where there are none
        block = ComponentSpec(**store.to_config())
    settings = Settings.load(root)
    settings.metadata_store = block
    settings.save(root)
    details = ", ".join(f"{name}={value}" for name, value in block.config.items())
    click.echo(f"Runs are recorded in {block.type}: {details}")
