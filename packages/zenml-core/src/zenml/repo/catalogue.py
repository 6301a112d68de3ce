"""Catalogue: what is installed, as a table to read and a collection to work with."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from zenml.errors import PluginError, closest
from zenml.plugins.registry import catalogue
from zenml.plugins.row import Row
from zenml.plugins.specs import BACKEND_KINDS, UNREADABLE

if TYPE_CHECKING:
    from rich.table import Table

SUMMARY_FROM = 110
"""Width of a terminal, in columns, from which a table has room for summaries."""


class Catalogue:
    """Rows of what installed distributions offer; no class is imported before `catalogue["Name"].load()`.

    It prints as a table, in a terminal and in a notebook.

    Args:
        rows: the rows, in the order in which they are shown.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows: Sequence[Row] = tuple(rows)

    @classmethod
    def of_backends(cls, kind: str | None = None) -> Catalogue:
        """Return the backends of one kind or of all four, and the plugins of which nobody knows what they offer.

        Raises:
            PluginError: there is no such kind.
        """
        if kind is not None and kind not in BACKEND_KINDS:
            mend = closest(kind, BACKEND_KINDS) or f"Known: {', '.join(BACKEND_KINDS)}"
            raise PluginError(f"there is no kind of backend {kind!r}", mend=mend)
        kinds = BACKEND_KINDS if kind is None else (kind,)
        return cls(row for row in catalogue() if row.kind in kinds or (row.kind == UNREADABLE and not row.available))

    @classmethod
    def of_everything(cls, kind: str | None = None) -> Catalogue:
        """Return all that is installed, or what is of one kind.

        Raises:
            PluginError: there is no such kind.
        """
        return cls(catalogue(kind))

    def filter(self, *, kind: str | None = None, state: str | None = None, name: str | None = None) -> Catalogue:
        """Return the rows that fit all that is given.

        Args:
            kind: `orchestrator`, `processing`, `training`, `deployer` or another kind.
            state: `available`, `missing-dependency`, `broken` or `incompatible`.
            name: a name, or a pattern such as `*Spark*`, without regard to case.
        """
        from fnmatch import fnmatchcase

        return Catalogue(
            row
            for row in self._rows
            if kind in (None, row.kind)
            and state in (None, row.state)
            and (name is None or fnmatchcase(row.name.lower(), name.lower()))
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(row.name for row in self._rows)

    def to_json(self) -> list[dict[str, Any]]:
        """Return the rows in JSON types."""
        return [row.to_json() for row in self._rows]

    def print(self) -> None:
        """Print the table on standard output, coloured in a terminal."""
        from zenml.runtime.console import rich_console

        console = rich_console()
        console.print(self._table(console.width))
        for note in self._notes():
            console.print(note, markup=False)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, item: object) -> bool:
        return item in self._rows or item in self.names

    def __getitem__(self, name: str | int) -> Row:
        """Return a row by its name, or by its number.

        Raises:
            PluginError: no row has the name, or several distributions offer it.
            IndexError: there are not so many rows.
        """
        if isinstance(name, int):
            return self._rows[name]
        found = [row for row in self._rows if row.name == name]
        if not found:
            known = ", ".join(self.names) or "nothing"
            raise PluginError(f"there is no {name!r} here", mend=closest(name, self.names) or f"Listed: {known}")
        if len(found) > 1:
            raise PluginError(f"{len(found)} plugins offer {name}: {', '.join(map(_source, found))}")
        return found[0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Catalogue) and self._rows == other._rows

    __hash__ = None  # type: ignore[assignment] # a collection

    def __repr__(self) -> str:
        from rich.console import Console

        width = shutil.get_terminal_size((80, 24)).columns
        console = Console(width=width, color_system=None, force_terminal=False, force_jupyter=False, highlight=False)
        with console.capture() as capture:
            console.print(self._table(width))
            for note in self._notes():
                console.print(note, markup=False)
        return "\n".join(line.rstrip() for line in capture.get().splitlines())

    def _repr_html_(self) -> str:
        from html import escape

        titles = ("Name", "Kind", "Distribution", "Version", "State", "Summary")
        head = "".join(f"<th>{title}</th>" for title in titles)
        body = "".join(
            "<tr>"
            + "".join(
                f'<td style="text-align:left">{escape(cell)}</td>'
                for cell in (row.name, row.kind, row.distribution, row.version, row.state, row.reason or row.summary)
            )
            + "</tr>"
            for row in self._rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _table(self, width: int) -> Table:
        """Return the table, in one section for each kind so that it fits 80 columns."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        from zenml.runtime.console import STATE_STYLES

        wide = width >= SUMMARY_FROM
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for title in ("Name", "Distribution", "State", *(["Summary"] if wide else [])):
            table.add_column(title, overflow="fold")
        kind = ""
        for row in self._rows:
            if row.kind != kind:
                if kind:
                    table.add_section()
                kind = row.kind
                table.add_row(Text(kind, style="bold"))
            cells = [Text(f"  {row.name}"), Text(_source(row)), Text(row.state, style=STATE_STYLES.get(row.state, ""))]
            table.add_row(*cells, *([Text(row.summary)] if wide else []))
        return table

    def _notes(self) -> list[str]:
        """Return what is to be said about single rows."""
        return [f"\n{row.name}: {row.reason}" for row in self._rows if row.reason]


def _source(row: Row) -> str:
    return f"{row.distribution} {row.version}".strip()
