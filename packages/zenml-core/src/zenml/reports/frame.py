"""Rows of a table as a pandas data frame, as plain text, or printed as wide as a terminal allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from zenml.errors import PluginError

_GAP = 3


def data_frame(rows: Sequence[Mapping[str, Any]], *, index: str | None = None) -> Any:
    """Return rows as a pandas data frame.

    Args:
        rows: columns and values of each.
        index: the column that names the rows.

    Raises:
        PluginError: pandas is not installed.
    """
    try:
        pandas: Any = import_module("pandas")
    except ImportError:
        raise PluginError("a data frame needs pandas, which is not installed", mend="Run: pip install pandas") from None
    frame = pandas.DataFrame(list(rows))
    return frame.set_index(index) if index and len(rows) else frame


def text_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows of the same columns as lines of plain text, below a line of titles; nothing where there are none."""
    if not rows:
        return ""
    lines = [{name: _title(name) for name in rows[0]}, *rows]
    widths = {name: max(len(line[name]) for line in lines) for name in rows[0]}
    return "\n".join("  ".join(line[name].ljust(widths[name]) for name in widths).rstrip() for line in lines)


def print_rows(rows: Sequence[Mapping[str, str]], *, empty: str) -> None:
    """Print rows of the same columns as a table; the columns that do not fit are named below it."""
    from zenml.runtime.console import print_table, rich_console

    console = rich_console()
    if not rows:
        console.print(empty)
        return
    room, shown = console.width, list[str]()
    for name in rows[0]:
        room -= max(len(_title(name)), *(len(row[name]) for row in rows)) + _GAP
        if room < -_GAP and shown:
            break
        shown.append(name)
    print_table([_title(name) for name in shown], [[row[name] for name in shown] for row in rows])
    hidden = [name for name in rows[0] if name not in shown]
    if hidden:
        console.print(f"\nFurther columns (see --json): {', '.join(hidden)}")


def _title(name: str) -> str:
    return name if "." in name or "/" in name else name.replace("_", " ").capitalize()
