"""DataRepository: what a datasource needs of the layers above it, to be held by users and not only by a pipeline.

Committing needs runs, versions need the repository's stores, a page needs the reports; datasources stand below all of
these and import none. `data_repository()` has the registry load the one class that does it by its target, as a facade
has it load its bases, at the first use; it is the only way from here to there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from zenml.data.pinned_schema import PinnedSchema
    from zenml.data.statistics import TableStatistics
    from zenml.datasources.base import Datasource
    from zenml.datasources.version import DataVersion
    from zenml.datasources.versions import DataVersions

_TARGET = "zenml.repo.data:RepositoryData"


class ShownPage(Protocol):
    """An HTML page that was written; it shows itself in a notebook."""

    @property
    def path(self) -> Path | None:
        """The file."""

    def open(self) -> None:
        """Show the page in the default browser."""


class DataRepository(ABC):
    """The current repository, as far as data go."""

    @abstractmethod
    def commit(self, datasource: Datasource) -> DataVersion:
        """Read a datasource in a tracked run, and return the version that its data are."""

    @abstractmethod
    def versions(self, name: str) -> DataVersions:
        """Return the versions of what pipelines have read under a name, newest first."""

    @abstractmethod
    def pinned_schema(self, name: str) -> PinnedSchema | None:
        """Return what is expected of the columns of the datasource of a name, where that is pinned."""

    @abstractmethod
    def write_statistics(
        self, title: str, tables: Mapping[str, TableStatistics], file: str, path: str | Path | None
    ) -> ShownPage:
        """Write a page that shows tables side by side, to `path` or else as `file` among the repository's reports."""


def data_repository() -> DataRepository:
    """Return the repository around the working directory or the running script; it is made where there is none."""
    from zenml.plugins.registry import load_type

    repository: DataRepository = load_type(_TARGET)()
    return repository
