"""TFRecordDatasource: tables in TFRecord files of tf.Example records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from zenml.data.source_files import SourceFile
from zenml.datasources.files import FeatureText, FileDatasource
from zenml.steps.base import StepContext

if TYPE_CHECKING:
    from zenml.data.tables.read import TableRead


class TFRecordDatasource(FileDatasource):
    """Read TFRecord files of `tf.Example` records, whoever wrote them; each checksum and length is checked.

    The features of the first 4,096 records (an equal share of each file) are the columns, sorted by name: lists of
    int64 are integers, of float floats, of bytes text where all of the sample is UTF-8, else bytes. A feature that does
    not have exactly one value in each record is a column of lists; where all records of the sample have the same number
    of numbers, of lists of that length. An absent feature is missing, one without values an empty list. A feature that
    the sample does not have is an error, and so is another number of values than the type tells.

    Args:
        path: see `FileDatasource`.
        tfrecord: see `FileDatasource`.
        types: other types than those of the sample, or of features that it does not have, by name: booleans are 0 and
            1, timestamps microseconds since 1970 in UTC; `list<float>` takes any number of values, `list<float>[3]`
            three.
        columns: names of the features to read, in that order, others being left out.
    """

    CACHE_VERSION = 1
    CODEC: ClassVar[str] = "tfrecord/1"
    PARSING: ClassVar[tuple[str, ...]] = ("types", "columns")

    types: dict[str, FeatureText] = Field(default_factory=dict)
    columns: list[str] | None = Field(default=None, min_length=1)

    def read_files(self, files: Sequence[SourceFile], context: StepContext) -> TableRead:
        """Read the files, each as a shard."""
        from zenml.data.foreign.commit import TFRecordReader
        from zenml.data.schema import feature_type

        declared = {name: feature_type(kind) for name, kind in self.types.items()}
        reader = TFRecordReader(files, declared, self.columns, self.tfrecord, context.report.warn)
        return reader.read(context.outputs["examples"].path, context.run_job)
