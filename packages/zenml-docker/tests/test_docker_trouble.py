"""Each way in which an engine or its client fails is one clear sentence with a mend."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
import requests
from docker.errors import APIError, DockerException, TLSParameterError

from zenml.errors import ConfigError
from zenml_docker.backend import OrchestratorDockerBackend
from zenml_docker.engine import address_of, is_on_this_machine
from zenml_docker.trouble import problem_of, said_problem

IMAGE = "team/image:1"


def refused(status: int, words: str) -> APIError:
    response = requests.Response()
    response.status_code = status
    return APIError(f"{status} Client Error", response, words)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "pull access denied for team/image, repository does not exist or may require 'docker login'",
            "the image team/image:1 does not exist, or is not yours to pull. Check its name, sign in",
        ),
        ("manifest for team/image:1 not found: manifest unknown", "there is no image team/image:1 in its registry"),
        (
            "no matching manifest for linux/arm64/v8 in the manifest list",
            "is not made for this engine's linux/arm64/v8",
        ),
        ("unauthorized: authentication required", "Run: docker login"),
        ("toomanyrequests: You have reached your pull rate limit", "allows no more pulls for now"),
        ("No such image: team/image:1", "the engine has no image team/image:1"),
        ("write /var/lib/docker/tmp: no space left on device", "docker system prune"),
        (
            'invalid mount config for type "bind": bind source path does not exist: /data/none',
            "the engine finds no /data/none to mount",
        ),
        ('could not select device driver "" with capabilities: [[gpu]]', "NVIDIA Container Toolkit"),
        ("Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available", "the engine has 2 CPUs"),
        ("range of CPUs is from 0.01 to 16.00, as only 16 CPUs available", "the engine has 16 CPUs"),
        ("Minimum memory limit allowed is 6MB", "a container needs at least 6MB"),
        ("network team not found", "Make it: docker network create team"),
        ("unable to find user zenml: no matching entries in passwd file", "the image knows no user zenml"),
        (
            'OCI runtime create failed: exec: "python": executable file not found in $PATH: unknown',
            "the image team/image:1 has no python to run",
        ),
        (
            'exec: "/opt/python": stat /opt/python: no such file or directory: unknown',
            "the image team/image:1 has no /opt/python to run",
        ),
        ("mkdirat var/x: read-only file system", "a mount cannot be made in the image team/image:1"),
        ("x509: certificate signed by unknown authority", "has no certificate that the engine trusts"),
        ("dial tcp: lookup registry.example.com: no such host", "cannot reach the registry of team/image:1"),
        ("Something new", "the Docker engine said: Something new"),
        ("", "the Docker engine said: nothing"),
    ],
)
def test_the_words_of_an_engine_are_told_with_a_mend(said: str, told: str) -> None:
    assert told in str(said_problem(said, "unix:///e.sock", IMAGE))
    if said:
        assert told in str(problem_of(refused(400, said), "unix:///e.sock", IMAGE))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (FileNotFoundError(2, "No such file"), "no Docker engine is running there"),
        (ConnectionRefusedError(111, "refused"), "no Docker engine is running there"),
        (PermissionError(13, "denied"), "usermod -aG docker"),
        (requests.exceptions.ReadTimeout("slow"), "does not answer"),
        (requests.exceptions.ConnectionError(ConnectionResetError(104, "reset")), "broke the connection off"),
        (requests.exceptions.SSLError("bad"), "is not secure"),
        (TLSParameterError("no"), "is not secure"),
        (socket.gaierror(-2, "unknown"), "there is no machine of that name"),
        (DockerException("Install paramiko package to enable ssh:// support"), "pip install 'docker[ssh]'"),
        (ValueError("never seen"), "never seen. See: docker info"),
    ],
)
def test_an_engine_that_cannot_be_asked_is_told_with_a_mend(error: Exception, told: str) -> None:
    wrapped = DockerException(f"Error while fetching server API version: {error}")
    wrapped.__cause__ = error
    for given in (error, wrapped):
        problem = problem_of(given, "unix:///e.sock")
        assert told in str(problem)
        assert problem.where == "unix:///e.sock"


def test_a_socket_where_nobody_listens_is_no_engine(tmp_path: Path) -> None:
    path = tmp_path / "e.sock"
    with pytest.raises(ConfigError, match="no Docker engine is running there"):
        OrchestratorDockerBackend(engine=f"unix://{path}").check_access()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(ConfigError, match="no Docker engine is running there"):
        OrchestratorDockerBackend(engine=f"unix://{path}").list_runs()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use any socket")
def test_a_socket_that_is_not_yours_names_the_group(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(str(tmp_path / "e.sock"))
        theirs.listen()
        (tmp_path / "e.sock").chmod(0)
        with pytest.raises(ConfigError, match="usermod -aG docker"):
            OrchestratorDockerBackend(engine=f"unix://{tmp_path}/e.sock").check_access()


def test_the_engine_is_the_one_that_is_named_or_that_the_docker_command_uses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.7:2375")
    assert address_of("unix:///mine.sock") == "unix:///mine.sock"
    assert address_of(None) == "tcp://10.0.0.7:2375"
    monkeypatch.delenv("DOCKER_HOST")
    assert address_of(None) == "unix:///var/run/docker.sock"


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("unix:///var/run/docker.sock", True),
        ("tcp://127.0.0.1:2375", True),
        ("tcp://10.0.0.7:2375", False),
        ("ssh://me@gpu-box", False),
    ],
)
def test_an_engine_of_another_machine_is_told_from_one_of_this(address: str, here: bool) -> None:
    assert is_on_this_machine(address) is here
    assert OrchestratorDockerBackend(engine=address).reaches_local_files is here
