"""A stand-in for PySpark, for drivers that are tried without Java: one executor, which is forked from the driver."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

_MOST_FAILURES = 4
"""So often is work begun whose executor is lost; Spark's own default."""


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
    def __init__(self, parts: Sequence[Sequence[int]], work: Callable[[Iterable[int]], Iterator[int]] = iter) -> None:
        self._parts, self._work = parts, work

    def mapPartitions(self, work: Callable[[Iterable[int]], Iterator[int]]) -> _Rows:  # noqa: N802 - PySpark's name
        return _Rows(self._parts, work)

    def count(self) -> int:
        """Let an executor work on all partitions; where it is lost, another one goes on."""
        counts: dict[int, int] = {}
        for _ in range(_MOST_FAILURES):
            told, tell = os.pipe()
            executor = os.fork()
            if executor == 0:
                for number in set(range(len(self._parts))) - set(counts):
                    os.write(tell, f"{number} {sum(1 for _ in self._work(self._parts[number]))}\n".encode())
                sys.exit()
            os.close(tell)
            with os.fdopen(told) as lines:
                counts.update(map(int, line.split()) for line in lines)  # type: ignore[misc]  # two numbers a line
            status = os.waitstatus_to_exitcode(os.waitpid(executor, 0)[1])
            if status == 0:
                return sum(counts.values())
            if status > 0:
                raise RuntimeError("Job aborted due to stage failure")
        raise RuntimeError(
            "Job aborted due to stage failure: ExecutorLostFailure (executor 4 exited caused by SIGKILL)"
        )
