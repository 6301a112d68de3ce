"""SQLiteMetadataStore: the default metadata store, one file that many processes share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from zenml.metadata.sql import SQLMetadataStore

if TYPE_CHECKING:
    from zenml.metadata.database import Database


class SQLiteMetadataStore(SQLMetadataStore):
    """Records runs in a SQLite file that `ml-metadata` opens too.

    Args:
        path: the file; it and its folder are made when missing. A relative path counts from the working directory.
    """

    path: str = ".zenml/metadata.db"

    def resolve(self, root: Path) -> Self:
        """Return the store with an absolute path."""
        path = str(root.absolute() / Path(self.path).expanduser())
        return self if path == self.path else self.replaced(path=path)

    @property
    def local_files(self) -> str:
        """The database's file."""
        return self.path

    def open_database(self) -> Database:
        """Return the database in the file."""
        from zenml.metadata.sqlite_database import SQLiteDatabase

        return SQLiteDatabase(Path(self.path).expanduser().absolute())
