"""Pipelines whose data steps run on EMR: on Spark, to a trained model; killed, resumed, and cleaned up after."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from emr_double import EmrDouble, Host
from emr_jobs import Make, job, need_spark
from quickstart_for_tests import FEATURES, quickstart

from zenml.data.shards import fold_order
from zenml.metadata.records import State
from zenml.repo import Repository
from zenml.runtime.run import Run
from zenml.steps.preprocesser import StandardPreprocesser
from zenml.steps.split import RandomSplit
from zenml_aws.emr.backend import ProcessingEMRBackend


@pytest.fixture(autouse=True)
def _data(project: Path, diabetes: Path) -> None:
    shutil.copy(diabetes, project)


def digests(run: Run) -> dict[str, str]:
    return {f"{name}.{out}": row.digest for name, step in run.steps.items() for out, row in step.outputs.items()}


def on(engine: ProcessingEMRBackend) -> dict[str, object]:
    """Return the data steps of the quickstart, on an engine."""
    split = RandomSplit(split_map={"train": 0.7, "eval": 0.3})
    return {
        "split": split.with_backend(engine),
        "preprocesser": StandardPreprocesser(features=FEATURES, labels=["has_diabetes"]).with_backend(engine),
    }


@pytest.mark.xdist_group("spark")
def test_split_and_preprocess_on_spark_give_the_model_of_a_local_run(
    spark_emr: EmrDouble, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = quickstart("diabetes.csv", "There", **on(make())).run()
    assert there.state is State.COMPLETE
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".zenml").mkdir()
    here = quickstart("project/diabetes.csv", "Here").run()
    assert digests(there) == digests(here)
    assert there.metrics == here.metrics
    assert {run.state for run in spark_emr.serverless.jobs.values()} == {"SUCCESS"}
    (application,) = spark_emr.serverless.applications.values()
    assert application.state == "TERMINATED"
    assert application.asked["tags"] == {"zenml-run": there.id, "zenml-pipeline": "there"}
    assert make().staging.list("shards") == []


@pytest.mark.xdist_group("spark")
def test_a_step_of_a_cluster_is_submitted_to_spark(
    s3: str, signed_in: None, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_spark()
    with EmrDouble(Host(tmp_path / "machines", s3, "spark-submit")) as double:
        double.lead_here(monkeypatch)
        mine = job(tmp_path / "out")
        backend = make(cluster_id=double.clusters.add(), conf={"spark.task.maxFailures": 2})
        assert [state["number"] for state in fold_order(mine, backend.map(mine))] == [1, 2]


RUN = """
from quickstart_for_tests import quickstart
from zenml.steps.split import RandomSplit
from zenml_aws.emr.backend import ProcessingEMRBackend
split = RandomSplit(split_map={{"train": 0.7, "eval": 0.3}})
backend = ProcessingEMRBackend(**{config!r})
quickstart("diabetes.csv", "Killed", split=split.with_backend(backend)).run()
"""


def kill_amid(emr: EmrDouble, backend: ProcessingEMRBackend) -> None:
    """Run the quickstart in a process that is killed when its split is at work on EMR."""
    script = RUN.format(config=backend.to_config()["config"])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", script], env=environment) as client:
        assert emr.host.begun.wait(120)
        client.kill()


@pytest.mark.xdist_group("emr")
@pytest.mark.parametrize("place", ["serverless", "cluster"])
def test_a_job_of_a_killed_client_is_found_and_waited_for(
    place: str, emr: EmrDouble, make: Make, project: Path
) -> None:
    backend = make(cluster_id=emr.clusters.add()) if place == "cluster" else make()
    emr.host.plan[:] = ["hold"]
    kill_amid(emr, backend)
    repo = Repository(project)
    (lost,) = repo.get_runs()
    assert lost.state is State.LOST
    (row,) = (row for row in repo.garbage(older_than="0").find() if row.kind == "resources")
    assert row.run == lost.id
    assert ("step/" if place == "cluster" else "job run/") in row.uri

    emr.host.released.set()
    split = RandomSplit(split_map={"train": 0.7, "eval": 0.3}).with_backend(backend)
    again = quickstart("diabetes.csv", "Killed", split=split).run(resume=lost.id)
    assert again.state is State.COMPLETE
    steps = [step.asked["Name"] for each in emr.clusters.clusters.values() for step in each.steps]
    runs = [run.asked["name"] for run in emr.serverless.jobs.values()]
    assert len({*steps, *runs}) == len(steps) + len(runs) > 0
    assert (len(steps), len(runs)) == (emr.count("AddJobFlowSteps"), emr.count("StartJobRun"))
    assert {row.state for row in emr.serverless.applications.values()} <= {"TERMINATED"}
    assert emr.count("CreateApplication") == len(emr.serverless.applications) <= 1
    assert repo.garbage(older_than="0").find() == []
    assert backend.staging.list("shards") == []


@pytest.mark.xdist_group("emr")
def test_what_a_killed_client_left_is_collected(emr: EmrDouble, make: Make, project: Path) -> None:
    backend = make()
    emr.host.plan[:] = ["wait"]
    kill_amid(emr, backend)
    removed = Repository(project).garbage(older_than="0").delete()
    assert "resources" in {row.kind for row in removed}
    assert emr.serverless.live() == []
    assert {row.state for row in emr.serverless.applications.values()} == {"TERMINATED"}
    assert backend.list_runs() == []
    assert Repository(project).garbage(older_than="0").find() == []
