"""What commands print of a table of data: JSON lines' objects for scripts, as many columns as fit for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from zenml.cli.output import show_json

if TYPE_CHECKING:
    import pyarrow as pa

_CELL = 24
_GAP = 3


def show_table(table: pa.Table, *, as_json: bool) -> None:
    """Print a table as JSON, one object a row, or as the columns that fit the terminal with the names of the others."""
    rows = table.to_pylist()
    if as_json:
        show_json([{name: _json(value) for name, value in row.items()} for row in rows])
        return
    from zenml.runtime.console import print_table, rich_console

    texts = {name: [_text(row[name]) for row in rows] for name in table.column_names}
    room, shown = rich_console().width, list[str]()
    for name, cells in texts.items():
        room -= max(map(len, (name, *cells))) + _GAP
        if room < 0 and shown:
            break
        shown.append(name)
    print_table(shown, list(zip(*(texts[name] for name in shown), strict=True)))
    hidden = table.column_names[len(shown) :]
    click.echo(f"{len(rows)} rows" + (f"; further columns (see --json): {', '.join(hidden)}" if hidden else ""))


def _text(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else str(_json(value))
    return text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"


def _json(value: Any) -> Any:
    """Return a cell as a JSON type: bytes as hexadecimal digits, times as ISO 8601, infinities as text."""
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else value.isoformat()
