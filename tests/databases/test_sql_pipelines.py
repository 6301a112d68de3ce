"""SQLDatasource on real servers, in whole pipelines."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from database_servers import PASSWORD, DatabaseServer, mariadb, postgresql

from zenml.backends.orchestrator import OrchestratorSubprocessBackend
from zenml.backends.processing import ProcessingBaseBackend
from zenml.data.sql.mysql.source import MySQLSource
from zenml.datasources import SQLDatasource
from zenml.errors import DataError, RunFailed
from zenml.pipelines import DataPipeline
from zenml.runtime.worker_pool import POOL
from zenml.steps.split import NoSplit

SERVERS = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in ("postgresql", "mariadb")]


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    """Return a server with a table `t` of three rows in its database `shop`."""
    found: DatabaseServer = request.getfixturevalue(f"{request.param}_server")
    found.run("CREATE DATABASE shop;", "postgres" if request.param == "postgresql" else "")
    grant = "GRANT SELECT ON t TO zenml;" if request.param == "postgresql" else ""
    found.run(f"CREATE TABLE t (n int PRIMARY KEY, word text); {grant}", "shop")
    found.run("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, NULL);", "shop")
    yield found
    POOL.close()
    found.run("DROP DATABASE shop;", "postgres" if request.param == "postgresql" else "")


def pipeline(server: DatabaseServer, workers: int = 1, **config: Any) -> DataPipeline:
    made = DataPipeline(name="shop")
    config = {"url": server.url("shop"), "password": "env:DATABASE_PASSWORD", "table": "t", **config}
    made.add_datasource(SQLDatasource(name="t", **config).with_backend(ProcessingBaseBackend(workers=workers)))
    made.add_step(NoSplit(), id="split")
    return made


def states(run: Any) -> list[str]:
    return [str(step.state) for step in run.steps.values()]


def digest(run: Any) -> str:
    return next(iter(run.steps.values())).outputs["examples"].digest


def test_it_runs_from_python_and_from_yaml_and_the_same_content_is_the_same_version(
    server: DatabaseServer, project: Path
) -> None:
    first = pipeline(server)
    one = first.run()
    text = first.to_yaml(project / "shop.yaml")
    assert "password: env:DATABASE_PASSWORD" in text
    two = DataPipeline.from_yaml(project / "shop.yaml").run()
    assert [states(one), states(two)] == [["COMPLETE", "COMPLETE"], ["COMPLETE", "CACHED"]]
    digests = [digest(run) for run in (one, two)]
    server.run("UPDATE t SET word = 'c' WHERE n = 2;", "shop")
    three = first.run()
    assert states(three) == ["COMPLETE", "COMPLETE"]
    digests.append(digest(three))
    assert digests[0] == digests[1] != digests[2]
    everything = b"".join(path.read_bytes() for path in project.rglob("*") if path.is_file())
    assert PASSWORD.encode() not in everything


@pytest.mark.parametrize("refresh", ["never", "1h"])
def test_it_is_not_read_again_before_its_time(server: DatabaseServer, project: Path, refresh: str) -> None:
    assert states(pipeline(server, refresh=refresh).run()) == ["COMPLETE", "COMPLETE"]
    server.run("DELETE FROM t;", "shop")
    assert states(pipeline(server, refresh=refresh).run()) == ["CACHED", "CACHED"]
    with pytest.raises(RunFailed, match="there is no row"):
        pipeline(server).run()


def test_a_password_that_is_given_is_kept_in_the_secrets_file_alone(server: DatabaseServer, project: Path) -> None:
    made = pipeline(server, workers=2, password=PASSWORD)
    assert states(made.run()) == ["COMPLETE", "COMPLETE"]
    assert "password: secret:" in made.to_yaml(project / "shop.yaml")
    holders = [path.name for path in project.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert holders == ["secrets.yaml"]


@pytest.mark.parametrize("server", SERVERS[:1], indirect=True)
def test_a_run_elsewhere_is_given_what_only_this_machine_reaches(server: DatabaseServer, project: Path) -> None:
    run = pipeline(server).run(OrchestratorSubprocessBackend())
    assert states(run) == ["COMPLETE", "COMPLETE"]
    assert (
        run.steps["data"].outputs["examples"].digest == pipeline(server).run().steps["data"].outputs["examples"].digest
    )


def test_a_failed_reading_publishes_nothing(server: DatabaseServer, project: Path) -> None:
    with pytest.raises(RunFailed) as error:
        pipeline(server, table="tt", refresh="1h").run()
    assert "step data" in str(error.value)
    assert "there is no table or view 'tt'. Did you mean t?" in str(error.value)
    assert not list((project / ".zenml").rglob("*.arrow"))


def test_a_server_that_does_not_answer_is_given_up(reader: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        for scheme in ("postgresql", "mysql"):
            # libpq waits for two seconds at least.
            url = f"{scheme}://zenml@127.0.0.1:{port}/shop?connect_timeout=2"
            with pytest.raises(DataError, match=r"timeout expired|timed out"):
                reader(SQLDatasource(name="t", url=url, table="t"))


@pytest.mark.xdist_group("postgresql")
def test_a_postgresql_that_dies_midway_is_told(reader: Any) -> None:
    with postgresql() as server:
        server.run("CREATE TABLE t AS SELECT 1 AS n; GRANT SELECT ON t TO zenml;", "zenml")
        config = {"url": server.url("zenml"), "password": "env:DATABASE_PASSWORD", "key": ["n"]}

        def die(job: object) -> None:
            server.process.send_signal(signal.SIGQUIT)
            server.process.wait()

        with pytest.raises(DataError, match="Connection refused"):
            reader(SQLDatasource(name="t", table="t", **config), before=die)


@pytest.mark.xdist_group("mariadb")
def test_a_mariadb_that_dies_midway_is_told(reader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with mariadb() as server:
        server.run("CREATE TABLE t AS SELECT seq AS n, REPEAT('x', 999) AS filler FROM seq_1_to_50000;", "zenml")
        config = {"url": server.url("zenml"), "password": "env:DATABASE_PASSWORD", "key": ["n"]}
        batches = MySQLSource._batches

        def dying(*arguments: Any) -> Any:
            for batch in batches(*arguments):
                server.process.kill()
                server.process.wait()
                yield batch

        monkeypatch.setattr(MySQLSource, "_batches", dying)
        with pytest.raises(DataError, match="the database says: Lost connection to MySQL server during query"):
            reader(SQLDatasource(name="t", table="t", **config))
