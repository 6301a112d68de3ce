"""Pipelines whose trainer runs on Vertex AI, from here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google_double import GoogleDouble
from google_double.others import PROJECT, Buckets
from planted_secrets import Planted, files_below, objects_in, service_account_key
from vertex_double import Job, Vertex
from vertex_world import new_job_dir, staged

from zenml.backends.training import SingleGPUTrainingGCAIPBackend
from zenml.errors import RunFailed
from zenml.metadata.records import State
from zenml.repo import Repository
from zenml.steps.evaluator import AgnosticEvaluator
from zenml.steps.trainer.loading import load_model
from zenml.testing.linear_network import LinearNetwork
from zenml_gcp.artifact_store import GCSArtifactStore

Make = Callable[..., Any]


def training(data: Path, trainer: Any, name: str = "Training") -> Any:
    from quickstart_for_tests import quickstart

    evaluator = AgnosticEvaluator(metrics={"has_diabetes": ["roc_auc"]})
    return quickstart(data, name, trainer=trainer, evaluator=evaluator)


def last_checkpoint(storage: str, job_dir: str) -> int:
    """Return the epoch of the last checkpoint that is kept; 0 where there is none."""
    names = [name for name in staged(storage, job_dir) if name.endswith("manifest.json")]
    return max((int(found[1]) for name in names if (found := re.search(r"checkpoint-0*([0-9]+)/", name))), default=0)


def test_the_documented_snippet_trains_a_model_that_is_evaluated_here_and_no_secret_travels(
    google: GoogleDouble,
    vertex: Vertex,
    job_dir: str,
    storage: str,
    project: Path,
    diabetes: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    key, account = service_account_key(f"{google.url}/token")
    monkeypatch.setenv("BUCKET_KEY", account)
    planted = Planted(*key.split("\n")[1:-2])
    artifacts = GCSArtifactStore(new_job_dir(google, storage), endpoint_url=storage, credentials="env:BUCKET_KEY")
    amid: list[bytes] = []

    def look(job: Job) -> None:
        if last_checkpoint(storage, job_dir):
            amid.extend([*objects_in(SingleGPUTrainingGCAIPBackend(**given).staging), *files_below(vertex.folder)])
            vertex.meanwhile = lambda _: None

    vertex.meanwhile = look
    given: dict[str, Any] = {"project": PROJECT, "job_dir": f"{job_dir}/", "endpoint_url": google.url}
    trainer = LinearNetwork(epochs=8, lr=0.05, metrics=["roc_auc"], epoch_seconds=0.2)
    run = training(diabetes, trainer.with_backend(SingleGPUTrainingGCAIPBackend(**given))).run(artifact_store=artifacts)
    assert run.state is State.COMPLETE
    assert run.metrics["roc_auc"] > 0.7
    assert [row["epoch"] for row in run.steps["trainer"].history] == list(range(1, 9))
    assert load_model(run.steps["trainer"].outputs["model"].path).bundle.labels[0].name == "has_diabetes"
    (job,) = vertex.jobs
    assert job.state == "JOB_STATE_SUCCEEDED"
    assert job.body["labels"].items() >= {"zenml-run": run.id, "zenml-pipeline": "training"}.items()
    page = f"https://console.cloud.google.com/ai/platform/locations/europe-west1/training/4000?project={PROJECT}"
    log = run.logs("trainer")
    assert log.index(page) < log.index("the job has begun") < log.index("epoch 1") < log.index("epoch 8")
    assert any(b"shards/" in text for text in amid)
    assert planted.seen_in([*amid, *google.sent, json.dumps(job.body), log, *capfd.readouterr()]) == []
    assert planted.seen_in([*files_below(vertex.folder, project), *objects_in(artifacts)]) == []
    assert staged(storage, job_dir) == []
    assert Repository.get_instance().garbage(older_than=0).find() == []


def test_a_spot_job_goes_on_when_its_machine_is_taken_away_whoever_makes_another(
    vertex: Vertex, make: Make, project: Path, diabetes: Path, storage: str, job_dir: str
) -> None:
    """The service makes another machine at first, and then gives the job up."""

    taken: list[int] = []

    def take(job: Job) -> None:
        saved = last_checkpoint(storage, job_dir)
        if saved > max(taken, default=0) and len(taken) < 2:
            taken.append(saved)
            if len(taken) == 1:
                job.replace_machines()
            else:
                job.end("JOB_STATE_FAILED", "STOCKOUT: the Spot VM was preempted and no other one is available.")

    vertex.meanwhile = take
    trainer = LinearNetwork(epochs=15, epoch_seconds=0.4).with_backend(make(spot=True, max_restarts=1))
    run = training(diabetes, trainer).run()
    assert [row["epoch"] for row in run.steps["trainer"].history] == list(range(1, 16))
    first, second = vertex.jobs
    assert (first.state, second.state) == ("JOB_STATE_FAILED", "JOB_STATE_SUCCEEDED")
    assert first.body == second.body
    assert len(taken) == 2
    assert "going on after epoch" in run.logs("trainer")
    assert "its machine was taken away; another one goes on (1 of 1)" in run.logs("trainer")
    assert staged(storage, job_dir) == []


def test_a_plan_shows_the_job_as_it_would_be_sent(make: Make, vertex: Vertex, project: Path, diabetes: Path) -> None:
    (made,) = training(diabetes, LinearNetwork().with_backend(make()), "Planned").plan().resources
    body = dict(made.body)
    assert (made.kind, made.name) == ("CustomJob", body["displayName"])
    assert body["labels"]["zenml-pipeline"] == "planned"
    create = vertex.document.methods["aiplatform.projects.locations.customJobs.create"]
    assert create.request is not None
    assert vertex.document.schemas.of_request(create.request, body, create.id, create.verb) == []
    assert vertex.jobs == []


def test_what_is_wrong_is_told_before_anything_is_staged(
    make: Make, vertex: Vertex, google: GoogleDouble, project: Path, diabetes: Path, storage: str, job_dir: str
) -> None:
    google.service(Buckets).regions[job_dir.removeprefix("gs://").partition("/")[0]] = "us-central1"
    with pytest.raises(RunFailed, match="Set region='us-central1'"):
        training(diabetes, LinearNetwork().with_backend(make())).run()
    assert vertex.jobs == []
    assert staged(storage, job_dir) == []


_KILLED = """
import json, sys
sys.path.insert(0, sys.argv[2])
from quickstart_for_tests import quickstart
from zenml.backends.training import SingleGPUTrainingGCAIPBackend
from zenml.testing.linear_network import LinearNetwork

