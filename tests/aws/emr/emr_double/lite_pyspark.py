"""A stand-in for PySpark, for drivers that are tried without Java: partitions are worked on in the driver's process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence


class SparkContext:
    """A context."""

    version = "lite"

    @classmethod
    def getOrCreate(cls) -> SparkContext:  # noqa: N802 - PySpark's name
        return cls()

    def parallelize(self, rows: Sequence[int], partitions: int) -> _Rows:
        return _Rows([rows[number::partitions] for number in range(partitions)])

    def stop(self) -> None:
        """Nothing goes on."""


class _Rows:
    def __init__(self, parts: Iterable[Iterable[int]]) -> None:
        self._parts = parts

    def mapPartitions(self, work: Callable[[Iterable[int]], Iterator[int]]) -> _Rows:  # noqa: N802 - PySpark's name
        return _Rows([list(work(part)) for part in self._parts])

    def count(self) -> int:
        return sum(len(list(part)) for part in self._parts)
