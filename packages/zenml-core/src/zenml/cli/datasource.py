"""`zenml datasource`."""

from __future__ import annotations

import click

from zenml.cli.output import json_option, show_json, show_rows


@click.group()
def datasource() -> None:
    """List and show the data that pipelines have read, and its versions."""


@datasource.command("list")
@json_option
def list_datasources(as_json: bool) -> None:
    """List the datasources of all pipelines, as these last ran."""
    from zenml.cli.here import here
    from zenml.repo.datasources import datasources

    rows = [
        {"name": each.name, "type": each.type, "pipeline": each.pipeline, "versions": len(each.versions)}
        for each in datasources(here())
    ]
    columns = ("name", "type", "pipeline", "versions")
    show_rows(rows, columns, as_json=as_json, empty="No pipeline has read data here yet")


@datasource.command("get")
@click.argument("name")
@json_option
def get_datasource(name: str, as_json: bool) -> None:
    """Show the config and the versions of the datasource NAME, newest first."""
    from zenml.cli.here import here
    from zenml.errors import ConfigError, closest
    from zenml.repo.datasources import datasources

    repo = here()
    all_of_them = datasources(repo)
    found = [each for each in all_of_them if each.name == name]
    if not found:
        mend = closest(name, [each.name for each in all_of_them]) or "See: zenml datasource list"
        raise ConfigError(f"no pipeline has read a datasource {name!r}", mend=mend)
    rows = [each.to_json(repo.artifact_store) for each in found]
    if as_json:
        show_json(rows)
        return
    for row in rows:
        click.echo(f"{row['name']}, a {row['type']} of pipeline {row['pipeline']}")
        for key, value in row["config"].items():
            click.echo(f"  {key}: {value}")
        show_rows(row["versions"], ("digest", "run", "rows", "uri"), as_json=False, empty="It has no version yet")
