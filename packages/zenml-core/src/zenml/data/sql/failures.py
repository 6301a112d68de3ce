"""Failures of databases, as errors that a user can act on."""

from __future__ import annotations

from zenml.errors import DataError


class DatabaseError(DataError):
    """A database refused a statement or a connection.

    Args:
        code: the database's code of the reason, or empty.
        said: its message.
        place: the database, and what was read.
        mend: what to do about it.
    """

    def __init__(self, code: str, said: str, place: str, mend: str = "") -> None:
        super().__init__(f"the database says: {said}", place, mend)
        self.code = code
        self.said = said
