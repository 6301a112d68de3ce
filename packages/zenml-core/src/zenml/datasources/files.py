"""FileDatasource: what the datasources that read files have in common."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr

from zenml.data.identity import IdentityMemo, source_identity
from zenml.data.source_files import SourceFile, source_files
from zenml.datasources.base import Datasource
from zenml.errors import DataError
from zenml.steps.base import StepContext

if TYPE_CHECKING:
    from zenml.data.tables.read import TableRead

ColumnType = Literal["integer", "float", "boolean", "string", "bytes", "timestamp"]

ListText = Annotated[str, Field(pattern=r"^list<(integer|float|string|bytes)>(\[[1-9][0-9]*\])?$")]
"""The type of a column of lists: `list<float>` for lists of any length, `list<float>[3]` for lists of three values."""

FeatureText = ColumnType | ListText


class FileDatasource(Datasource):
    """Base of the datasources that read files: set `CODEC` and `PARSING`, and implement `read_files`.

    Args:
        path: a path (relative to the repository's root), a glob pattern (`data/part-*`, read in the order of the
            names) or a URL that fsspec understands.
        tfrecord: also keep the rows as TFRecord files of `tf.Example`.
    """

    LOCATING: ClassVar[tuple[str, ...]] = ("path",)

    CODEC: ClassVar[str]
    """Name and version of the code that parses; part of the source identity."""

    PARSING: ClassVar[tuple[str, ...]] = ()
    """Fields that change the parsed rows; part of the source identity."""

    PARSING_IF_SET: ClassVar[tuple[str, ...]] = ()
    """Fields like those of `PARSING` that count only where they differ from their default."""

    path: str = Field(min_length=1)
    tfrecord: bool = True

    _memo: IdentityMemo = PrivateAttr(default_factory=IdentityMemo)
    _identity: str = PrivateAttr(default="")

    @abstractmethod
    def read_files(self, files: Sequence[SourceFile], context: StepContext) -> TableRead:
        """Write the snapshot of the files into `context.outputs["examples"]`.

        Raises:
            DataError: whatever is wrong with the files, all at once.
        """

    def identity(self, memo: IdentityMemo | None = None) -> str:
        """Return the digest of the files' contents in order, of how they are parsed, and of the parser's version."""
        self._memo = memo or self._memo
        self._identity = self._identify(self.list_files())
        return self._identity

    def list_files(self) -> list[SourceFile]:
        """Return the files to read, in order.

        Raises:
            DataError: there are none.
        """
        return source_files(self.path)

    def parsing(self, files: Sequence[SourceFile]) -> dict[str, Any]:
        """Return whatever changes the parsed rows besides the contents of the files (JSON types)."""
        chosen = self.model_dump(mode="json", include=set(self.PARSING_IF_SET), exclude_defaults=True)
        return {**self.model_dump(mode="json", include=set(self.PARSING)), **chosen}

    def _identify(self, files: Sequence[SourceFile]) -> str:
        return source_identity(self.CODEC, self.parsing(files), files, self._memo)

    def local_paths(self) -> list[str]:
        """Return the local files that the path names."""
        return [file.url for file in self.list_files() if file.local] if self._is_local else []

    @property
    def _is_local(self) -> bool:
        return "://" not in self.path or self.path.startswith("file://")

    def resolve(self, root: Path) -> Self:
        """Return a copy with an absolute path; URLs stay as they are."""
        if "://" in self.path:
            return self
        return self.model_copy(update={"path": str(root / Path(self.path).expanduser())})

    def relative_to(self, root: Path) -> Self:
        """Return a copy whose path is relative to the root where it lies inside, else absolute; URLs stay."""
        if "://" in self.path:
            return self
        path = Path(os.path.abspath(Path(self.path).expanduser()))  # noqa: PTH100 - resolve() would follow links
        inside = path.is_relative_to(root)
        return self.model_copy(update={"path": path.relative_to(root).as_posix() if inside else str(path)})

    def run(self, context: StepContext) -> None:
        """Read the files into Arrow shards, with schema, statistics and TFRecord copies."""
        from zenml.data.splits import cast_messages

        files = self.list_files()
        identity = self._identify(files)
        if self._identity not in ("", identity):
            raise DataError("the data changed since this run was planned", self.path, "Run again")
        read = self.read_files(files, context)
        for message in cast_messages(read.casts):
            context.report.log(message)
        context.outputs["examples"].properties.update(
            splits=read.splits, source_identity=identity, tfrecord_casts=read.casts
        )
        if read.bad_rows:
            context.outputs["examples"].properties["bad_rows"] = read.bad_rows
        if read.bad_rows.get("quarantine") and read.bad_rows["rows"]:
            context.report.log(f"rows in quarantine: {read.bad_rows['rows']}, for Snapshot.quarantine() to read")
