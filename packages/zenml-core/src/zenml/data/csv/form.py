"""CSVForm: how the text of a CSV file is to be understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

DEFAULT_NULLS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")
TRUE_WORDS = ("true", "True", "TRUE")
FALSE_WORDS = ("false", "False", "FALSE")


@dataclass(frozen=True)
class CSVForm:
    """Delimiter, quotes and null markers.

    Args:
        delimiter: one ASCII character.
        null_values: cells that stand for a missing value; in a quoted cell of a text column they are text.
        columns: names of the columns of files that have no header row.
        quote: encloses cells that hold delimiters and line breaks, one ASCII character; empty where nothing does.
        escape: takes its meaning from the character after it, one ASCII character; empty where nothing does.
        doubled: whether two quotes in a quoted cell stand for one.
    """

    delimiter: str = ","
    null_values: tuple[str, ...] = DEFAULT_NULLS
    columns: tuple[str, ...] | None = None
    quote: str = '"'
    escape: str = ""
    doubled: bool = True

    @property
    def multiline(self) -> bool:
        """Say whether a cell can hold a line break."""
        return bool(self.quote or self.escape)

    @property
    def unclosed(self) -> str:
        """Return the mend of a quote that is opened and never closed."""
        if self.doubled:
            return "Close or double the quote"
        return "Close or escape the quote" if self.escape else "Close the quote"

    def to_params(self) -> dict[str, Any]:
        """Return the form as JSON types."""
        return asdict(self)

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> CSVForm:
        """Read what `to_params` gave."""
        columns = params["columns"]
        found = {"null_values": tuple(params["null_values"]), "columns": None if columns is None else tuple(columns)}
        return cls(**{**params, **found})
