"""Datasource: the step that brings rows into a pipeline as an immutable snapshot."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field

from zenml.artifacts.types import Artifact, Examples
from zenml.data.identity import IdentityMemo
from zenml.steps.base import Inputs, Step

if TYPE_CHECKING:
    import pyarrow as pa

    from zenml.data.pinned_schema import PinnedSchema
    from zenml.datasources.data_repository import ShownPage
    from zenml.datasources.version import DataVersion
    from zenml.datasources.versions import DataVersions

SPLIT = "all"


class Datasource(Step):
    """Base of all datasources: declare config as annotated fields, implement `identity` and `run`.

    `run` fills `context.outputs["examples"]` with one split called `all`, and leaves at least `splits` (row counts)
    and `source_identity` in its properties; it raises `DataError` with every problem before anything is published.

    Args:
        name: what the data is called.
        snapshot: content digest of a committed snapshot, which is then used instead of reading the source; set for
            runs that cannot read the source themselves.
    """

    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"examples": Examples}
    SEEDED: ClassVar[bool] = False

    LOCATING: ClassVar[tuple[str, ...]] = ()
    """Fields that only say where the data is (path, host, credentials); the source identity stands for them."""

    name: str = Field(min_length=1)
    snapshot: str | None = Field(default=None, pattern=r"^sha256:[0-9a-f]{64}$")

    @abstractmethod
    def identity(self, memo: IdentityMemo | None = None) -> str:
        """Return the source identity: it changes exactly when the snapshot of the source would.

        Args:
            memo: remembers the digests of files between calls.

        Raises:
            DataError: the source cannot be read.
        """

    def local_paths(self) -> list[str]:
        """Name what only this machine can read, as its files; empty where the source can be read from anywhere."""
        return []

    def export_problems(self) -> list[str]:
        """Say why a pipeline file cannot hold this datasource so that another process can use it; empty if it can."""
        return []

    def resolve(self, root: Path) -> Self:
        """Return a copy in which paths relative to the repository's root are absolute."""
        return self

    def relative_to(self, root: Path) -> Self:
        """Return a copy as a spec holds it: paths that count from the working directory now count from the root."""
        return self

    def fingerprint_config(self) -> dict[str, Any]:
        """Return the config without the name and without what only locates the data."""
        left_out = {"name", "snapshot", *self.LOCATING}
        return {key: value for key, value in super().fingerprint_config().items() if key not in left_out}

    def split_names(self, inputs: Inputs) -> tuple[str, ...]:
        """Return the one split that a datasource gives."""
        return (SPLIT,)

    def commit(self) -> DataVersion:
        """Make a version of the data as they are now, without a pipeline of one's own.

        A pipeline of this one step runs, tracked and cached like any other, in the current repository (which is made
        where there is none). The same content is the same version, and is not written again. A pipeline that is given
        the datasource with `snapshot=version.digest` reads that version, whatever becomes of the source.

        Returns:
            The version.

        Raises:
            RunFailed: the data cannot be read, or are not sound; every problem is told.
        """
        from zenml.datasources.data_repository import data_repository

        return data_repository().commit(self)

    def versions(self) -> DataVersions:
        """Return the versions of the data that any pipeline of the current repository read under this name.

        Returns:
            The versions, newest first (a version that was read again counts from then); it prints as a table, and
            takes a number or a digest in brackets.
        """
        from zenml.datasources.data_repository import data_repository

        return data_repository().versions(self.name)

    def sample_data(
        self, n: int = 10, *, columns: Sequence[str] | None = None, version: DataVersion | str | None = None
    ) -> pa.Table:
        """Return the first rows of a version; no others are read.

        Args:
            n: how many; all where there are fewer.
            columns: names of the columns to give, in that order; all by default.
            version: a version, or its digest or the beginning of it; the newest by default. Where there is none yet,
                the data are committed first.

        Returns:
            An Arrow table of min(n, rows) rows; `.to_pandas()` makes it a pandas data frame, `.to_pylist()` plain
            Python objects.

        Raises:
            ConfigError: `n` is no count, or there is no such version.
            DataError: there is no such column.
            RunFailed: the data had to be committed, and cannot be.
            StoreError: the version is no longer in the repository's artifact store.
        """
        return self._version(version).sample_data(n, columns=columns)

    def view_schema(self, version: DataVersion | str | None = None) -> PinnedSchema:
        """Return what is expected of the columns: the pinned schema, else what the newest version's are like.

        Args:
            version: a version whose own columns to describe instead, see `sample_data`.

        Raises:
            ConfigError: there is no such version, or the pinned schema cannot be read.
            RunFailed: the data had to be committed, and cannot be.
            StoreError: the version is no longer in the repository's artifact store.
        """
        from zenml.datasources.data_repository import data_repository

        pinned = data_repository().pinned_schema(self.name) if version is None else None
        return pinned or self._version(version).view_schema()

    def view_statistics(
        self,
        compare: DataVersion | str | None = None,
        path: str | Path | None = None,
        *,
        version: DataVersion | str | None = None,
    ) -> ShownPage:
        """Write an HTML page that shows the columns of a version, beside those of another where one is given.

        Args:
            compare: another version, or its digest or the beginning of it, to show on the left; differences are
                pointed out.
            path: the file to write; by default one below `.zenml/reports/`.
            version: which version to show, see `sample_data`.

        Returns:
            The page, which shows itself in a notebook; `page.open()` shows it in a browser.

        Raises:
            ConfigError: there is no such version.
            RunFailed: the data had to be committed, and cannot be.
            StoreError: a version is no longer in the repository's artifact store.
        """
        shown = self._version(version)
        return shown.view_statistics(None if compare is None else self._version(compare), path)

    def _version(self, which: DataVersion | str | None) -> DataVersion:
        """Return a version: a named one, or the newest, which is committed where there is none."""
        from zenml.datasources.version import DataVersion

        if isinstance(which, DataVersion):
            return which
        found = self.versions()
        if which is not None:
            return found.find(which)
        return found[0] if found else self.commit()
