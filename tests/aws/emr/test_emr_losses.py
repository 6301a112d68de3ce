"""Machines lost in the middle of a job: an executor is followed by another; of drivers and clusters it is told."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from emr_double import EmrDouble
from emr_jobs import Make, job

from zenml.data.shards import ShardJob, fold_order
from zenml.errors import ZenMLError
from zenml_aws.emr.backend import ProcessingEMRBackend

pytestmark = pytest.mark.xdist_group("emr")


@pytest.fixture(params=["serverless", "cluster"])
def engine(request: pytest.FixtureRequest, emr: EmrDouble, make: Make) -> ProcessingEMRBackend:
    """An engine on either kind of EMR."""
    return make(cluster_id=emr.clusters.add()) if request.param == "cluster" else make()


def vanishing(folder: Path, times: int) -> ShardJob:
    """Return a job of three shards, of which the second loses its executor so many times."""
    (folder / "worked").mkdir()
    params = {"place": str(folder / "worked").lstrip("/"), "number": 1, "times": times}
    shards = tuple({"number": number} for number in range(3))
    return ShardJob("zenml.testing.shard_ops:Vanish", shards, str(folder / "out"), params, "tried")


def nothing_is_left(emr: EmrDouble, engine: ProcessingEMRBackend) -> bool:
    """Say whether neither jobs nor applications nor staged files are there."""
    emr.host.end_works()
    made = {row.state for row in emr.serverless.applications.values()}
    return engine.list_runs() == [] and emr.serverless.live() == emr.clusters.live() == [] and made <= {"TERMINATED"}


def test_a_lost_executor_is_followed_by_another(emr: EmrDouble, engine: ProcessingEMRBackend, tmp_path: Path) -> None:
    made = vanishing(tmp_path, times=2)
    states = fold_order(made, engine.map(made))
    assert [state["number"] for state in states] == [0, 1, 2]
    times = Counter(path.name.partition("-")[0] for path in (tmp_path / "worked").iterdir())
    assert times == {"0": 1, "1": 3, "2": 1}
    assert nothing_is_left(emr, engine)


def test_executors_that_are_always_lost_are_told(emr: EmrDouble, make: Make, tmp_path: Path) -> None:
    engine = make()
    with pytest.raises(ZenMLError, match=r"executors were lost, more often than Spark tries again"):
        engine.map(vanishing(tmp_path, times=99))
    assert nothing_is_left(emr, engine)


def amid(emr: EmrDouble, act: Callable[[], None]) -> None:
    """Do something when the next application is at work."""

    def wait() -> None:
        assert emr.host.begun.wait(300)
        act()

    emr.host.plan[:] = ["wait"]
    threading.Thread(target=wait).start()


def test_a_lost_driver_is_told_and_leaves_nothing(emr: EmrDouble, engine: ProcessingEMRBackend, tmp_path: Path) -> None:
    amid(emr, lambda: emr.host.lose_driver())
    with pytest.raises(ZenMLError, match=r"^tried \(zenml-r\w+-\w+ on EMR .*(memory|failed)"):
        engine.map(job(tmp_path / "out"))
    emr.host.begun.clear()
    again = job(tmp_path / "out")
    assert [state["number"] for state in fold_order(again, engine.map(again))] == [1, 2]
    assert nothing_is_left(emr, engine)


def test_a_cluster_that_ends_in_the_middle_is_told(emr: EmrDouble, make: Make, tmp_path: Path) -> None:
    cluster = emr.clusters.add()
    engine = make(cluster_id=cluster)
    amid(emr, lambda: emr.clusters.terminate(cluster, "All core nodes were reclaimed."))
    with pytest.raises(
        ZenMLError,
        match=r"the cluster is TERMINATED in the middle of the job .*All core nodes were reclaimed.*another one",
    ):
        engine.map(job(tmp_path / "out"))
    assert emr.clusters.live() == []
    assert engine.list_runs() == []
