"""CSVDatasource: tables in CSV files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, PrivateAttr

from zenml.data.csv.form import DEFAULT_NULLS, CSVForm
from zenml.data.identity import IdentityMemo, source_identity
from zenml.data.source_files import SourceFile, source_files
from zenml.datasources.base import Datasource
from zenml.errors import DataError
from zenml.steps.base import StepContext

ColumnType = Literal["integer", "float", "boolean", "string", "bytes"]

_CODEC = "csv/1"


def _one_character(value: str) -> str:
    if len(value) != 1 or not value.isascii() or value in '"\r\n':
        raise ValueError("a delimiter is one ASCII character, no quote and no line break")
    return value


class CSVDatasource(Datasource):
    """Read the rows of one or many CSV files (RFC 4180, UTF-8, with a header row).

    A column is numeric when at least 95 % of its values in the first 65,536 rows are numbers, and then any other
    value is an error; integers become floats where a later value asks for it. A column of only `true` and `false` is
    boolean, anything else is text. Blank lines are skipped.

    Args:
        path: a path (relative to the repository's root), a glob pattern (`data/*.csv`, read in the order of the names)
            or a URL that fsspec understands.
        delimiter: between cells, one ASCII character.
        null_values: what stands for a missing value; in a quoted cell of a text column it is text.
        types: types of columns that shall not be inferred, by name.
        tfrecord: also keep the rows as TFRecord files of `tf.Example`.
    """

    CACHE_VERSION = 1
    LOCATING: ClassVar[tuple[str, ...]] = ("path",)

    path: str = Field(min_length=1)
    delimiter: Annotated[str, AfterValidator(_one_character)] = ","
    null_values: list[str] = Field(default_factory=lambda: [*DEFAULT_NULLS])
    types: dict[str, ColumnType] = Field(default_factory=dict)
    tfrecord: bool = True

    _memo: IdentityMemo = PrivateAttr(default_factory=IdentityMemo)
    _identity: str = PrivateAttr(default="")

    def identity(self, memo: IdentityMemo | None = None) -> str:
        """Return the digest of the files' contents in order, of how they are parsed, and of the parser's version."""
        self._memo = memo or self._memo
        self._identity = self._identify(source_files(self.path))
        return self._identity

    def _identify(self, files: Sequence[SourceFile]) -> str:
        parameters = self.model_dump(mode="json", include={"delimiter", "null_values", "types"})
        return source_identity(_CODEC, parameters, files, self._memo)

    def local_paths(self) -> list[str]:
        """Return the local files that the path names."""
        return [file.url for file in source_files(self.path) if file.local] if self._is_local else []

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
        """Parse the files into Arrow shards, with schema, statistics and TFRecord copies."""
        from zenml.data.csv.commit import CSVReader
        from zenml.data.schema import LogicalType
        from zenml.data.splits import cast_messages

        files = source_files(self.path)
        identity = self._identify(files)
        if self._identity not in ("", identity):
            raise DataError("the data changed since this run was planned", self.path, "Run again")
        output = context.outputs["examples"]
        reader = CSVReader(
            files=files,
            form=CSVForm(self.delimiter, tuple(self.null_values)),
            declared={name: LogicalType(kind) for name, kind in self.types.items()},
            tfrecord=self.tfrecord,
            warn=context.report.warn,
        )
        read = reader.read(output.path, context.scratch, context.run_job)
        for message in cast_messages(read.casts):
            context.report.log(message)
        output.properties.update(splits=read.splits, source_identity=identity, tfrecord_casts=read.casts)
