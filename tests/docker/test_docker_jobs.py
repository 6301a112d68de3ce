"""What a container is given, may do, prints and leaves: in the double, and in a real engine where one starts."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engine_model import EngineDouble
from real_engine import RealEngine
from small_jobs import NOWHERE, ended, inspected, job, secrets_folder, submit

from zenml.errors import ConfigError
from zenml.metadata.records import State
from zenml.testing.orchestrator import until
from zenml_docker.backend import OrchestratorDockerBackend
from zenml_docker.engine import Engine

Backend = Callable[..., OrchestratorDockerBackend]
PLANTED = "planted/Secret+value=1729"


def test_a_job_is_run_told_of_and_removed(backend: Backend) -> None:
    docker, given = backend(), job("import os; print('löuft'); os.write(1, b'no end of line'); open('/tmp/x', 'w')")
    submit(docker, given)
    assert list(docker.logs(given.run_id, follow=True)) == ["löuft", "no end of line"]
    assert ended(docker, given).state is State.COMPLETE
    (row,) = docker.list_runs()
    assert (row.run_id, row.pipeline, row.state) == (given.run_id, "small", State.COMPLETE)
    assert [name.partition("/")[0] for name in row.resources] == ["Container", "Volume"]
    docker.clean_up(given.run_id)
    assert docker.list_runs() == []
    docker.clean_up(given.run_id)
    assert list(docker.logs(given.run_id, follow=True)) == []
    assert docker.status(given.run_id, NOWHERE).state is State.LOST
    docker.cancel(given.run_id, NOWHERE)


def test_a_job_that_is_canceled_is_given_time_to_end(backend: Backend) -> None:
    code = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(3)); print('ready');"
        "[time.sleep(0.1) for _ in range(6000)]"
    )
    docker, given = backend(), job(code)
    submit(docker, given)
    lines = docker.logs(given.run_id, follow=True)
    assert next(lines) == "ready"
    assert docker.status(given.run_id, NOWHERE).state is State.RUNNING
    docker.cancel(given.run_id, NOWHERE)
    assert list(lines) == []
    assert ended(docker, given).state is State.CANCELED
    docker.clean_up(given.run_id)


def test_a_job_that_heeds_nothing_is_killed_after_a_time(backend: Backend) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready');"
        "[time.sleep(0.1) for _ in range(6000)]"
    )
    docker, given = backend(stop_seconds=1), job(code)
    submit(docker, given)
    assert next(docker.logs(given.run_id, follow=True)) == "ready"
    docker.cancel(given.run_id, NOWHERE)
    assert "was killed from outside" in ended(docker, given).reason
    docker.clean_up(given.run_id)


def test_one_that_was_stopped_by_others_is_started_again(backend: Backend, tmp_path: Path) -> None:
    code = f"import pathlib, sys; there = pathlib.Path('{tmp_path}/there'); lived = there.exists(); there.touch();"
    docker, given = backend(mounts=[str(tmp_path)]), job(f"{code} sys.exit(0 if lived else 75)")
    submit(docker, given)
    assert ended(docker, given).state is State.COMPLETE
    docker.clean_up(given.run_id)


def test_secrets_are_in_a_file_that_goes_with_the_run(backend: Backend, tmp_path: Path) -> None:
    code = (
        "import hashlib, os; from zenml.secrets.env_file import load_env_file; load_env_file();"
        "print(hashlib.sha256(os.environ['ZENML_SECRET_1'].encode()).hexdigest())"
    )
    docker, given = backend(), job(code, ["ZENML_SECRET_1"])
    docker.deliver_secrets(given, {"ZENML_SECRET_1": PLANTED})
    (file,) = secrets_folder(tmp_path, given).iterdir()
    assert (file.stat().st_mode & 0o777, file.stat().st_uid) == (0o600, os.geteuid())
    submit(docker, given)
    assert list(docker.logs(given.run_id, follow=True)) == [hashlib.sha256(PLANTED.encode()).hexdigest()]
    assert PLANTED not in json.dumps(inspected(docker, given))
    assert f"Secrets/{file.parent}" in docker.list_runs()[0].resources
    docker.clean_up(given.run_id)
    assert not file.parent.exists()


def test_secrets_of_a_run_that_was_never_submitted_are_found(backend: Backend, tmp_path: Path) -> None:
    docker, given = backend(), job(secrets=["ZENML_SECRET_1"])
    docker.deliver_secrets(given, {"ZENML_SECRET_1": PLANTED})
    (row,) = docker.list_runs()
    assert (row.run_id, row.state) == (given.run_id, State.LOST)
    docker.clean_up(given.run_id)
    assert docker.list_runs() == []


def test_a_job_submitted_again_runs_once_while_it_runs_and_anew_when_it_has_ended(
    backend: Backend, tmp_path: Path
) -> None:
    code = (
        f"import pathlib, time; open('{tmp_path}/lives', 'a').write('1'); go = pathlib.Path('{tmp_path}/go')\n"
        "while not go.exists(): time.sleep(0.05)"
    )
    docker, given = backend(mounts=[str(tmp_path)]), job(code)
    submit(docker, given)
    submit(docker, given)
    until((tmp_path / "lives").exists)
    submit(docker, given)
    (tmp_path / "go").touch()
    assert ended(docker, given).state is State.COMPLETE
    assert (tmp_path / "lives").read_text() == "1"
    submit(docker, given)
    assert ended(docker, given).state is State.COMPLETE
    assert (tmp_path / "lives").read_text() == "11"
    docker.clean_up(given.run_id)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"network": "none-such"}, "the engine has no network none-such"),
        ({"gpus": 1}, "the engine cannot give GPUs to containers"),
        ({"cpus": 4096.0}, "CPUs. Ask for no more in cpus="),
        ({"mounts": ["/no/such/folder"]}, "the engine finds no /no/such/folder to mount"),
        ({"image": "zenml/none:1", "pull_policy": "never"}, "the engine has no image zenml/none:1"),
    ],
)
def test_what_the_engine_refuses_is_told_with_a_mend(backend: Backend, fields: dict[str, Any], told: str) -> None:
    """The double says of each what a real engine does."""
    own = backend()
    mounts = [*own.mounts, *fields.get("mounts", ())]
    docker, given = own.model_copy(update={**fields, "mounts": mounts}), job()
    with pytest.raises(ConfigError) as caught:
        submit(docker, given)
    assert told in str(caught.value)
    assert str(own.engine) in str(caught.value)
    docker.clean_up(given.run_id)
    assert docker.list_runs() == []


def test_an_image_without_the_interpreter_is_told(backend: Backend) -> None:
    """The engine starts such a container: its first process is one of the engine's, which then finds nothing to run."""
    docker, given = backend().model_copy(update={"python": "no-such-python"}), job()
    submit(docker, given)
    status = ended(docker, given)
    assert (status.state, status.reason) == (
        State.FAILED,
        f"the image {docker.image} cannot run no-such-python. Use one with Python and ZenML in it",
    )
    docker.clean_up(given.run_id)


