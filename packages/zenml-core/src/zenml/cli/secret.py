"""`zenml secret`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from zenml.cli.output import json_option, show_rows

if TYPE_CHECKING:
    from zenml.secrets import SecretsFile


@click.group()
def secret() -> None:
    """Keep passwords and keys, of which pipelines and settings hold only the names."""


@secret.command("set")
@click.argument("name")
@click.argument("value", required=False)
def set_secret(name: str, value: str | None) -> None:
    """Keep a value under NAME, in place of what was there; secret:NAME then stands for it.

    The value is asked for, or read from standard input where VALUE is a dash. Another VALUE is refused: a command line
    can be read by everybody on the machine, and stays in the shell's history.
    """
    from zenml.secrets.store import check_name

    if value not in (None, "-"):
        raise click.UsageError(
            "a secret must not stand on the command line, where others can read it. "
            f"Run: zenml secret set {name}, which asks for it, or: zenml secret set {name} - < FILE"
        )
    check_name(name)
    file = _file()
    file.read()  # whatever is wrong with the file is told before the user types
    file.set(name, _from_stdin() if value == "-" else _asked(name))
    click.echo(f"Kept. Write secret:{name} where it is needed")


@secret.command("list")
@json_option
def list_secrets(as_json: bool) -> None:
    """List the names of the secrets; their values are never shown."""
    rows = [{"name": name, "reference": f"secret:{name}"} for name in sorted(_file().read())]
    show_rows(rows, ("name", "reference"), as_json=as_json, empty="No secret is kept here yet")


@secret.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete_secret(name: str, yes: bool) -> None:
    """Remove the secret NAME for good."""
    file = _file()
    if not yes and name in file.read():
        click.confirm(f"Remove the secret {name} for good?", abort=True)
    file.delete(name)
    click.echo("Removed")


def _file() -> SecretsFile:
    from zenml.cli.here import here
    from zenml.config.repository import secrets_path
    from zenml.secrets import SecretsFile, secrets_file, use_secrets_file

    path = secrets_path(here().root)
    with use_secrets_file(path):
        return SecretsFile(secrets_file() or path)


def _from_stdin() -> str:
    text = sys.stdin.read()
    return text.removesuffix("\n").removesuffix("\r")


def _asked(name: str) -> str:
    if not sys.stdin.isatty():
        raise click.UsageError(f"there is no terminal to ask on. Pipe the value in: zenml secret set {name} -")
    value: str = click.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True, err=True)
    return value
