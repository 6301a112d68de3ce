"""SplitReader: one split of transformed examples, as a trainer reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zenml.errors import DataError
from zenml.steps.trainer.batches import BatchView, Chunk, Prepare, as_they_are, by_file


class SplitReader:
    """The rows of one split after the transform, in shard order; files are memory-mapped.

    Args:
        folder: the split's folder, with `shard-*.arrow` files.
        labels: the columns that are labels; every other column is a feature.

    Raises:
        DataError: the folder holds no shard.
    """

    def __init__(self, folder: Path, labels: Sequence[str]) -> None:
        self.folder = folder
        self.name = folder.name
        self.labels = tuple(labels)
        self._files = sorted(folder.glob("shard-*.arrow"))
        if not self._files:
            raise DataError(f"split {folder.name!r} has no rows", mend="Check the split step that comes before")

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns: one per transformed feature, one per label."""
        with pa.memory_map(str(self._files[0])) as source, pa.ipc.open_file(source) as file:
            return file.schema

    @cached_property
    def rows(self) -> int:
        """The number of rows."""
        return sum(map(sum, self.batch_rows))

    @cached_property
    def batch_rows(self) -> list[list[int]]:
        """The numbers of rows of the record batches of each file."""
        found = []
        for path in self._files:
            with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
                found.append([file.get_batch(number).num_rows for number in range(file.num_record_batches)])
        return found

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """The transformed features, in the order in which they fill the matrix."""
        return tuple(name for name in self.schema.names if name not in self.labels)

    @cached_property
    def width(self) -> int:
        """The number of columns of the matrix: a vector takes as many as it is long."""
        types = (self.schema.field(name).type for name in self.feature_names)
        return sum(kind.list_size if pa.types.is_fixed_size_list(kind) else 1 for kind in types)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the record batches in order; their buffers lie in the memory-mapped files."""
        for path in self._files:
            with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
                for number in range(file.num_record_batches):
                    yield file.get_batch(number)

    def matrices(self) -> Iterator[tuple[npt.NDArray[np.float32], dict[str, npt.NDArray[Any]]]]:
        """Yield each batch as (features of shape (rows, width), labels by name), a missing label being NaN."""
        for batch in self.batches():
            matrix = np.empty((batch.num_rows, self.width), np.float32)
            _fill(matrix, batch, self.feature_names)
            yield matrix, {name: label_array(batch.column(name)) for name in self.labels}

    def batch_view(
        self,
        batch_size: int,
        *,
        seed: int | None = None,
        prepare: Prepare | None = None,
        rank: int = 0,
        world: int = 1,
    ) -> BatchView:
        """Return the rows in batches, `view.epoch(1)`, `view.epoch(2)`, …; memory does not grow with the data.

        Args:
            batch_size: rows in a batch; of several processes that train together, in that of all of them.
            seed: of the order of the rows, another in each epoch; None for the order of the shards.
            prepare: makes of features and labels by name the arrays of which batches are slices; by default these are
                the features (rows, width) as float32, then each label.
            rank: number of this process among those that train together; each gets its own part of every batch.
            world: how many processes train together.
        """
        return BatchView(self, batch_size, seed=seed, prepare=prepare or as_they_are, rank=rank, world=world)

    def take(self, chunks: Sequence[Chunk]) -> tuple[npt.NDArray[np.float32], dict[str, npt.NDArray[Any]]]:
        """Return some rows as (features of shape (rows, width), labels by name), a missing label being NaN."""
        matrix = np.empty((sum(chunk.rows for chunk in chunks), self.width), np.float32)
        parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in self.labels}
        position = 0
        for number, wanted in by_file(chunks).items():
            with pa.memory_map(str(self._files[number])) as source, pa.ipc.open_file(source) as file:
                for chunk in wanted:
                    rows = file.get_batch(chunk.batch).slice(chunk.start, chunk.rows)
                    _fill(matrix[position : position + chunk.rows], rows, self.feature_names)
                    position += chunk.rows
                    for name in self.labels:
                        parts[name].append(label_array(rows.column(name)).copy())  # a view would keep the file mapped
        return matrix, {name: np.concatenate(values) for name, values in parts.items()}

    def column_names(self) -> list[str]:
        """Return the feature that each column of the matrix belongs to."""
        names: list[str] = []
        for name in self.feature_names:
            kind = self.schema.field(name).type
            names += [name] * (kind.list_size if pa.types.is_fixed_size_list(kind) else 1)
        return names

    def arrays(self) -> tuple[npt.NDArray[np.float32], dict[str, npt.NDArray[Any]]]:
        """Return the whole split as (features of shape (rows, width), labels by name), a missing label being NaN."""
        matrix = np.empty((self.rows, self.width), np.float32)
        parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in self.labels}
        start = 0
        for batch in self.batches():
            _fill(matrix[start : start + batch.num_rows], batch, self.feature_names)
            start += batch.num_rows
            for name in self.labels:
                parts[name].append(label_array(batch.column(name)).copy())
        return matrix, {name: np.concatenate(values) for name, values in parts.items()}


def _fill(matrix: npt.NDArray[np.float32], batch: pa.RecordBatch, features: Sequence[str]) -> None:
    """Write transformed features into `matrix` of shape (rows, width), one after another."""
    position = 0
    for name in features:
        column = batch.column(name)
        width = 1
        if pa.types.is_fixed_size_list(column.type):
            width = column.type.list_size
            matrix[:, position : position + width] = column.flatten().to_numpy().reshape(-1, width)
        else:
            matrix[:, position] = column.to_numpy()
        position += width


def label_array(column: pa.Array) -> npt.NDArray[Any]:
    """Return a label column as int64, or as float64 with NaN where a value is missing."""
    values: npt.NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values.astype(np.int64 if values.dtype.kind in "biu" else np.float64, copy=False)
