"""What Beam's workers run: the shards of a job, each of whose answers becomes a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import apache_beam

from zenml.data.answers import ShardWorker, is_error
from zenml.data.shards import atomic_file

STOP = "stop"
"""A file of this name in the folder of answers tells workers to leave the shards that are not begun."""


class WorkOnShards(apache_beam.DoFn):  # type: ignore[misc] # Beam is not type-checked here
    """Works on shards; the job is opened once per worker.

    Args:
        job: the job as JSON.
        path: the caller's `sys.path`.
        answers: the folder for answers, which caller and workers share.
    """

    def __init__(self, job: str, path: Sequence[str], answers: str) -> None:
        self._job = job
        self._path = tuple(path)
        self._answers = answers
        self._worker: ShardWorker | None = None

    def setup(self) -> None:
        """Make a worker ready; Beam calls this once per process or thread."""
        self._worker = ShardWorker(self._job, self._path)

    def process(self, number: int) -> Iterable[None]:
        """Work on a shard and write its answer."""
        assert self._worker is not None  # noqa: S101 - Beam calls `setup` first
        folder = Path(self._answers)
        if folder.is_dir() and not (folder / STOP).exists():
            answer = self._worker.answer(number)
            with atomic_file(folder / f"{number:08d}") as file:
                file.write(answer)
            if is_error(answer):
                (folder / STOP).touch()
        return ()


def read_answers(folder: Path) -> Iterator[bytes]:
    """Yield the answers in a folder, in the order of their shards."""
    for path in sorted(folder.glob("[0-9]*")):
        yield path.read_bytes()
