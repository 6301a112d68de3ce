"""CSVDatasource: tables in CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from zenml.data.csv.form import DEFAULT_NULLS, CSVForm
from zenml.data.source_files import SourceFile
from zenml.datasources.files import FileDatasource
from zenml.steps.base import StepContext

if TYPE_CHECKING:
    from zenml.data.tables.read import TableRead

ColumnType = Literal["integer", "float", "boolean", "string", "bytes"]


def _one_character(value: str) -> str:
    if len(value) != 1 or not value.isascii() or value in '"\r\n':
        raise ValueError("a delimiter is one ASCII character, no quote and no line break")
    return value


class CSVDatasource(FileDatasource):
    """Read the rows of one or many CSV files (RFC 4180, UTF-8, with a header row).

    A column is numeric when at least 95 % of its values in the first 65,536 rows are numbers, and then any other
    value is an error; integers become floats where a later value asks for it. A column of only `true` and `false` is
    boolean, anything else is text. Blank lines are skipped.

    Args:
        path: see `FileDatasource`.
        tfrecord: see `FileDatasource`.
        delimiter: between cells, one ASCII character.
        null_values: what stands for a missing value; in a quoted cell of a text column it is text.
        types: types of columns that shall not be inferred, by name.
    """

    CACHE_VERSION = 1
    CODEC: ClassVar[str] = "csv/1"
    PARSING: ClassVar[tuple[str, ...]] = ("delimiter", "null_values", "types")

    delimiter: Annotated[str, AfterValidator(_one_character)] = ","
    null_values: list[str] = Field(default_factory=lambda: [*DEFAULT_NULLS])
    types: dict[str, ColumnType] = Field(default_factory=dict)

    def read_files(self, files: Sequence[SourceFile], context: StepContext) -> TableRead:
        """Cut the files at row borders and parse them."""
        from zenml.data.csv.commit import CSVReader
        from zenml.data.schema import LogicalType

        reader = CSVReader(
            files=files,
            form=CSVForm(self.delimiter, tuple(self.null_values)),
            declared={name: LogicalType(kind) for name, kind in self.types.items()},
            tfrecord=self.tfrecord,
            warn=context.report.warn,
        )
        return reader.read(context.outputs["examples"].path, context.scratch, context.run_job)
