"""DataVersions: the versions of a datasource's data, newest first, as a collection that prints as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, overload

from zenml.datasources.version import DataVersion
from zenml.errors import ConfigError, closest

_COLUMNS = ("version", "rows", "committed", "run")
_LEAST = 4


class DataVersions(Sequence[DataVersion]):
    """Versions of the data of one name, newest first.

    It prints as a table, in a terminal and in a notebook.

    Args:
        name: what the data are called.
        versions: the versions, newest first.
    """

    def __init__(self, name: str, versions: Iterable[DataVersion]) -> None:
        self.name = name
        self._versions = tuple(versions)

    def find(self, version: DataVersion | str) -> DataVersion:
        """Return one version.

        Args:
            version: the version itself, or its digest, with or without `sha256:`, or the beginning of it from 4 digits.

        Raises:
            ConfigError: there is no such version, or there are several; the closest is told.
        """
        wanted = version.digest if isinstance(version, DataVersion) else version
        digits = wanted.strip().lower().removeprefix("sha256:")
        found = [row for row in self if row.digest.removeprefix("sha256:").startswith(digits)]
        if len(found) == 1 and len(digits) >= _LEAST:
            return found[0]
        shorts = [row.short for row in self]
        listed = f"Its versions: {', '.join(shorts[:5])}{' …' if len(shorts) > 5 else ''}" if shorts else "It has none"
        if len(digits) < _LEAST or len(found) > 1:
            raise ConfigError(f"{wanted!r} is too short to name one version of {self.name!r}", mend=listed)
        mend = closest(digits[: len(shorts[0])], shorts) if shorts else ""
        raise ConfigError(f"{self.name!r} has no version {wanted!r}", mend=mend or listed)

    def to_json(self) -> list[dict[str, Any]]:
        """Return the versions in JSON types."""
        return [version.to_json() for version in self]

    @overload
    def __getitem__(self, index: int | str) -> DataVersion: ...

    @overload
    def __getitem__(self, index: slice) -> DataVersions: ...

    def __getitem__(self, index: int | str | slice) -> DataVersion | DataVersions:
        """Return a version by its number, 0 for the newest, or by its digest; or some of them.

        Raises:
            IndexError: there are not so many.
            ConfigError: there is no version of that digest.
        """
        if isinstance(index, str):
            return self.find(index)
        return DataVersions(self.name, self._versions[index]) if isinstance(index, slice) else self._versions[index]

    def __len__(self) -> int:
        return len(self._versions)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataVersions) and (self.name, self._versions) == (other.name, other._versions)

    __hash__ = None  # type: ignore[assignment] # a collection

    def rows(self) -> list[dict[str, str]]:
        """Return what a table of the versions shows, as texts by column."""
        return [
            {
                "version": version.short,
                "rows": f"{row['rows']:,}" if row["rows"] is not None else "elsewhere" if version.elsewhere else "gone",
                "committed": (row["committed"] or "").replace("T", " ").removesuffix("+00:00"),
                "run": row["run"],
            }
            for version, row in ((version, version.to_json()) for version in self)
        ]

    def __repr__(self) -> str:
        if not self:
            return f"no version of {self.name!r} yet"
        rows = [dict(zip(_COLUMNS, map(str.capitalize, _COLUMNS), strict=True)), *self.rows()]
        widths = {column: max(len(row[column]) for row in rows) for column in _COLUMNS}
        return "\n".join("  ".join(row[column].ljust(widths[column]) for column in _COLUMNS).rstrip() for row in rows)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{column.capitalize()}</th>" for column in _COLUMNS)
        body = "".join(
            "<tr>" + "".join(f'<td style="text-align:left">{escape(row[c])}</td>' for c in _COLUMNS) + "</tr>"
            for row in self.rows()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
