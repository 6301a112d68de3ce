"""What the commands print: JSON for scripts, tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


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
    """Print a value as indented JSON."""
    import json

    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _cell(column: str, value: object) -> str:
    if value is None:
        return ""
    if column == "duration" and isinstance(value, float):
        from zenml.runtime.console import duration_text

        return duration_text(value)
    if column == "started":
        return str(value).replace("T", " ").removesuffix("+00:00")
    return str(value)
