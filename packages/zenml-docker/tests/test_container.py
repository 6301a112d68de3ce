"""What is sent to the engine follows from the backend's fields and the job alone."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

import pytest

from zenml.errors import ConfigError
from zenml.runtime.remote import RemoteJob
from zenml_docker.backend import OrchestratorDockerBackend
from zenml_docker.fields import bytes_of

RUN = "r0abcdefghijklmnopqr"
LABELS = {"zenml-run": RUN, "zenml-pipeline": "quickstart"}
JOB = RemoteJob(
    RUN,
    "Quickstart",
    f"s3://bucket/dir/runs/{RUN}/spec.yaml",
    ("-m", "zenml.entrypoint", "run", "--spec", f"s3://bucket/dir/runs/{RUN}/spec.yaml"),
    LABELS,
    {"ZENML_ARTIFACT_STORE": "{}"},
)


def body(job: RemoteJob = JOB, **fields: Any) -> dict[str, Any]:
    (resource,) = OrchestratorDockerBackend(**fields).render(job)
    assert (resource.kind, resource.name) == ("Container", f"zenml-{RUN}")
    return dict(resource.body)


def binds(given: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    mounts = given["HostConfig"]["Mounts"]
    return {row["Target"]: (row["Source"], row["ReadOnly"]) for row in mounts if row["Type"] == "bind"}


def test_a_job_is_one_container_that_is_the_same_at_every_rendering() -> None:
    assert body() == body()
    assert json.loads(json.dumps(body())) == body()


def test_it_runs_the_command_as_this_user_with_the_labels_of_the_run() -> None:
    made = body()
    assert [*made["Entrypoint"], *made["Cmd"]] == ["python", *JOB.arguments]
    assert made["User"] == f"{os.getuid()}:{os.getgid()}"
    assert made["Labels"] == LABELS
    assert made["HostConfig"]["Mounts"][0]["VolumeOptions"]["Labels"] == LABELS


def test_it_gains_no_privileges_and_writes_to_its_scratch_folder_only() -> None:
    host = body()["HostConfig"]
    assert (host["CapDrop"], host["SecurityOpt"]) == (["ALL"], ["no-new-privileges"])
    assert host["ReadonlyRootfs"]
    assert host["Init"]
    assert [row["Target"] for row in host["Mounts"]] == ["/tmp"]
    assert {"HOME=/tmp", "TMPDIR=/tmp"} <= set(body()["Env"])


def test_the_variables_of_the_job_go_before_those_of_the_user() -> None:
    made = body(environment={"OMP_NUM_THREADS": "2", "ZENML_ARTIFACT_STORE": "mine", "HOME": "/data"})
    expected = {"HOME=/data", "OMP_NUM_THREADS=2", "PYTHONUNBUFFERED=1", "TMPDIR=/tmp", "ZENML_ARTIFACT_STORE={}"}
    assert made["Env"] == sorted(expected)


def test_limits_are_said_in_the_units_of_the_engine() -> None:
    host = body(memory="1.5g", cpus=0.5, gpus=2, network="host")["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == 3 << 29
    assert host["NanoCpus"] == 500_000_000
    assert host["DeviceRequests"] == [{"Count": 2, "Capabilities": [["gpu"]]}]
    assert host["NetworkMode"] == "host"
    assert body(gpus="all")["HostConfig"]["DeviceRequests"][0]["Count"] == -1


def test_without_limits_none_are_named() -> None:
    assert not body()["HostConfig"].keys() & {"Memory", "MemorySwap", "NanoCpus", "DeviceRequests", "NetworkMode"}


def test_mounts_keep_their_paths_unless_another_is_named() -> None:
    given = body(mounts=["/data", "/models:ro", "/a:/b", "/c:/d:ro"])
    assert binds(given) == {
        "/data": ("/data", False),
        "/models": ("/models", True),
        "/b": ("/a", False),
        "/d": ("/c", True),
    }


def test_local_stores_are_mounted_at_the_same_paths() -> None:
    folder = "/home/me/project/.zenml"
    uri = f"{folder}/artifacts/runs/{RUN}/spec.yaml"
    local = replace(JOB, spec_uri=uri, local_files=(f"{folder}/artifacts", "/var/lib/zenml/metadata.db"))
    assert binds(body(local)) == {
        f"{folder}/artifacts": (f"{folder}/artifacts", False),
        "/var/lib/zenml": ("/var/lib/zenml", False),  # SQLite keeps files beside its own
    }


def test_secrets_are_a_file_that_is_mounted_and_named(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    given = body(replace(JOB, secrets=("ZENML_SECRET_1",)))
    ((target, (source, read_only)),) = binds(given).items()
    assert source == target
    assert source.startswith(str(tmp_path))
    assert read_only
    assert f"ZENML_ENV_FILE={source}" in given["Env"]
    assert not any(row.startswith("ZENML_SECRET_1") for row in given["Env"])


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"image": "Team/Training"}, "lower case"),
        ({"image": "a b"}, "that is no image"),
        ({"image": "name@sha256:12"}, "that is no image"),
        ({"memory": "2 monkeys"}, "512m or 2g"),
        ({"memory": "5m"}, "at least 6m"),
        ({"cpus": 0}, "greater than or equal to 0.01"),
        ({"user": "me"}, "number of a user"),
        ({"mounts": ["data"]}, "write /folder"),
        ({"mounts": ["/a:/b:/c"]}, "write /folder"),
        ({"mounts": ["/a:/b:rx"]}, "write /folder"),
        ({"mounts": ["/a:/tmp/"]}, "is taken"),
        ({"environment": {"A=B": "c"}}, "name of a variable"),
        ({"pull_policy": "sometimes"}, "'missing', 'always' or 'never'"),
        ({"memmory": "2g"}, "Did you mean memory?"),
    ],
)
def test_a_field_that_the_engine_would_not_take_is_refused_at_once(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        OrchestratorDockerBackend(**fields)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "image",
    [
        "zenml",
        "zenml/zenml:0.4.0",
        "localhost:5000/a/b_c-d.e:v1",
        "eu.gcr.io/project/image",
        "name@sha256:" + "0a" * 32,
        "ghcr.io/a/b:c@sha256:" + "0a" * 32,
    ],
)
def test_every_form_of_an_image_is_taken(image: str) -> None:
    assert body(image=image)["Image"] == image


@pytest.mark.parametrize(
    ("text", "number"), [("6291456", 6 << 20), ("512m", 1 << 29), ("1.5G", 3 << 29), ("2GiB", 2 << 30), ("64kb", 65536)]
)
def test_memory_is_read_in_units_of_1024(text: str, number: int) -> None:
    assert bytes_of(text) == number


def test_a_backend_that_is_written_and_read_is_the_same() -> None:
    given = OrchestratorDockerBackend(memory="2g", mounts=["/data:ro"], gpus="all", user="1000:1000")
    assert OrchestratorDockerBackend.from_config(given.to_config()) == given
