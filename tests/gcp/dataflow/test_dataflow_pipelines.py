"""Pipelines whose data steps run on Dataflow, from here."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dataflow_double import Dataflow
from google_double import GoogleDouble
from google_double.others import PROJECT

from zenml.datasources import CSVDatasource
from zenml.errors import RunFailed
from zenml.metadata.records import State
from zenml.pipelines import DataPipeline
from zenml.repo import Repository
from zenml.runtime.run import Run
from zenml.steps.preprocesser import StandardPreprocesser
from zenml.steps.split import NoSplit, RandomSplit

pytestmark = pytest.mark.xdist_group("dataflow")
Make = Callable[..., Any]

OWN_STEP = """
from zenml.data.shards import ShardJob, ShardOp
from zenml.data.snapshot import Snapshot, shard_batches
from zenml.steps.split import NoSplit
from helpers.adding import twice


class Count(ShardOp):
    def work(self, shard):
        rows = sum(batch.num_rows for batch in shard_batches(shard["file"]))
        if self.params["fail"]:
            raise ValueError(f"no rows of {shard['file']}")
        return {"rows": twice(rows)}


class CountingSplit(NoSplit):
    fail: bool = False

    def run(self, context):
        super().run(context)
        shards = Snapshot.of(context.inputs["examples"]).shard_rows()
        job = ShardJob("counting:Count", shards, str(context.scratch), {"fail": self.fail}, "count rows")
        context.metrics["rows"] = float(sum(state["rows"] for state in context.run_job(job)))
"""


def digests(run: Run) -> dict[str, str]:
    return {f"{name}.{out}": row.digest for name, step in run.steps.items() for out, row in step.outputs.items()}


def staged(storage: str, place: str) -> list[str]:
    """Return the names of what is in the bucket."""
    bucket = place.removeprefix("gs://").partition("/")[0]
    with urllib.request.urlopen(f"{storage}/storage/v1/b/{bucket}/o") as answer:
        return [row["name"] for row in json.load(answer).get("items", ())]


def test_the_documented_snippet_runs_to_a_trained_model(
    google: GoogleDouble, dataflow: Dataflow, place: str, storage: str, project: Path, diabetes: Path
) -> None:
    from quickstart_for_tests import FEATURES, quickstart

    from zenml.backends.processing import ProcessingDataFlowBackend

    shutil.copy(diabetes, project)
    here = quickstart("diabetes.csv", "Here").run()
    processing_backend = ProcessingDataFlowBackend(
        project=PROJECT, staging_location=f"{place}/", endpoint_url=google.url
    )
    there = quickstart(
        "diabetes.csv",
        "There",
        split=RandomSplit(split_map={"train": 0.7, "eval": 0.3}).with_cache(False).with_backend(processing_backend),
        preprocesser=StandardPreprocesser(features=FEATURES, labels=["has_diabetes"])
        .with_cache(False)
        .with_backend(processing_backend),
        trainer=here_trainer(),
    ).run()
    states = [str(step.state) for step in there.steps.values()]
    assert states == ["CACHED", "COMPLETE", "COMPLETE", "COMPLETE", "CACHED"], "the evaluator finds the same bytes"
    assert digests(there) == digests(here)
    assert there.metrics == here.metrics
    assert len(dataflow.jobs) == 3, "split, learn, apply"
    for job in dataflow.jobs:
        assert job.state == "JOB_STATE_DONE"
        assert job.body["labels"] == {"zenml-run": there.id, "zenml-pipeline": "there"}
        assert job.body["name"].startswith(f"zenml-{there.id}-")
    assert staged(storage, place) == []
    assert Repository.get_instance().garbage(older_than=0).find() == []


def here_trainer() -> Any:
    from zenml.steps.trainer import SklearnTrainer

    return SklearnTrainer(estimator="LogisticRegression").with_cache(False)


@pytest.fixture
def own_steps(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a step and an operation of its own."""
    (project / "table.csv").write_text("a,b\n" + "1,x\n2,y\n" * 10)
    (project / "counting.py").write_text(OWN_STEP)
    (project / "helpers").mkdir()
    (project / "helpers" / "__init__.py").touch()
    (project / "helpers" / "adding.py").write_text("def twice(number):\n    return 2 * number\n")
    monkeypatch.syspath_prepend(project)
    yield project
    for name in ("counting", "helpers", "helpers.adding"):
        sys.modules.pop(name, None)


