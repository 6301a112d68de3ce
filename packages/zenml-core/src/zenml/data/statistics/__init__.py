"""Statistics of tables: states that are updated by batch, merged in shard order, and read as a summary."""

from zenml.data.statistics.state import TableState, sample_size
from zenml.data.statistics.summary import ColumnStatistics, Histogram, Lengths, ListFigures, Numbers, TableStatistics

__all__ = [
    "ColumnStatistics",
    "Histogram",
    "Lengths",
    "ListFigures",
    "Numbers",
    "TableState",
    "TableStatistics",
    "sample_size",
]
