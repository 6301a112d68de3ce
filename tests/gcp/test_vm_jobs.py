"""What a machine does with its job: it runs the container, tells what went wrong, and goes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from gcp_jobs import SLEEP, Make, begin, job
from google_double import GoogleDouble
from google_double.compute import Compute
from google_double.secret_manager import SecretManager

from zenml.artifacts.store import ArtifactStore
from zenml.metadata.records import State

SHOW = """
import hashlib, json, os, pathlib
file = os.environ.get("ZENML_ENV_FILE")
print(json.dumps({"environment": dict(os.environ), "folder": os.getcwd(), "held": os.listdir(),
                  "secrets": file and hashlib.sha256(pathlib.Path(file).read_bytes()).hexdigest(),
                  "mode": file and oct(os.stat(file).st_mode & 0o777)}), flush=True)
"""


def shown(compute: Compute, name: str) -> dict[str, object]:
    (line,) = [line for line in compute.machine(name).container_output().splitlines() if line.startswith("{")]
    found: dict[str, object] = json.loads(line)
    return found


def test_a_machine_runs_the_job_in_a_fresh_container_and_deletes_itself(
    google: GoogleDouble, compute: Compute, secrets: SecretManager, backend: Make
) -> None:
    made = job(SHOW, environment={"ODD": 'it\'s $HOME `here`\n"there"'}, secrets=("KEY",))
    name = f"zenml-{begin(backend(), made, KEY='planted-1729')}"
    google.wait_for(lambda: compute.names() == [])
    seen = shown(compute, name)
    environment = seen["environment"]
    assert isinstance(environment, dict)
    assert environment["ODD"] == 'it\'s $HOME `here`\n"there"'
    own = {key for key in environment if not key.startswith("GCE_METADATA_")}  # they stand for the machine's network
    assert own <= {"ODD", "HOME", "TMPDIR", "PYTHONUNBUFFERED", "PATH", "ZENML_ENV_FILE", "LC_CTYPE"}
    assert seen["held"] == []
    assert seen["folder"] != str(Path.cwd())
    assert seen["secrets"] == hashlib.sha256(b'{"KEY": "planted-1729"}').hexdigest()
    assert seen["mode"] == "0o600"
    assert secrets.secrets == {}
    assert "planted-1729" not in json.dumps(compute.requests) + compute.machine(name).console()


def test_a_machine_is_found_by_its_label_and_removed(
    google: GoogleDouble, compute: Compute, secrets: SecretManager, backend: Make, store: ArtifactStore
) -> None:
    made = job(SLEEP, secrets=("KEY",))
    run_id = begin(backend(), made, KEY="x")
    google.wait_for(lambda: "begun" in compute.machine(f"zenml-{run_id}").container_output())
    (row,) = backend(zone="us-central1-a").list_runs()
    assert (row.run_id, row.pipeline, row.state) == (run_id, "tried", State.RUNNING)
    assert row.resources == (f"Instance/zenml-{run_id}", f"Secret/zenml-{run_id}")
    status = backend().status(run_id, store)
    assert (status.state, status.reason) == (State.RUNNING, "")
    assert f"/zones/europe-west1-b/instances/zenml-{run_id}?project=proj-one" in status.link
    backend(zone="us-central1-a").clean_up(run_id)
    assert backend().list_runs() == []
    backend().clean_up(run_id)