backend = SingleGPUTrainingGCAIPBackend(**json.loads(sys.argv[1]))
quickstart(sys.argv[3], "Stopped", trainer=LinearNetwork().with_backend(backend), evaluator=None).run()
"""


def test_the_job_of_a_killed_client_is_found_as_garbage(
    make: Make, google: GoogleDouble, vertex: Vertex, storage: str, job_dir: str, project: Path, diabetes: Path
) -> None:
    vertex.holds = True
    config = json.dumps(make().to_config()["config"])
    with subprocess.Popen(
        [sys.executable, "-c", _KILLED, config, str(Path(__file__).parents[2] / "e2e"), str(diabetes)],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as client:
        google.wait_for(lambda: vertex.jobs or client.poll() is not None)
        assert client.poll() is None, client.stdout.read() if client.stdout else ""
        client.kill()
        client.communicate()
    repo = Repository.get_instance()
    (run,) = repo.get_runs()
    (job,) = vertex.jobs
    assert (run.state, job.active) == (State.LOST, True)
    rows = [row for row in repo.garbage(older_than=0).find() if row.kind == "resources"]
    assert [(row.run, row.pipeline) for row in rows] == [(run.id, "Stopped")]
    assert f"job/{job.body['displayName']}" in rows[0].uri
    repo.garbage(older_than=0).delete()
    assert (job.state, staged(storage, job_dir)) == ("JOB_STATE_CANCELLED", [])
    assert repo.garbage(older_than=0).find() == []
