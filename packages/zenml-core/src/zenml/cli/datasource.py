"""`zenml datasource`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from zenml.cli.output import json_option, show_json, show_rows

if TYPE_CHECKING:
    from zenml.datasources.versions import DataVersions

_COLUMNS = ("version", "rows", "committed", "run")


@click.group()
def datasource() -> None:
    """List and show the data that pipelines have read, and commit new versions."""


@datasource.command("list")
@json_option
def list_datasources(as_json: bool) -> None:
    """List what the pipelines have read, by name."""
    from zenml.cli.here import here
    from zenml.repo.datasources import datasources

    rows: list[dict[str, Any]] = [
        {"name": each.name, "type": each.type, "pipelines": list(each.pipelines), "versions": len(each.versions)}
        for each in datasources(here())
    ]
    if not as_json:
        rows = [row | {"pipelines": ", ".join(row["pipelines"])} for row in rows]
    columns = ("name", "type", "pipelines", "versions")
    show_rows(rows, columns, as_json=as_json, empty="No pipeline has read data here yet")


@datasource.command("get")
@click.argument("name")
@json_option
def get_datasource(name: str, as_json: bool) -> None:
    """Show the config and the versions of the datasource NAME, newest first."""
    from zenml.cli.here import here
    from zenml.repo.datasources import find_datasource

    found = find_datasource(here(), name)
    if as_json:
        show_json(found.to_json())
        return
    click.echo(f"{found.name}, a {found.type} of pipeline {', '.join(found.pipelines)}")
    for key, value in found.config.items():
        click.echo(f"  {key}: {value}")
    _show_versions(found.versions)


@datasource.command("versions")
@click.argument("name")
@json_option
def list_versions(name: str, as_json: bool) -> None:
    """List the versions of the datasource NAME, newest first."""
    from zenml.cli.here import here
    from zenml.repo.datasources import find_datasource

    versions = find_datasource(here(), name).versions
    show_json(versions.to_json()) if as_json else _show_versions(versions)


@datasource.command("sample")
@click.argument("name")
@click.option("-n", "count", type=click.IntRange(min=0), default=10, show_default=True, help="At most so many rows.")
@click.option("--version", help="Digest of a version, or the beginning of it; the newest by default.")
@json_option
def sample_datasource(name: str, count: int, version: str | None, as_json: bool) -> None:
    """Show the first rows of a version of the datasource NAME."""
    from zenml.cli.here import here
    from zenml.cli.table import show_table
    from zenml.repo.datasources import find_datasource

    versions = find_datasource(here(), name).versions
    found = versions[0] if version is None else versions.find(version)
    show_table(found.sample_data(count), as_json=as_json)


@datasource.command("commit")
@click.argument("name")
@json_option
def commit_datasource(name: str, as_json: bool) -> None:
    """Read the datasource NAME again, as a pipeline read it last, and make a version of its data if they changed."""
    from zenml.cli.here import here

    version = here().get_datasource_by_name(name).commit()
    if as_json:
        show_json(version.to_json())
    else:
        click.echo(f"{name}: version {version.short}, {version.rows:,} rows")


def _show_versions(versions: DataVersions) -> None:
    show_rows(versions.rows(), _COLUMNS, as_json=False, empty="It has no version yet")
