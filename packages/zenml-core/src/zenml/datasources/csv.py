"""CSVDatasource: tables in CSV files."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from zenml.data.csv.form import DEFAULT_NULLS, CSVForm
from zenml.data.source_files import SourceFile
from zenml.datasources.files import ColumnType
from zenml.datasources.text_files import TextDatasource
from zenml.steps.base import StepContext

if TYPE_CHECKING:
    from zenml.data.tables.read import TableRead


def _one_character(value: str) -> str:
    if len(value) != 1 or not value.isascii() or value in '"\r\n':
        raise ValueError("a delimiter is one ASCII character, no quote and no line break")
    return value


def _quote(value: str) -> str:
    if value and (len(value) != 1 or not value.isascii() or value in "\r\n"):
        raise ValueError("it is one ASCII character, no line break, or empty where there is none")
    return value


def _encoding(value: str) -> str:
    try:
        "".encode(value)
    except LookupError:
        raise ValueError("Python knows no encoding of text by this name") from None
    return codecs.lookup(value).name


class CSVDatasource(TextDatasource):
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
        quote_char: encloses cells that hold delimiters or line breaks, one ASCII character; empty for files in which
            quotes are text.
        escape_char: takes its meaning from the delimiter, quote, line break or other character after it, in quoted
            cells and in others; none by default.
        double_quote: whether two quotes in a quoted cell stand for one.
        on_bad_rows: see `TextDatasource`. Bad are rows with another number of cells than the header, and cells that do
            not fit the type of their column: also integers beyond 64 bits, dates that do not exist, and text that is no
            UTF-8 or has a null byte. A quote that is never closed, and bytes that are not in a named `encoding`, are
            faults of the file. The text of a row in quarantine has its cells, quoted where they must be.
        max_bad_share: see `TextDatasource`.
    """

    CACHE_VERSION = 1
    CODEC: ClassVar[str] = "csv/1"
    PARSING: ClassVar[tuple[str, ...]] = ("delimiter", "null_values", "types", "encoding", "compression", "columns")
    PARSING_IF_SET: ClassVar[tuple[str, ...]] = (
        *TextDatasource.PARSING_IF_SET,
        "quote_char",
        "escape_char",
        "double_quote",
    )

    delimiter: Annotated[str, AfterValidator(_one_character)] = ","
    null_values: list[str] = Field(default_factory=lambda: [*DEFAULT_NULLS])
    types: dict[str, ColumnType] = Field(default_factory=dict)
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"
    compression: Literal["infer", "none", "gzip", "bz2", "zstd", "xz"] = "infer"
    header: bool = True
    columns: list[Annotated[str, Field(min_length=1)]] | None = Field(default=None, min_length=1)
    quote_char: Annotated[str, AfterValidator(_quote)] = '"'
    escape_char: Annotated[str, AfterValidator(_quote), Field(min_length=1)] | None = None
    double_quote: bool = True

    @model_validator(mode="after")
    def _characters_differ(self) -> Self:
        used = [each for each in (self.delimiter, self.quote_char, self.escape_char) if each]
        if len(set(used)) < len(used):
            raise ValueError("delimiter, quote_char and escape_char must be different characters")
        return self

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
            form=CSVForm(
                self.delimiter,
                tuple(self.null_values),
                columns,
                self.quote_char,
                self.escape_char or "",
                self.double_quote,
            ),
            declared={name: LogicalType(kind) for name, kind in self.types.items()},
            tfrecord=self.tfrecord,
            warn=context.report.warn,
            bad_rows=self.bad_row_rule(),
        )
        return reader.read(context.outputs["examples"].path, context.scratch, context.run_job)
