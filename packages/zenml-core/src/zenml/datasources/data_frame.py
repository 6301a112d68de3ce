"""DataFrameDatasource, PandasDatasource and NumpyDatasource: tables that are in memory already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from zenml.data.identity import IdentityMemo
from zenml.datasources.base import Datasource
from zenml.errors import DataError
from zenml.steps.base import StepContext

if TYPE_CHECKING:
    from zenml.data.memory.frame import Frame


def _named(value: Any) -> str:
    from zenml.data.memory.frame import as_data

    return as_data(value)


class DataFrameDatasource(Datasource):
    """Read a table in memory: a data frame of pandas (2.2 or newer), polars or DuckDB, an Arrow table, NumPy arrays.

    The table is taken when the datasource is made (later changes to the frame do not count), and a spec names it by
    the digest of its content. It lives in this process only: a run elsewhere is given the snapshot that is committed
    here first, and a pipeline file works where `snapshot` pins one.

    Args:
        data: anything with the Arrow C stream interface, a NumPy array with named fields, or a mapping of column names
            to arrays; those of two dimensions, and lists in the cells, are columns of lists. Row labels of pandas are
            left out unless they have a name.
        tfrecord: also keep the rows as TFRecord files of `tf.Example`.
    """

    CACHE_VERSION = 1
    LOCATING: ClassVar[tuple[str, ...]] = ("data",)

    data: Annotated[str, PlainValidator(_named), PlainSerializer(str), WithJsonSchema({"type": "string"})]
    tfrecord: bool = True

    def identity(self, memo: IdentityMemo | None = None) -> str:
        """Return the digest of the table's content.

        Raises:
            DataError: the table is not in this process.
        """
        return self._found().digest.removeprefix("arrow:")

    def _found(self) -> Frame:
        from zenml.data.memory.frame import frame_of

        frame = frame_of(self.data)
        if frame is None:
            raise DataError(
                "this table lives in the process that made it",
                f"{type(self).__name__} {self.name}",
                "Give the table to the datasource in Python, or pin a committed snapshot: snapshot=…",
            )
        return frame

    def local_paths(self) -> list[str]:
        """Return the name of the table, which only this process can read."""
        return [self.data]

    def export_problems(self) -> list[str]:
        """Say that a file cannot hold the table, unless a snapshot is pinned."""
        if self.snapshot:
            return []
        return ["its table lives in this process; keep it in a file, or pin a committed snapshot of it: snapshot=…"]

    def run(self, context: StepContext) -> None:
        """Keep the rows as Arrow shards, with schema, statistics and TFRecord copies."""
        from zenml.data.memory.commit import keep
        from zenml.data.splits import cast_messages

        output = context.outputs["examples"]
        read = keep(self._found(), output.path, context.scratch, self.tfrecord, context.run_job)
        for message in cast_messages(read.casts):
            context.report.log(message)
        output.properties.update(splits=read.splits, source_identity=self.identity(), tfrecord_casts=read.casts)


class PandasDatasource(DataFrameDatasource):
    """Read a pandas data frame; see `DataFrameDatasource`."""


class NumpyDatasource(DataFrameDatasource):
    """Read NumPy arrays: one with named fields, or a mapping of column names to arrays; see `DataFrameDatasource`."""
