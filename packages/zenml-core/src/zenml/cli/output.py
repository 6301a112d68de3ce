"""What the commands print: JSON for scripts, tables for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from typing import Any

import click

_RESERVED = "zenml.reserved_output"


def _reserve(context: click.Context, _option: click.Parameter, as_json: bool) -> bool:
    if as_json:
        context.meta[_RESERVED] = context.with_resource(ExitStack())
        context.meta[_RESERVED].enter_context(_printing_to_stderr())
    return as_json


json_option = click.option("--json", "as_json", is_flag=True, callback=_reserve, help="Print JSON.")
"""An option that keeps standard output for `show_json`: what steps print meanwhile goes to standard error."""


def show_rows(rows: Sequence[dict[str, Any]], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Print rows as JSON, or as a table of some of their columns; `empty` is what to say when there are none."""
    if as_json:
        show_json(rows)
    elif not rows:
        click.echo(empty)
    else:
        from zenml.runtime.console import print_table

        titles = [column.replace("_", " ").capitalize() for column in columns]
        print_table(titles, [[_cell(column, row.get(column)) for column in columns] for row in rows])


def show_json(value: object) -> None:
    """Print a value as indented JSON, as the command's last word."""
    import json

    context = click.get_current_context(silent=True)
    if context and _RESERVED in context.meta:
        context.meta[_RESERVED].close()
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


@contextmanager
def _printing_to_stderr() -> Iterator[None]:
    """Send to standard error what this process, and those that it starts, print to standard output."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _cell(column: str, value: object) -> str:
    if value is None:
        return ""
    if column == "duration" and isinstance(value, float):
        from zenml.runtime.console import duration_text

        return duration_text(value)
    if column == "started":
        return str(value).replace("T", " ").removesuffix("+00:00")
    return str(value)
