"""A metadata store's server that stays away for longer than a run waits for it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from database_servers import PASSWORD, DatabaseServer, mariadb, postgresql

from zenml.cli.main import run as run_command
from zenml.pipelines import Pipeline

HERE = Path(__file__).parent


Call = Callable[..., str]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command that must succeed, and returns what it prints."""

    def run(*words: str) -> str:
        capsys.readouterr()
        code = run_command(list(words))
        told = capsys.readouterr()
        assert code == 0, told.err
        return told.out

    return run


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        pytest.param(mariadb, "mysql", marks=pytest.mark.xdist_group("mariadb")),
        pytest.param(postgresql, "postgresql", marks=pytest.mark.xdist_group("postgresql")),
    ],
)
def test_a_run_whose_server_stays_away_is_told_and_can_be_resumed(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    start: Callable[[], AbstractContextManager[DatabaseServer]],
    kind: str,
    call: Call,
) -> None:
    shutil.copy(HERE / "steps_that_end_servers.py", project)
    monkeypatch.syspath_prepend(project)
    monkeypatch.setenv("PYTHONPATH", str(project))
    import steps_that_end_servers as steps

    with start() as server:
        if kind == "mysql":
            server.run("SET GLOBAL innodb_flush_log_at_trx_commit = 2;")
        where = ["--host", "127.0.0.1", "--port", str(server.port), "--username", "zenml", "--database", "zenml"]
        call("config", "metadata", "set", kind, *where, "--passwd", "env:DATABASE_PASSWORD", "--retry-seconds", "0.5")
        order = project / "order"
        pipeline = Pipeline(name="Away").add_step(steps.Note(), id="before")
        pipeline.add_step(steps.EndServer(order=str(order), port=server.port), id="end")
        pipeline.add_step(steps.Note(word="bye"), id="after").to_yaml("away.yaml")
        order.write_text(f"{server.process.pid} {int(server.crash_signal)}")
        done = subprocess.run(
            [sys.executable, "-m", "zenml.cli.main", "pipeline", "run", "away.yaml"], capture_output=True, text=True
        )
        server.process.wait()
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert done.stderr.count("the database server does not answer for 0.5 s") == 1
        assert PASSWORD not in done.stdout + done.stderr
        with server.started_again():
            (row,) = json.loads(call("run", "list", "--json"))
            assert row["state"] == "LOST"
            call("run", "resume", row["id"])
            found = json.loads(call("run", "get", row["id"], "--json"))
            assert found["state"] == "COMPLETE"
            states = {step["id"]: step["state"] for step in found["steps"]}
            assert states == dict.fromkeys(("before", "end", "after"), "COMPLETE")
            tries = {step["id"]: step["outputs"][0]["uri"].rpartition(".")[2] for step in found["steps"]}
            assert tries == {"before": "1", "end": "2", "after": "1"}
