"""Console: what a person sees of a run: messages, progress bars and tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zenml.backends.reporter import Advance
from zenml.secrets.redaction import redact

if TYPE_CHECKING:
    from rich.console import Console as RichConsole

STATE_STYLES = {
    "COMPLETE": "green",
    "CACHED": "cyan",
    "RUNNING": "yellow",
    "FAILED": "bold red",
    "LOST": "bold red",
    "CANCELED": "magenta",
    "SKIPPED": "dim",
    "PENDING": "dim",
    "available": "green",
    "missing-dependency": "yellow",
    "broken": "bold red",
    "incompatible": "red",
}


def rich_console(*, stderr: bool = False) -> RichConsole:
    """Return a console on standard output or error; it has no colour, and 100 columns, where that is no terminal."""
    from rich.console import Console as RichConsole

    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return RichConsole(stderr=stderr, width=None if terminal else 100, highlight=False)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "", stderr: bool = False
) -> None:
    """Print a table; values that name a state are coloured."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(redact(value), style=STATE_STYLES.get(value, "")) for value in row))
    console = rich_console(stderr=stderr)
    console.print()
    if title:
        console.print(Text(title, style="bold"))
    console.print(table)


def duration_text(seconds: float | None) -> str:
    """Return a duration for people: `12 ms`, `3.4 s`, `2 min 5 s`, `3 h 10 min`."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _ignore(units: float = 1) -> None:
    """Move no bar."""


class Console:
    """Reports to a person: on standard error, so that standard output stays the program's own.

    Args:
        quiet: say nothing but warnings.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet

    def log(self, message: str) -> None:
        """Say something worth knowing."""
        if not self._quiet:
            self._say(message)

    def warn(self, message: str) -> None:
        """Say something that may need the user's attention."""
        self._say(f"Warning: {message}", "yellow")

    @contextmanager
    def progress(self, label: str, total: float) -> Iterator[Advance]:
        """Show a progress bar of `total` units while the context is open; only in a terminal."""
        if self._quiet or not sys.stderr.isatty():
            yield _ignore
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=rich_console(stderr=True), transient=True) as bars:
            task = bars.add_task(label, total=total)
            yield lambda units=1: bars.advance(task, units)

    def _say(self, message: str, style: str = "") -> None:
        message = redact(message)
        if sys.stderr.isatty():
            from rich.text import Text

            rich_console(stderr=True).print(Text(message, style=style))
        else:
            print(message, file=sys.stderr, flush=True)  # noqa: T201 - this is the console
