"""Whatever is wrong with a database server is one clear error on the command line, without a secret."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from database_servers import PASSWORD, DatabaseServer
from metadata_databases import new_database

from zenml.cli.main import run

WRONG = "planted-wrong-1729"
KINDS = {"mysql": "mysql", "postgresql": "postgres"}

Refuse = Callable[..., str]


@pytest.fixture(
    params=[
        pytest.param("mariadb_server", marks=pytest.mark.xdist_group("mariadb")),
        pytest.param("postgresql_server", marks=pytest.mark.xdist_group("postgresql")),
    ]
)
def server(request: pytest.FixtureRequest) -> DatabaseServer:
    found: DatabaseServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def database(server: DatabaseServer) -> Iterator[str]:
    with new_database(server) as name:
        yield name


@pytest.fixture
def refuse(project: Path, capsys: pytest.CaptureFixture[str]) -> Refuse:
    """Call a command that must fail; return its error, which is one line."""

    def call(*words: str) -> str:
        capsys.readouterr()
        code = run(list(words))
        out, err = capsys.readouterr()
        assert (code, out, len(err.splitlines())) == (1, "", 1), err
        assert err.startswith("Error: ")
        assert PASSWORD not in err
        assert WRONG not in err
        return err.removeprefix("Error: ").rstrip()

    return call


def setting(server: DatabaseServer, database: str, *more: str, password: str = PASSWORD) -> list[str]:
    """Return the words of the command that chooses a database; those that come later count."""
    where = ["--host", "127.0.0.1", "--port", str(server.port), "--username", "zenml", "--database", database]
    return ["config", "metadata", "set", KINDS[server.scheme], *where, "--passwd", password, *more]


def kept(project: Path) -> list[str]:
    """Return which of the files of settings and secrets are there."""
    return [name for name in ("config.yaml", "secrets.yaml") if (project / ".zenml" / name).exists()]


def test_a_wrong_password(server: DatabaseServer, database: str, project: Path, refuse: Refuse) -> None:
    expected = (
        f"127.0.0.1:{server.port}/{database}: the server refused the user zenml: wrong user name or password. "
        "Check --username and --passwd"
    )
    assert refuse(*setting(server, database, password=WRONG)).startswith(expected)
    assert kept(project) == []
    assert run(setting(server, database, "--retry-seconds", "0")) == 0
    secrets = project / ".zenml/secrets.yaml"
    (name,) = [line.partition(":")[0] for line in secrets.read_text().splitlines() if "password" in line]
    secrets.write_text(f"{name}: {WRONG}\n")  # as after a change of the password
    for words in (("run", "list"), ("pipeline", "compare"), ("datasource", "list")):
        assert refuse(*words).startswith(expected)


def test_an_unknown_database(server: DatabaseServer, refuse: Refuse) -> None:
    said = refuse(*setting(server, "nowhere"))
    assert said.startswith(f"127.0.0.1:{server.port}/nowhere: there is no database nowhere. Make it: CREATE DATABASE")


def test_a_host_that_does_not_answer(server: DatabaseServer, project: Path, refuse: Refuse) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        said = refuse(*setting(server, "zenml", "--port", str(port), "--connect-timeout", "2", "--ssl", "disable"))
    assert said == (
        f"127.0.0.1:{port}/zenml: the server did not answer within 2 s. "
        "Check --host and --port, and the network between"
    )
    assert kept(project) == []


def test_a_store_of_another_schema_version(server: DatabaseServer, database: str, refuse: Refuse) -> None:
    assert run(setting(server, database)) == 0
    server.run("UPDATE MLMDEnv SET schema_version = 9;", database)
    expected = f"127.0.0.1:{server.port}/{database}: the database has version 9 of ML Metadata's schema; this ZenML"
    assert refuse(*setting(server, database)).startswith(expected)
    assert refuse("run", "list").startswith(expected)
