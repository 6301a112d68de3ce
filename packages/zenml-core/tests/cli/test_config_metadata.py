from __future__ import annotations

import io
import json
import socket
from pathlib import Path

import pytest

from zenml.cli.main import run

STORE = '''
from __future__ import annotations
from zenml.metadata.sqlite import SQLiteMetadataStore
from zenml.secrets import Secret

class Ledger(SQLiteMetadataStore):
    """Records runs in a ledger.

    Args:
        token: opens it.
        pages: which.
        bound: as a book.
    """

    token: Secret
    pages: list[int] = [1]
    bound: bool = False
'''


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert run(["init"]) == 0
    return tmp_path


def test_a_store_of_somebody_else_has_its_fields_as_options(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "ledger_store.py").write_text(STORE)
    monkeypatch.syspath_prepend(project)
    kind = "ledger_store:Ledger"
    assert run(["config", "metadata", "set", kind, "--help"]) == 0
    told = capsys.readouterr().out
    assert "Opens it." in told
    assert "--bound / --no-bound" in told
    monkeypatch.setattr("sys.stdin", io.StringIO("top5ecret\n"))
    words = ["--path", "runs.db", "--token", "-", "--pages", "[2, 3]", "--bound"]
    assert run(["config", "metadata", "set", kind, *words]) == 0
    said = capsys.readouterr()
    assert run(["config", "metadata", "get", "--json"]) == 0
    config = json.loads(capsys.readouterr().out)["config"]
    assert config == {
        "path": str(project / "runs.db"),
        "token": "secret:metadata.ledger.token",
        "pages": [2, 3],
        "bound": True,
    }
    assert "top5ecret" not in said.out + said.err
    assert "top5ecret" not in (project / ".zenml/config.yaml").read_text()
    assert "top5ecret" in (project / ".zenml/secrets.yaml").read_text()


def test_nothing_is_saved_where_no_connection_can_be_made(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pymysql")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
        words = ["--host", "127.0.0.1", "--port", port, "--passwd", "pass0word", "--connect-timeout", "1"]
        assert run(["config", "metadata", "set", "mysql", *words]) == 1
    err = capsys.readouterr().err
    assert "did not answer within 1 s" in err
    assert "pass0word" not in err
    assert not (project / ".zenml/config.yaml").exists()
    assert not (project / ".zenml/secrets.yaml").exists()


def test_a_corrupt_file_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "broken.db").write_bytes(b"SQLite format 3\0" + b"x" * 4000)
    assert run(["config", "metadata", "set", "sqlite", "--path", "broken.db"]) == 1
    err = capsys.readouterr().err
    assert "SQLite database" in err
    assert "Traceback" not in err


def test_the_beginning_of_a_name_is_enough(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "metadata", "set", "postgres", "--port", "x"]) == 2
    assert "PostgreSQLMetadataStore.port" in capsys.readouterr().err
    assert run(["config", "metadata", "set", "--help"]) == 0
    assert "mysql" in capsys.readouterr().out
