"""Whatever call of the engine fails, nothing is made twice, nothing is lost, and what went wrong is one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from engine_model import EngineDouble, Fault
from small_jobs import NOWHERE, ended, inspected, job, submit

from zenml.artifacts.store import ArtifactStore
from zenml.errors import ConfigError, SecretError, SpecError, ZenMLError
from zenml.metadata.mysql import MySQLMetadataStore
from zenml.metadata.records import State
from zenml.runtime.remote import RemoteJob
from zenml_docker import engine
from zenml_docker.access import loopback_problems
from zenml_docker.backend import OrchestratorDockerBackend

Backend = Callable[..., OrchestratorDockerBackend]
CALLS = {
    "version": "GET /version",
    "image": "GET /images/.*/json",
    "create": "POST /containers/create",
    "start": "POST /containers/.*/start",
    "inspect": "GET /containers/zenml-.*/json",
    "logs": "GET /containers/.*/logs",
    "list": "GET /containers/json",
    "volumes": "GET /volumes",
    "remove": "DELETE /containers/",
}


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_PAUSE", 0.0)


def whole_life(docker: OrchestratorDockerBackend, given: RemoteJob) -> tuple[list[str], State]:
    """Submit a job, read what it prints, and remove it; return what it printed and how it ended."""
    submit(docker, given)
    printed = list(docker.logs(given.run_id, follow=True))
    state = ended(docker, given).state
    assert [row.run_id for row in docker.list_runs()] == [given.run_id]
    docker.clean_up(given.run_id)
    return printed, state


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", ["refused", "cut before", "cut after"])
def test_a_call_that_fails_once_is_made_again(in_double: Backend, double: EngineDouble, call: str, kind: str) -> None:
    status = 500 if kind == "refused" else None
    double.faults.append(Fault(CALLS[call], status, "the daemon is busy", after=kind == "cut after"))
    counted = job("print('a' * 70000); print('b')")
    assert whole_life(in_double(), counted) == (["a" * 70000, "b"], State.COMPLETE)
    assert double.faults[0].times == 0
    assert sum(request == "POST /containers/create" for request in double.requests) <= 2
    assert (double.containers, double.volumes) == ({}, {})


@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_always_fails_is_told_and_what_was_made_is_found_later(
    in_double: Backend, double: EngineDouble, call: str
) -> None:
    fault = Fault(CALLS[call], 500, "the daemon is broken", times=1000)
    double.faults.append(fault)
    docker, given = in_double(), job()
    with pytest.raises(ConfigError, match="the Docker engine said: the daemon is broken") as caught:
        whole_life(docker, given)
    assert caught.value.problems[0].where == double.address
    fault.times = 0
    docker.clean_up(given.run_id)
    assert docker.list_runs() == []
    assert (double.containers, double.volumes) == ({}, {})


def test_a_stream_of_logs_that_breaks_goes_on_where_it_was(in_double: Backend, double: EngineDouble) -> None:
    code = "import time\nfor n in range(20): print(n); time.sleep(0.02)"
    docker, given = in_double(), job(code)
    submit(docker, given)
    double.faults.append(Fault(CALLS["logs"], times=2, after=True))
    assert list(docker.logs(given.run_id, follow=True)) == [str(number) for number in range(20)]
    docker.clean_up(given.run_id)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (None, "the image team/new:2 does not exist, or is not yours to pull"),
        ("toomanyrequests: rate limit", "allows no more pulls for now"),
        ("Get https://registry-1.docker.io/v2/: dial tcp: i/o timeout", "cannot reach the registry of team/new:2"),
    ],
)
def test_an_image_that_cannot_be_pulled_is_told(
    in_double: Backend, double: EngineDouble, said: str | None, told: str
) -> None:
    if said:
        double.registry["team/new:2"] = said
    with pytest.raises(ConfigError, match=told):
        submit(in_double().model_copy(update={"image": "team/new:2"}), job())
    assert double.containers == {}


@pytest.mark.parametrize(
    ("policy", "there", "pulls"), [("missing", False, 1), ("missing", True, 0), ("always", True, 1)]
)
def test_an_image_is_pulled_as_the_policy_says(
    in_double: Backend, double: EngineDouble, policy: str, there: bool, pulls: int
) -> None:
    double.registry["team/new:2"] = ""
    if there:
        double.images["team/new:2"] = double.images["zenml/test:1"]
    docker, given = in_double(pull_policy=policy).model_copy(update={"image": "team/new:2"}), job()
    assert whole_life(docker, given)[1] is State.COMPLETE
    assert double.requests.count("POST /images/create") == pulls


@pytest.mark.parametrize(
    ("fields", "information", "told"),
    [
        ({}, {"OSType": "windows"}, "Switch it to Linux containers"),
        ({"memory": "2g"}, {"MemoryLimit": False}, "the engine cannot limit memory"),
        ({"memory": "2g"}, {"MemTotal": 1 << 30}, "has 1024 MiB, fewer than memory='2g'"),
        ({"cpus": 8}, {"NCPU": 4}, "the engine has 4 CPUs, fewer than cpus=8"),
        ({"user": "1000:1000"}, {"SecurityOptions": ["name=seccomp", "name=rootless"]}, "Set user='0:0'"),
        ({"mounts": ["/no/such"]}, {}, "there is no /no/such to mount"),
        ({"pull_policy": "never", "image": "team/none:1"}, {}, "the engine has no image team/none:1"),
    ],
)
def test_what_the_engine_cannot_do_is_told_before_anything_is_made(
    in_double: Backend, double: EngineDouble, fields: dict[str, Any], information: dict[str, Any], told: str
) -> None:
    double.information.update(information)
    with pytest.raises(ConfigError) as caught:
        in_double().model_copy(update=fields).check_access()
    assert told in str(caught.value)
    assert not any(request.startswith("POST") for request in double.requests)


def test_all_that_is_wrong_is_told_at_once(in_double: Backend, double: EngineDouble) -> None:
    double.information.update({"NCPU": 1, "MemTotal": 1 << 20})
    with pytest.raises(ConfigError) as caught:
        in_double(cpus=2, memory="1g", mounts=["/no/such", "/none"]).check_access()
    assert len(caught.value.problems) == 4


def test_stores_of_this_machine_are_refused_for_an_engine_of_another(project: Path, diabetes: Path) -> None:
    from quickstart_for_tests import quickstart

    with pytest.raises(SpecError) as caught:
        quickstart(diabetes).run(backend=OrchestratorDockerBackend(engine="tcp://10.0.0.7:2375"))
    assert "zenml config metadata set mysql" in str(caught.value)
    assert "zenml config artifacts set s3://" in str(caught.value)


def test_servers_on_this_machines_own_address_are_refused_where_the_container_has_one_of_its_own() -> None:
    store = SimpleNamespace(endpoint_url="http://localhost:9000", path="s3://b")
    launch: Any = SimpleNamespace(metadata=MySQLMetadataStore(host="127.0.0.1"), store=store)
    problems = [str(problem) for problem in loopback_problems(launch)]
    assert len(problems) == 2
    assert all("Set network='host'" in problem for problem in problems)
    elsewhere: Any = SimpleNamespace(metadata=MySQLMetadataStore(host="db"), store=ArtifactStore("/folder"))
    assert [*loopback_problems(elsewhere)] == []


def test_secrets_are_not_sent_to_an_engine_of_another_machine() -> None:
    docker = OrchestratorDockerBackend(engine="ssh://me@elsewhere")
    with pytest.raises(ConfigError, match="cannot be mounted there"):
        docker.deliver_secrets(job(secrets=["A"]), {"A": "1"})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may give files to anybody")
def test_secrets_that_cannot_be_given_to_the_containers_user_are_told(in_double: Backend) -> None:
    docker, given = in_double(user="0:0"), job(secrets=["A"])
    with pytest.raises(SecretError, match="Leave user out"):
        docker.deliver_secrets(given, {"A": "1"})
    docker.clean_up(given.run_id)


def test_a_launch_that_the_engine_breaks_leaves_nothing(
    project: Path, diabetes: Path, in_double: Backend, double: EngineDouble
) -> None:
    from quickstart_for_tests import quickstart

    double.faults.append(Fault(CALLS["start"], 500, "the daemon is broken", times=1000))
    with pytest.raises(ZenMLError, match="the daemon is broken"):
        quickstart(diabetes).run(backend=in_double())
    assert (double.containers, double.volumes) == ({}, {})


def test_a_container_that_somebody_removed_is_lost(in_double: Backend, double: EngineDouble) -> None:
    docker, given = in_double(), job("import time; time.sleep(600)")
    submit(docker, given)
    assert inspected(docker, given)["State"]["Running"]
    double.remove(double.find(f"zenml-{given.run_id}"), force=True, volumes=False)
    assert docker.status(given.run_id, NOWHERE).state is State.LOST
    (row,) = docker.list_runs()
    assert (row.state, [name.partition("/")[0] for name in row.resources]) == (State.LOST, ["Volume"])
    docker.clean_up(given.run_id)
    assert double.volumes == {}
