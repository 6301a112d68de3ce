"""JSONLinesDatasource: tables in files of one JSON object a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from zenml.data.source_files import SourceFile
from zenml.datasources.files import FeatureText
from zenml.datasources.text_files import TextDatasource
from zenml.steps.base import StepContext

if TYPE_CHECKING:
    from zenml.data.tables.read import TableRead


class JSONLinesDatasource(TextDatasource):
    """Read the rows of one or many files of JSON lines (UTF-8, one object a line, its members the columns).

    A column is of the kind (integers, numbers, texts, truth values) that at least 95 % of its values in the first
    65,536 rows are, and then any value of another kind is an error; integers become floats where a later value asks
    for it. Members may come in any order, and one that is absent is missing, as is null; `NaN` is missing too. Blank
    lines are skipped. Lists of numbers or texts are columns of lists, of numbers with a fixed length where all of the
    first rows have the same (declare `list<float>` for any); values nested deeper are refused.

    Args:
        path: see `FileDatasource`.
        tfrecord: see `FileDatasource`.
        types: types of columns that shall not be inferred, or that the first rows do not have, by name. A declared
            column takes numbers in quotes, and as text keeps numbers as they are written.
        columns: names of the columns to read, in that order, others being left out; all of the first rows by default,
            and then any other is an error.
        compression: of the files; by default it is told by their suffixes (`.gz`, `.bz2`, `.zst`, `.xz`).
        on_bad_rows: see `TextDatasource`. Bad are lines that are no JSON object or no UTF-8, values that do not fit the
            type of their column, and members that the first rows do not have.
        max_bad_share: see `TextDatasource`.
    """

    CACHE_VERSION = 1
    CODEC: ClassVar[str] = "jsonl/1"
    PARSING: ClassVar[tuple[str, ...]] = ("types", "columns", "compression")

    types: dict[str, FeatureText] = Field(default_factory=dict)
    columns: list[str] | None = Field(default=None, min_length=1)
    compression: Literal["infer", "none", "gzip", "bz2", "zstd", "xz"] = "infer"

    def read_files(self, files: Sequence[SourceFile], context: StepContext) -> TableRead:
        """Cut the files at line ends and parse them."""
        from zenml.data.jsonl.commit import JSONLinesReader
        from zenml.data.schema import feature_type
        from zenml.data.unpacking import UTF8, plain_files

        declared = {name: feature_type(kind) for name, kind in self.types.items()}
        files = plain_files(files, self.compression, UTF8, context.scratch, context.run_job)
        rule = self.bad_row_rule()
        reader = JSONLinesReader(files, declared, self.columns, self.tfrecord, context.report.warn, bad_rows=rule)
        return reader.read(context.outputs["examples"].path, context.scratch, context.run_job)
