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
    """Delimiter and null markers; the quote is `"`, doubled inside a quoted cell.

    Args:
        delimiter: one ASCII character.
        null_values: cells that stand for a missing value; in a quoted cell of a text column they are text.
        columns: names of the columns of files that have no header row.
    """

    delimiter: str = ","
    null_values: tuple[str, ...] = DEFAULT_NULLS
    columns: tuple[str, ...] | None = None

    def to_params(self) -> dict[str, Any]:
        """Return the form as JSON types."""
        return asdict(self)

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> CSVForm:
        """Read what `to_params` gave."""
        columns = params["columns"]
        return cls(params["delimiter"], tuple(params["null_values"]), None if columns is None else tuple(columns))
