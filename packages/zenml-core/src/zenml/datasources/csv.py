"""CSVDatasource: tables in CSV files."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from zenml.data.csv.form import DEFAULT_NULLS, CSVForm
from zenml.data.source_files import SourceFile
from zenml.datasources.files import ColumnType, FileDatasource
from zenml.steps.base import StepContext

if TYPE_CHECKING:
    from zenml.data.tables.read import TableRead


def _one_character(value: str) -> str:
    if len(value) != 1 or not value.isascii() or value in '"\r\n':
        raise ValueError("a delimiter is one ASCII character, no quote and no line break")
    return value


def _encoding(value: str) -> str:
    try:
        "".encode(value)
    except LookupError:
        raise ValueError("Python knows no encoding of text by this name") from None
    return codecs.lookup(value).name


class CSVDatasource(FileDatasource):
    """Read the rows of one or many CSV files (RFC 4180).

    A column is numeric when at least 95 % of its values in the first 65,536 rows are numbers, and then any other
    value is an error; integers become floats where a later value asks for it. A column of only `true` and `false` is
    boolean, anything else is text. Blank lines are skipped.

    Args:
        path: see `FileDatasource`.
        tfrecord: see `FileDatasource`.
        delimiter: between cells, one ASCII character.
        null_values: what stands for a missing value; in a quoted cell of a text column it is text.
        types: types of columns that shall not be inferred, by name; timestamps are dates or times in ISO 8601, those
            without an offset in UTC.
        encoding: of the text, by any name that Python knows.
        compression: of the files; by default it is told by their suffixes (`.gz`, `.bz2`, `.zst`, `.xz`).
        header: whether the first row of each file names the columns; if not, `columns` must.
        columns: names of the columns of files without a header.
    """

    CACHE_VERSION = 1
    CODEC: ClassVar[str] = "csv/1"
    PARSING: ClassVar[tuple[str, ...]] = ("delimiter", "null_values", "types", "encoding", "compression", "columns")

    delimiter: Annotated[str, AfterValidator(_one_character)] = ","
    null_values: list[str] = Field(default_factory=lambda: [*DEFAULT_NULLS])
    types: dict[str, ColumnType] = Field(default_factory=dict)
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"
    compression: Literal["infer", "none", "gzip", "bz2", "zstd", "xz"] = "infer"
    header: bool = True
    columns: list[Annotated[str, Field(min_length=1)]] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _names_stand_in_one_place(self) -> Self:
        if self.header and self.columns is not None:
            raise ValueError("columns names the columns of files without a header; add header=False")
        if not self.header and self.columns is None:
            raise ValueError("without a header, columns must name the columns")
        if self.columns and len(set(self.columns)) < len(self.columns):
            raise ValueError("columns names a column twice")
        return self

    def read_files(self, files: Sequence[SourceFile], context: StepContext) -> TableRead:
        """Cut the files at row borders and parse them."""
        from zenml.data.csv.commit import CSVReader
        from zenml.data.schema import LogicalType
        from zenml.data.unpacking import plain_files

        columns = None if self.columns is None else tuple(self.columns)
        reader = CSVReader(
            files=plain_files(files, self.compression, self.encoding, context.scratch, context.run_job),
            form=CSVForm(self.delimiter, tuple(self.null_values), columns),
            declared={name: LogicalType(kind) for name, kind in self.types.items()},
            tfrecord=self.tfrecord,
            warn=context.report.warn,
        )
        return reader.read(context.outputs["examples"].path, context.scratch, context.run_job)
