"""Pipelines on machines of their own, from `run(backend=…)` to a trained model and a COMPLETE run in a database."""

from __future__ import annotations

import functools
import json
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from database_servers import PASSWORD, DatabaseServer
from gcp_jobs import CONNECTION, Make, one_step, sql_port
from google_double import Fault, GoogleDouble
from google_double.compute import Compute
from google_double.discovery import document
from google_double.secret_manager import SecretManager
from planted_secrets import Planted, command_lines, files_below, objects_in
from quickstart_for_tests import quickstart

from zenml.metadata import MySQLMetadataStore
from zenml.metadata.records import State
from zenml.repo import ArtifactStore, Repository
from zenml.runtime.run import Run
from zenml.runtime.submitted import Submitted

pytestmark = pytest.mark.xdist_group("mariadb")


@pytest.fixture(autouse=True)
def _data(project: Path, diabetes: Path) -> None:
    shutil.copy(diabetes, project)


@pytest.fixture
def where(metadata: dict[str, Any], bucket: str) -> dict[str, Any]:
    """Return the stores of a run."""
    return {"metadata_store": MySQLMetadataStore(**metadata), "artifact_store": ArtifactStore(bucket)}


@pytest.fixture
def with_sql(backend: Make) -> Make:
    """Return what makes a backend whose machines reach the database."""
    return functools.partial(backend, cloudsql_connection_name=CONNECTION, cloudsql_port=sql_port())


def digests(run: Run) -> dict[str, str]:
    return {f"{name}.{out}": row.digest for name, step in run.steps.items() for out, row in step.outputs.items()}


def recorded_state(server: DatabaseServer, database: str) -> str:
    """Return the state of the one run in a database, as it stands there."""
    query = "SELECT string_value FROM ContextProperty WHERE name = 'zenml_state';"
    return server.run(query, database).strip()


def test_the_documented_snippet_trains_a_model(
    google: GoogleDouble,
    compute: Compute,
    secrets: SecretManager,
    metadata: dict[str, Any],
    mariadb_server: DatabaseServer,
    bucket: str,
) -> None:
    from zenml.backends import orchestrator

    OrchestratorGCPBackend = functools.partial(  # noqa: N806 - as it is documented
        orchestrator.OrchestratorGCPBackend, endpoint_url=google.url, cloudsql_port=metadata["port"]
    )
    training_pipeline = quickstart("diabetes.csv", "There")
    custom_docker_image = "your-container-registry/your-image-name:your-image-tag"
    artifact_store, project, zone, cloudsql_connection_name = bucket, "proj-one", "europe-west1-b", CONNECTION
    mysql_db, mysql_user, mysql_pw = metadata["database"], metadata["username"], PASSWORD

    # Run the pipeline on a Google Cloud VM
    run = training_pipeline.run(
        backend=OrchestratorGCPBackend(
            cloudsql_connection_name=cloudsql_connection_name,
            project=project,
            zone=zone,
            image=custom_docker_image,  # this is it - your pipeline will use your very own Docker image.
        ),
        metadata_store=MySQLMetadataStore(
            host="127.0.0.1",
            port=metadata["port"],
            database=mysql_db,
            username=mysql_user,
            password=mysql_pw,
        ),
        artifact_store=ArtifactStore(artifact_store),
    )
    assert run.state is State.COMPLETE
    assert recorded_state(mariadb_server, mysql_db) == "COMPLETE"
    here = quickstart("diabetes.csv", "Here").run()
    assert run.metrics == here.metrics
    assert digests(run) == digests(here)
    assert run.steps["trainer"].outputs["model"].uri.startswith("gs://")
    assert (compute.names(), secrets.secrets) == ([], {})
    assert not list(Submitted.all(Path.cwd()))
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.1", metadata["port"])):
        pass  # only the run's machine had a way to the database


def test_a_planted_secret_is_in_a_secret_alone_and_gone_after_the_run(
    google: GoogleDouble,
    compute: Compute,
    secrets: SecretManager,
    with_sql: Make,
    where: dict[str, Any],
    project: Path,
) -> None:
    run = one_step("diabetes.csv", "Planted").run(backend=with_sql(), wait=False, **where)
    name = f"zenml-{run.id}"
    machine = compute.machine(name)
    google.wait_for(lambda: machine.container_output())
    planted = Planted(PASSWORD)
    assert planted.seen_in(command_lines()) == []
    ((held,),) = secrets.versions.values()
    assert list(json.loads(held).values()) == [PASSWORD]
    assert held.decode() in [file.read_text() for file in machine.folder.glob("run/zenml/*")]
    google.wait_for(lambda: compute.names() == [])
    assert backend_state(with_sql(), run, where) is State.COMPLETE
    assert secrets.secrets == {}
    machine.kill()
    shutil.rmtree(machine.folder / "run")  # in memory, and gone with the machine
    printed = "\n".join(with_sql().logs(run.id, follow=False))
    assert "data" in printed
    kept = [*objects_in(where["artifact_store"]), *files_below(project, machine.folder)]
    assert len(kept) > 20
    assert planted.seen_in([*kept, printed, json.dumps(compute.requests)]) == []


