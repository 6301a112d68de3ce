from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from zenml.entrypoint import main
from zenml.errors import SecretError
from zenml.secrets import redact
from zenml.secrets.env_file import VARIABLE, load_env_file, write_env_file

VALUES = {"DB_PASSWORD": "planted 'secret'=1729", "SERVICE_KEY": "-----BEGIN KEY-----\nplanted-line-of-a-key\n"}


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in VALUES:
        monkeypatch.setenv(name, "before")
    path = tmp_path / "state" / "run.json"
    monkeypatch.setenv(VARIABLE, str(path))
    return path


def test_what_was_written_is_the_environment_after_loading(env_file: Path) -> None:
    write_env_file(env_file, VALUES)
    load_env_file()
    assert {name: os.environ[name] for name in VALUES} == VALUES
    assert VARIABLE not in os.environ


def test_loaded_values_are_hidden_in_what_is_printed(env_file: Path) -> None:
    write_env_file(env_file, VALUES)
    load_env_file()
    assert "planted" not in redact(f"{VALUES} {VALUES['SERVICE_KEY']} {VALUES['DB_PASSWORD']}")


def test_only_its_owner_may_read_the_file_and_nothing_else_is_left_beside_it(env_file: Path) -> None:
    write_env_file(env_file, {"A": "1"})
    write_env_file(env_file, VALUES)
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(env_file.parent.stat().st_mode) == 0o700
    assert [*env_file.parent.iterdir()] == [env_file]


def test_without_the_variable_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    before = dict(os.environ)
    load_env_file()
    assert dict(os.environ) == before


@pytest.mark.parametrize("content", ["", "[1]", "{", json.dumps({"A": 1}), b"\xff"], ids=repr)
def test_a_file_that_is_no_such_file_is_refused_by_name(env_file: Path, content: str | bytes) -> None:
    env_file.parent.mkdir()
    env_file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SecretError, match="no JSON object of names and texts") as caught:
        load_env_file()
    assert str(env_file) in str(caught.value)


def test_a_missing_file_ends_a_job_with_one_sentence(env_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--spec", "/nowhere/runs/r1/spec.yaml"]) == 2
    assert "the job's secrets cannot be read: No such file or directory" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SecretError, match="cannot be written"):
        write_env_file(tmp_path / "file" / "run.json", VALUES)


def test_the_values_are_in_the_environment_of_the_processes_that_the_job_starts(env_file: Path) -> None:
    write_env_file(env_file, VALUES)
    code = (
        "import os, subprocess, sys; from zenml.secrets.env_file import load_env_file; load_env_file();"
        "sys.exit(subprocess.call([sys.executable, '-c', 'import os; print(os.environ[\"SERVICE_KEY\"])']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == VALUES["SERVICE_KEY"].strip()
