"""`zenml config artifacts`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zenml.cli.output import json_option, show_json

_OPTIONS = "zenml.options"


@click.group()
def artifacts() -> None:
    """Where artifacts are kept."""


@artifacts.command("get")
@json_option
def get_artifacts(as_json: bool) -> None:
    """Print where artifacts are kept."""
    from zenml.cli.here import here

    store = here().artifact_store
    config = store.to_config()["config"]
    options = {name: value for name, value in config.items() if name != "path"}
    if as_json:
        show_json({"artifact_store": store.path, **({"options": options} if options else {})})
    else:
        click.echo(", ".join([store.path, *(f"{name}={value}" for name, value in options.items())]))


class _Set(click.Command):
    """A command whose options are the fields of the class that serves its first argument, a URL."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the class first."""
        from zenml.artifacts.schemes import scheme_of, store_class
        from zenml.cli.component_options import options_of

        if args and scheme_of(args[0]) not in ("", "file"):
            cls = store_class(args[0])
            ctx.meta[_OPTIONS] = [option for option in options_of(cls) if option.name != "path"] if cls else []
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own parameters and those of the class."""
        own = super().get_params(ctx)
        return [*own[:-1], *ctx.meta.get(_OPTIONS, ()), *own[-1:]]


@artifacts.command("set", cls=_Set)
@click.argument("path")
def set_artifacts(path: str, **options: Any) -> None:
    """Keep artifacts at PATH, a folder or a URL, once it was tried whether they can be kept there.

    What a URL takes as options, such as credentials: zenml config artifacts set s3://bucket/folder --help
    """
    from zenml.artifacts.schemes import scheme_of, store_class
    from zenml.artifacts.store import ArtifactStore
    from zenml.cli.component_options import given
    from zenml.cli.here import here
    from zenml.config.repository import secrets_path
    from zenml.config.settings import Settings
    from zenml.secrets import use_secrets_file

    root = here().root
    with use_secrets_file(secrets_path(root)):
        config = given(options)
        served = store_class(path) if config and scheme_of(path) else None
        store = served(path, **config) if served else ArtifactStore(path).resolve(Path.cwd())
        store.check()
        written = store.to_spec()
    settings = Settings.load(root)
    settings.artifact_store = written
    settings.save(root)
    click.echo(f"Artifacts are kept at {store.path}")


@artifacts.command("cache")
@click.option("--size", help="Keep so much from now on, such as 20GB.")
@click.option("--clear", is_flag=True, help="Remove what no running process uses.")
@json_option
def cache_of_artifacts(size: str | None, clear: bool, as_json: bool) -> None:
    """Show, limit or clear this machine's cache of artifacts that are kept behind URLs."""
    from zenml.artifacts.read_cache import ReadCache, parse_size

    cache = ReadCache()
    if size is not None:
        cache.set_limit(parse_size(size, "--size"))
    if clear:
        cache.clear()
    if as_json:
        show_json({"path": str(cache.root), "size": cache.size, "limit": cache.limit})
    else:
        click.echo(f"{cache.root}: {cache.size / 1e9:.2f} GB of at most {cache.limit / 1e9:.2f} GB")
