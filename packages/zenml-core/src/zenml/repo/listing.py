"""Listing: things of a repository's history, as objects, as a table, as JSON and as a data frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any, Generic, Protocol, TypeVar, overload

from zenml.reports.comparison import value_text
from zenml.reports.frame import data_frame, print_rows, text_table
from zenml.runtime.console import duration_text


class Listed(Protocol):
    """Something that a listing holds."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        ...


Item = TypeVar("Item", bound=Listed)


class Listing(Sequence[Item], Generic[Item]):
    """Objects in order, that print as a table, in a terminal and in a notebook.

    Args:
        items: the objects.
        row: what the table shows of one; where one lacks a column of another, its cell is empty.
        empty: what to say when there are none.
    """

    def __init__(self, items: Iterable[Item], row: Callable[[Item], Mapping[str, Any]], *, empty: str) -> None:
        self._items = tuple(items)
        self._row = row
        self._empty = empty

    def to_json(self) -> list[dict[str, Any]]:
        """Return all objects as JSON types."""
        return [item.to_json() for item in self]

    def to_pandas(self) -> Any:
        """Return a pandas data frame with the rows of the table, values as they are.

        Raises:
            PluginError: pandas is not installed.
        """
        return data_frame([dict(self._row(item)) for item in self])

    def rows(self) -> list[dict[str, str]]:
        """Return the table as texts."""
        rows = [self._row(item) for item in self]
        columns = dict.fromkeys(name for row in rows for name in row)
        return [{name: _text(name, row.get(name)) for name in columns} for row in rows]

    def print(self) -> None:
        """Print the table, as many columns of it as fit."""
        print_rows(self.rows(), empty=self._empty)

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> Listing[Item]: ...

    def __getitem__(self, index: int | slice) -> Item | Listing[Item]:
        """Return an object by its number, or some of them."""
        if isinstance(index, slice):
            return Listing(self._items[index], self._row, empty=self._empty)
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Listing) and self._items == other._items

    __hash__ = None  # type: ignore[assignment] # a collection

    def __repr__(self) -> str:
        return text_table(self.rows()) or self._empty

    def _repr_html_(self) -> str:
        rows = self.rows()
        head = "".join(f"<th>{escape(name)}</th>" for name in (rows[0] if rows else ()))
        cells = ("".join(f'<td style="text-align:left">{escape(cell)}</td>' for cell in row.values()) for row in rows)
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if rows else escape(self._empty)


def _text(name: str, value: Any) -> str:
    if name == "duration":
        return duration_text(value)
    if name == "started":
        return (value or "").replace("T", " ").removesuffix("+00:00")
    return ", ".join(map(value_text, value)) if isinstance(value, list | tuple) else value_text(value)
