"""ParquetDatasource: tables in Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from zenml.data.source_files import SourceFile
from zenml.datasources.files import FeatureText, FileDatasource
from zenml.steps.base import StepContext

if TYPE_CHECKING:
    from zenml.data.tables.read import TableRead


class ParquetDatasource(FileDatasource):
    """Read the rows of one or many Parquet files, in the types that the files declare.

    Integers, floats, booleans, text and bytes of any width keep their values; dates become timestamps at midnight,
    instants timestamps in UTC; decimals become integers or floats where these are exact. Lists of integers, floats,
    text or bytes are kept, of fixed length or any; only those of floats may miss values inside. Other columns are
    refused, unless `types` says how to read them. Not-a-number counts as missing.

    Args:
        path: see `FileDatasource`.
        tfrecord: see `FileDatasource`.
        types: other types than those of the file, by name of the column; a value that does not fit is an error.
        columns: names of the columns to read, in that order; all by default.
    """

    CACHE_VERSION = 1
    CODEC: ClassVar[str] = "parquet/1"
    PARSING: ClassVar[tuple[str, ...]] = ("types", "columns")

    types: dict[str, FeatureText] = Field(default_factory=dict)
    columns: list[str] | None = Field(default=None, min_length=1)

    def read_files(self, files: Sequence[SourceFile], context: StepContext) -> TableRead:
        """Read the files by row group."""
        from zenml.data.parquet.commit import ParquetReader
        from zenml.data.schema import feature_type

        declared = {name: feature_type(kind) for name, kind in self.types.items()}
        reader = ParquetReader(files, declared, self.columns, self.tfrecord, context.report.warn)
        return reader.read(context.outputs["examples"].path, context.run_job)
