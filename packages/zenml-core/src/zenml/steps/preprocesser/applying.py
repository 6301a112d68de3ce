"""ApplyShard: the shard operation that writes what a transform makes of raw rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.shards import ShardOp, State, atomic_file
from zenml.data.snapshot import shard_batches
from zenml.data.splits import shard_name
from zenml.data.transforms import Transform

_BATCH_BYTES = 64 << 20

UNKNOWN = -1
"""What a label becomes whose class is not among those of the training rows."""


class ApplyShard(ShardOp):
    """Transform the rows of one Arrow shard; rows that lack a label are left out.

    Params: `transform` (the folder of the fitted transform).
    """

    READS: ClassVar[tuple[str, ...]] = ("file", "transform")

    def __init__(self, params: Mapping[str, Any], out: Path) -> None:
        super().__init__(params, out)
        self._transform = Transform.load(Path(params["transform"]))
        self._classes = [name for name in self._transform.labels if self._transform.label_values(name) is not None]

    def _batches(self, file: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Stream raw rows, so many at a time that what comes out is no larger than a batch may be."""
        numbers = sum(
            field.type.list_size if pa.types.is_fixed_size_list(field.type) else 1
            for field in self._transform.output_schema
        )
        most = max(1, _BATCH_BYTES // (4 * numbers))
        for batch in shard_batches(file, columns):
            for start in range(0, max(1, batch.num_rows), most):
                yield batch.slice(start, most)

    def work(self, shard: Mapping[str, Any]) -> State:
        """Write the shard of the same name."""
        transform = self._transform
        columns = [*transform.features, *transform.labels]
        rows = left_out = 0
        unknown = dict.fromkeys(self._classes, 0)
        with (
            atomic_file(self.out / shard_name(shard["split"], shard["number"])) as file,
            pa.ipc.new_file(file, transform.output_schema) as writer,
        ):
            for raw in self._batches(shard["file"], columns):
                batch = transform.apply(raw)
                missing = [name for name in transform.labels if batch.column(name).null_count]
                if missing:
                    keep = batch.column(missing[0]).is_valid()
                    for name in missing[1:]:
                        keep = pc.and_(keep, batch.column(name).is_valid())
                    batch = batch.filter(keep)
                for name in self._classes:
                    unknown[name] += pc.sum(pc.equal(batch.column(name), UNKNOWN), min_count=0).as_py()
                rows += batch.num_rows
                left_out += raw.num_rows - batch.num_rows
                writer.write_batch(batch)
        return {"rows": rows, "left_out": left_out, "unknown": unknown}
