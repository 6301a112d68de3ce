"""`zenml pipeline`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zenml.cli.compare import compare
from zenml.cli.completing import pipeline_names
from zenml.cli.output import json_option, show_json, show_rows

if TYPE_CHECKING:
    from pathlib import Path

    from zenml.spec.model import PipelineSpec
    from zenml.spec.yaml_format import Lines

pipeline_file = click.argument("file", type=click.Path(dir_okay=False))


@click.group()
def pipeline() -> None:
    """List, show, check, plan, run and compare pipelines."""


pipeline.add_command(compare)


@pipeline.command("list")
@json_option
def list_pipelines(as_json: bool) -> None:
    """List the pipelines that ran in this repository."""
    from zenml.cli.here import here
    from zenml.runtime.run import run_row

    metadata = here().metadata_store
    rows = []
    for name in metadata.list_pipelines():
        runs = metadata.list_runs(pipeline=name)
        last = run_row(runs[0])
        rows.append(
            {
                "name": name,
                "runs": len(runs),
                "state": last["state"],
                "started": last["started"],
                "last_run": last["id"],
            }
        )
    columns = ("name", "runs", "state", "started", "last_run")
    show_rows(rows, columns, as_json=as_json, empty="No pipeline has run here yet")


@pipeline.command("get")
@click.argument("name", shell_complete=pipeline_names)
@json_option
def get_pipeline(name: str, as_json: bool) -> None:
    """Print the spec with which the pipeline NAME last ran."""
    from zenml.cli.here import here
    from zenml.spec.yaml_format import write_yaml

    spec = here().get_spec(name)
    show_json(spec.to_data()) if as_json else click.echo(write_yaml(spec), nl=False)


@pipeline.command("run")
@pipeline_file
@click.option("--no-wait", is_flag=True, help="Return as soon as the run is submitted.")
@json_option
def run_pipeline(file: str, no_wait: bool, as_json: bool) -> None:
    """Run the pipeline in FILE."""
    from zenml.config.repository import find_root, make_root
    from zenml.pipelines.launching import launch
    from zenml.runtime.console import Console

    spec, lines, folder = _read(file)
    root = find_root(folder) or make_root(folder.cwd())
    run = launch(spec, root, lines=lines, wait=not no_wait, report=Console(quiet=True) if as_json else None)
    if as_json:
        show_json(run.to_json() if not no_wait else {"id": run.id})
    elif no_wait:
        click.echo(run.id)


@pipeline.command("plan")
@pipeline_file
@json_option
def plan_pipeline(file: str, as_json: bool) -> None:
    """Say which steps of the pipeline in FILE would run, which would come from the cache, and what has changed."""
    from zenml.config.repository import find_root, make_root
    from zenml.pipelines.launching import plan

    spec, lines, folder = _read(file)
    found = plan(spec, find_root(folder) or make_root(folder.cwd()), lines=lines)
    show_json(found.to_json()) if as_json else found.print()


@pipeline.command("validate")
@pipeline_file
@json_option
def validate_pipeline(file: str, as_json: bool) -> None:
    """Check the pipeline in FILE; every problem is told at once, with its line."""
    from dataclasses import asdict

    from zenml.config.repository import find_root
    from zenml.errors import SpecError, ZenMLError
    from zenml.runtime.graph import build_graph
    from zenml.runtime.source_roots import use_source_roots

    try:
        spec, lines, folder = _read(file)
        root = find_root(folder) or folder.cwd()
        use_source_roots(root, spec.environment.source_roots)
        graph = build_graph(spec, lines=lines, root=root)
    except ZenMLError as error:
        if not as_json:
            raise SpecError(error.problems) from None
        show_json({"valid": False, "problems": [asdict(problem) for problem in error.problems]})
        raise click.exceptions.Exit(2) from None
    if as_json:
        show_json({"valid": True, "problems": []})
    else:
        click.echo(f"{file}: {spec.name!r} is valid, {len(graph.nodes)} steps")


@pipeline.command("schema")
def print_schema() -> None:
    """Print the JSON Schema of pipeline files, with the parameters of everything installed."""
    from zenml.plugins.registry import catalogue, load_type
    from zenml.spec.json_schema import json_schema

    def classes(*kinds: str) -> dict[str, type]:
        rows = [row for kind in kinds for row in catalogue(kind) if row.state == "available"]
        return {row.name: load_type(row.name, kinds) for row in rows}

    backends = classes("orchestrator", "processing", "training", "deployer")
    show_json(json_schema(classes("step", "datasource"), backends))


def _read(file: str) -> tuple[PipelineSpec, Lines, Path]:
    """Return the spec in a file, its lines, and the file's folder."""
    from pathlib import Path

    from zenml.errors import SpecError
    from zenml.spec.yaml_format import read_yaml

    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SpecError(f"cannot read the pipeline file: {reason}", file) from None
    return *read_yaml(text, file), Path(file).parent
