"""The hash-partition shuffle: brings the rows of a key together, sorted, in memory that does not grow with the data.

Two shard jobs: `PartitionRows` writes the rows of each shard into hash partitions; the job after it takes a partition
as a shard and reads it with `SortedPartition`, key after key and by time within a key.
"""

from __future__ import annotations

from zenml.data.shuffle.partition import PARTITION_BYTES, PartitionRows, partition_count, partition_rows
from zenml.data.shuffle.sorted import RowOrder, SortedPartition, SortedRows

__all__ = [
    "PARTITION_BYTES",
    "PartitionRows",
    "RowOrder",
    "SortedPartition",
    "SortedRows",
    "partition_count",
    "partition_rows",
]
