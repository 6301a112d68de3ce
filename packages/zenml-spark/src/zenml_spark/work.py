"""What Spark's executors run: the shards of a partition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from zenml.data.answers import ShardWorker, is_error


class WorkOnShards:
    """Works on the shards of a partition; the job is opened once for all of them.

    Args:
        job: the job as JSON.
        path: the caller's `sys.path`.
    """

    def __init__(self, job: str, path: Sequence[str]) -> None:
        self._job = job
        self._path = tuple(path)

    def __call__(self, numbers: Iterable[int]) -> Iterator[bytes]:
        """Yield the answer of each shard, up to the first that is an error."""
        worker = ShardWorker(self._job, self._path)
        for number in numbers:
            answer = worker.answer(number)
            yield answer
            if is_error(answer):
                return