def test_a_name_that_another_container_has_is_not_taken_from_it(backend: Backend) -> None:
    docker, given, theirs = backend(), job(), job()
    body = {**docker.render(theirs)[0].body}
    with Engine(docker.engine) as engine:
        assert engine.create(f"zenml-{given.run_id}", body)
        with pytest.raises(ConfigError, match="which is not of this run"):
            submit(docker, given)
        assert engine.inspect(f"zenml-{given.run_id}") is not None
    docker.clean_up(theirs.run_id)
    assert docker.list_runs() == []


def test_a_container_that_was_never_started_is_found(backend: Backend) -> None:
    docker, given = backend(), job()
    with Engine(docker.engine) as engine:
        engine.create(f"zenml-{given.run_id}", dict(docker.render(given)[0].body))
    assert docker.status(given.run_id, NOWHERE).state is State.PENDING
    assert [row.state for row in docker.list_runs()] == [State.PENDING]
    docker.clean_up(given.run_id)
    assert docker.list_runs() == []


@pytest.mark.xdist_group("docker")
def test_a_real_container_runs_as_its_user_without_capabilities_on_files_it_cannot_change(real: RealEngine) -> None:
    code = (
        "import os; status = dict(line.split(':', 1) for line in open('/proc/self/status'));"
        "print(os.getuid(), os.getgid(), status['CapEff'].strip(), status['NoNewPrivs'].strip());"
        "os.mkdir('/tmp/a'); os.mkdir('/a')"
    )
    docker, given = real.backend(user="1234:1235"), job(code)
    submit(docker, given)
    status = ended(docker, given)
    assert "1234 1235 0000000000000000 1" in status.reason
    assert "Read-only file system: '/a'" in status.reason
    docker.clean_up(given.run_id)


@pytest.mark.xdist_group("docker")
def test_a_real_container_sees_no_secrets_that_lie_beside_the_stores(real: RealEngine, tmp_path: Path) -> None:
    place = tmp_path / ".zenml"
    place.mkdir()
    (place / "secrets.yaml").write_text(PLANTED)
    (place / "metadata.db").touch()
    look = f"import os; os.chdir({str(place)!r}); print(os.listdir(), repr(open('secrets.yaml').read()))"
    docker, given = real.backend(), replace(job(f"{look}; os.mkdir('/a')"), local_files=(str(place / "metadata.db"),))
    submit(docker, given)
    status = ended(docker, given)
    assert "metadata.db" in status.reason
    assert "''" in status.reason
    assert PLANTED not in status.reason
    docker.clean_up(given.run_id)
    assert (place / "secrets.yaml").read_text() == PLANTED


@pytest.mark.xdist_group("docker")
def test_a_real_container_that_needs_more_memory_than_it_may_use_says_so(real: RealEngine) -> None:
    docker, given = real.backend(memory="64m"), job("print(len(bytearray(1 << 30)))")
    submit(docker, given)
    status = ended(docker, given)
    assert (status.state, status.reason) == (
        State.FAILED,
        "out of memory: its container may use 64 MiB. Give it more: memory='256m'",
    )
    docker.clean_up(given.run_id)


def test_a_container_of_the_double_that_is_killed_for_memory_says_so(in_double: Backend, double: EngineDouble) -> None:
    docker, given = in_double(memory="512m"), job("import time; print('ready'); time.sleep(600)")
    submit(docker, given)
    assert next(docker.logs(given.run_id, follow=True)) == "ready"
    double.kill(double.find(f"zenml-{given.run_id}"), 9, oom=True)
    assert "out of memory: its container may use 512 MiB" in ended(docker, given).reason
    docker.clean_up(given.run_id)
