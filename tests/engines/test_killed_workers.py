"""`kill -9` of a local worker in every job of the data steps: before a shard, while it writes, before it answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from zenml.backends.processing import ProcessingBackend, ProcessingBaseBackend
from zenml.data.shards import ShardJob
from zenml.runtime.worker_pool import POOL
from zenml.testing.processing_backend import run_data_steps, write_mixed_table


class DeadlyBackend(ProcessingBackend):
    """The local engine, of which the worker on the first shard of each job dies once."""

    marks: Path
    moment: str

    def map(self, job: ShardJob) -> Iterable[bytes]:
        number = len(list(self.marks.iterdir()))
        mark = self.marks / f"{number}-{job.op.rpartition(':')[2]}"
        params = {
            "op": job.op,
            "params": job.params,
            "victim": job.shards[0],
            "mark": str(mark),
            "moment": self.moment,
        }
        yield from ProcessingBaseBackend(workers=2).map(replace(job, op="dying_op:Dies", params=params))
        assert mark.exists(), "no worker died"


@pytest.fixture
def marks(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "marks"
    folder.mkdir()
    yield folder
    POOL.close()


@pytest.mark.parametrize("moment", ["before", "amid", "after"])
def test_a_shard_whose_worker_was_killed_is_done_by_another(moment: str, tmp_path: Path, marks: Path) -> None:
    table = write_mixed_table(tmp_path / "data", rows=400, files=2)
    here = run_data_steps(table, tmp_path / "here")
    there = run_data_steps(table, tmp_path / "there", DeadlyBackend(marks=marks, moment=moment))
    assert len(list(marks.iterdir())) >= 4, "commit, split, learn, apply"
    for step, expected in here.items():
        assert there[step].files() == expected.files(), step
        assert there[step].properties == expected.properties, step