def backend_state(backend: Any, run: Run, where: dict[str, Any]) -> State:
    """Return the state of a run, as whoever looks at it learns."""
    found = backend.look(run.id, where["artifact_store"]).state
    assert isinstance(found, State)
    return found


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from gcp_jobs import one_step
from zenml.artifacts.store import ArtifactStore
from zenml.metadata.store import MetadataStore
from zenml.backends.orchestrator_interface import OrchestratorBackend

one_step("diabetes.csv", "Left").run(
    backend=OrchestratorBackend.from_config({backend!r}),
    metadata_store=MetadataStore.from_config({metadata!r}),
    artifact_store=ArtifactStore({store!r}),
)
"""


@pytest.mark.parametrize("left", ["secret", "machine"])
def test_a_client_that_is_killed_leaves_nothing_that_is_not_found_again(
    left: str,
    google: GoogleDouble,
    compute: Compute,
    secrets: SecretManager,
    with_sql: Make,
    where: dict[str, Any],
    bucket: str,
    project: Path,
) -> None:
    text = SCRIPT.format(
        tests=str(Path(__file__).parent),
        backend=with_sql().to_config(),
        metadata=where["metadata_store"].to_config(),
        store=bucket,
    )
    (project / "script.py").write_text(text)
    if left == "secret":
        google.faults.append(Fault("time-out", method="instances.insert"))
    with subprocess.Popen([sys.executable, "script.py"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as client:
        there = secrets.versions.values if left == "secret" else compute.names
        google.wait_for(lambda: any(there()) or client.poll() is not None)
        client.kill()
        assert client.stderr
        assert client.wait() == -signal.SIGKILL, client.stderr.read()
    google.faults.clear()
    (found,) = Submitted.all(project)
    assert found.backend == with_sql()
    (row,) = with_sql().list_runs()
    assert row.run_id == found.run_id
    if left == "machine":
        google.wait_for(lambda: with_sql().look(found.run_id, found.store).state.ended)
        assert Run(found.run_id, where["metadata_store"], found.store).state is State.COMPLETE
        google.wait_for(lambda: with_sql().list_runs() == [])
    else:
        assert compute.names() == []
    Repository.get_instance().garbage(older_than=0, unknown_runs=True).delete()
    assert with_sql().list_runs() == []
    assert left == "machine" or not list(
        Submitted.all(project)
    )  # a machine that deleted itself left nothing to collect


def test_a_run_ends_well_while_every_other_call_fails(
    google: GoogleDouble,
    compute: Compute,
    secrets: SecretManager,
    with_sql: Make,
    where: dict[str, Any],
) -> None:
    hows = ("429", "500", "503", "cut-before", "cut-after")
    google.faults.extend(Fault(hows[number % 5], at=1 + 2 * number) for number in range(1000))
    run = one_step("diabetes.csv", "Shaken").run(backend=with_sql(), **where)
    assert run.state is State.COMPLETE
    assert len(compute.machines) == 1
    assert (compute.names(), secrets.secrets) == ([], {})


def test_a_plan_is_what_google_takes_and_makes_nothing(
    google: GoogleDouble, with_sql: Make, where: dict[str, Any], bucket: str, project: Path
) -> None:
    quickstart("diabetes.csv", "Planned").to_yaml(project / "planned.yaml")
    spec = yaml.safe_load((project / "planned.yaml").read_text())
    spec["run"] = {
        "backend": with_sql(max_run_duration=3600, preemptible=True, gpu="nvidia-tesla-t4").to_config(),
        "metadata_store": where["metadata_store"].to_config(),
        "artifact_store": bucket,
    }
    (project / "planned.yaml").write_text(yaml.safe_dump(spec))
    command = [sys.executable, "-m", "zenml.cli.main", "pipeline", "plan", "planned.yaml", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    secret, instance = json.loads(done.stdout)["resources"]
    assert (secret["kind"], instance["kind"]) == ("Secret", "Instance")
    made_by = {"secretmanager.projects.secrets.create": secret, "compute.instances.insert": instance}
    for method, resource in made_by.items():
        api = document("compute.v1" if resource is instance else "secretmanager.v1")
        assert api.schemas.of_request(resource["kind"], resource["body"], method, "POST") == []
    assert PASSWORD not in done.stdout + done.stderr
    assert google.calls == []
