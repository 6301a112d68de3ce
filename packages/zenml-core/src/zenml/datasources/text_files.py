"""TextDatasource: what the datasources that read text row by row have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from zenml.datasources.files import FileDatasource

if TYPE_CHECKING:
    from zenml.data.tables.bad_rows import BadRowRule

_SHARE = 0.05


class TextDatasource(FileDatasource):
    """Base of the datasources that read files of text, in which single rows may be bad.

    Bad are the rows that a reader would otherwise refuse one by one, each of which says what; a fault of a whole file
    (its header, its compression, its columns) stays an error.

    Args:
        path: see `FileDatasource`.
        tfrecord: see `FileDatasource`.
        on_bad_rows: what becomes of bad rows: `error` refuses the source and tells the first of them, `skip` leaves
            them out, `quarantine` leaves them out and keeps them beside the snapshot, with file, row, column, reason
            and text, where `Snapshot.quarantine()` and `bad_rows()` of a committed version read them. Either says in a
            warning how many there are and why.
        max_bad_share: the share of the source's rows, from 0 to 1, that may be bad; where more are, or all, that is an
            error.
    """

    PARSING_IF_SET: ClassVar[tuple[str, ...]] = ("on_bad_rows", "max_bad_share")

    on_bad_rows: Literal["error", "skip", "quarantine"] = "error"
    max_bad_share: float = Field(default=_SHARE, ge=0, le=1)

    @model_validator(mode="after")
    def _the_share_counts(self) -> Self:
        if self.on_bad_rows == "error" and self.max_bad_share != _SHARE:
            raise ValueError("max_bad_share counts only where bad rows are left out: add on_bad_rows='skip'")
        return self

    def bad_row_rule(self) -> BadRowRule:
        """Return what is to become of bad rows."""
        from zenml.data.tables.bad_rows import BadRowRule

        return BadRowRule(self.on_bad_rows, self.max_bad_share)
