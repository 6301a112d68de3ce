"""Workers that are lost in the middle of a job: others go on, and what was done is not done again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dataflow_double import Dataflow

from zenml.data.shards import ShardJob, fold_order
from zenml.errors import ZenMLError

pytestmark = pytest.mark.xdist_group("dataflow")
Make = Callable[..., Any]


def vanishing(folder: Path, times: int) -> ShardJob:
    """Return a job of three shards, of which the second loses its worker so many times."""
    (folder / "worked").mkdir()
    params = {"place": str(folder / "worked").lstrip("/"), "number": 1, "times": times}
    shards = tuple({"number": number} for number in range(3))
    return ShardJob("zenml.testing.shard_ops:Vanish", shards, str(folder / "out"), params, "some work")


def test_a_lost_worker_is_followed_by_another(engine: Make, dataflow: Dataflow, tmp_path: Path) -> None:
    made = vanishing(tmp_path, times=2)
    states = fold_order(made, engine().map(made))
    assert [state["number"] for state in states] == [0, 1, 2]
    times = Counter(path.name.partition("-")[0] for path in (tmp_path / "worked").iterdir())
    assert times == {"0": 1, "1": 3, "2": 1}
    (job,) = dataflow.jobs
    assert (job.state, job.starts) == ("JOB_STATE_DONE", 3)


def test_workers_that_are_always_lost_are_told_and_leave_nothing(
    engine: Make, dataflow: Dataflow, tmp_path: Path
) -> None:
    with pytest.raises(
        ZenMLError, match=r"workers were lost, more often than Dataflow tries again: .*machine_type with"
    ):
        engine().map(vanishing(tmp_path, times=99))
    (job,) = dataflow.jobs
    assert (job.state, job.starts) == ("JOB_STATE_FAILED", 4)
    assert engine().list_runs() == []