def counting(backend: Any, **options: Any) -> DataPipeline:
    from counting import CountingSplit

    pipeline = DataPipeline(name="Counted").add_datasource(CSVDatasource(name="Table", path="table.csv"))
    return pipeline.add_step(CountingSplit(**options).with_backend(backend), id="split")


def test_an_operation_of_the_user_s_own_travels_with_what_it_imports(
    own_steps: Path, engine: Make, dataflow: Dataflow
) -> None:
    run = counting(engine()).run()
    assert run.metrics == {"rows": 40.0}
    assert "counting" not in dataflow.jobs[0].body["environment"]["userAgent"]["name"]


def test_what_an_operation_raises_is_told_with_the_files_of_this_machine(
    own_steps: Path, engine: Make, dataflow: Dataflow, storage: str, place: str
) -> None:
    with pytest.raises(RunFailed) as caught:
        counting(engine(), fail=True).run()
    told = str(caught.value)
    assert "ValueError: no rows of" in told
    assert str(own_steps / ".zenml" / "artifacts") in told
    assert staged(storage, place) == []
    assert all(not job.active for job in dataflow.jobs)


_KILLED = """
import json, sys
from zenml.backends.processing import ProcessingDataFlowBackend
from zenml.datasources import CSVDatasource
from zenml.pipelines import DataPipeline
from zenml.steps.split import NoSplit

backend = ProcessingDataFlowBackend(**json.loads(sys.argv[1]))
pipeline = DataPipeline(name="Stopped").add_datasource(CSVDatasource(name="Table", path="table.csv"))
pipeline.add_step(NoSplit().with_backend(backend), id="split").run()
"""


def end_amid(engine: Make, google: GoogleDouble, dataflow: Dataflow, project: Path, number: int) -> None:
    """Run a pipeline in a process that gets a signal once its job is made."""
    config = json.dumps(engine().to_config()["config"])
    with subprocess.Popen(
        [sys.executable, "-c", _KILLED, config], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as client:
        google.wait_for(lambda: dataflow.jobs or client.poll() is not None)
        assert client.poll() is None, client.stdout.read() if client.stdout else ""
        client.send_signal(number)
        client.communicate()


def test_the_job_of_a_killed_client_is_found_by_the_run_that_goes_on(
    own_steps: Path, engine: Make, google: GoogleDouble, dataflow: Dataflow, storage: str, place: str
) -> None:
    dataflow.holds = True
    end_amid(engine, google, dataflow, own_steps, signal.SIGKILL)
    repo = Repository.get_instance()
    (lost,) = repo.get_runs()
    assert lost.state is State.LOST
    dataflow.release()
    pipeline = DataPipeline(name="Stopped").add_datasource(CSVDatasource(name="Table", path="table.csv"))
    again = pipeline.add_step(NoSplit().with_backend(engine()), id="split").run(resume=lost.id)
    assert (again.id, again.state) == (lost.id, State.COMPLETE)
    assert [job.state for job in dataflow.jobs] == ["JOB_STATE_DONE"], "no second job is made"
    assert staged(storage, place) == []
    assert repo.garbage(older_than=0).find() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_client_that_is_stopped_stops_its_job_and_of_a_killed_one_it_is_found(
    own_steps: Path, engine: Make, google: GoogleDouble, dataflow: Dataflow, storage: str, place: str, number: int
) -> None:
    dataflow.holds = True
    end_amid(engine, google, dataflow, own_steps, number)
    repo = Repository.get_instance()
    (run,) = repo.get_runs()
    (job,) = dataflow.jobs
    if number != signal.SIGKILL:
        assert run.state is State.CANCELED
        assert (job.state, staged(storage, place)) == ("JOB_STATE_CANCELLED", [])
        return
    assert (run.state, job.active) == (State.LOST, True)
    rows = [row for row in repo.garbage(older_than=0).find() if row.kind == "resources"]
    assert [(row.run, row.pipeline) for row in rows] == [(run.id, "Stopped")]
    assert f"job/{job.body['name']}" in rows[0].uri
    repo.garbage(older_than=0).delete()
    assert (job.state, staged(storage, place)) == ("JOB_STATE_CANCELLED", [])
    assert repo.garbage(older_than=0).find() == []
