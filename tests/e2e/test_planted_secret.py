"""A planted password is in no file but the secrets file, and in no log, row, page, process list or error."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from zenml.cli.main import run
from zenml.secrets import SecretsFile

MARK = "Zq7-planted"
PASSWORD = 'Zq7-planted "pass\'word"/ü'
PIPELINE = """
zenml: 1
name: Planted
type: DataPipeline
steps:
  - {id: data, type: CSVDatasource, config: {name: Table, path: table.csv}}
  - id: login
    type: planted:Login
    config: {password: "secret:db.password", fails: "%(fails)s"}
    backend: {type: ProcessingBaseBackend, config: {workers: 2}}
run:
  backend: %(backend)s
"""
HERE = '{type: "planted:GuardedBackend", config: {token: "secret:db.password"}}'
PACKAGED = "{type: OrchestratorSubprocessBackend}"

SCRIPT = """
import sys
from pathlib import Path
from planted import GuardedBackend, Login
from zenml.backends.processing import ProcessingBaseBackend
from zenml.datasources import CSVDatasource
from zenml.pipelines import DataPipeline

password = Path(sys.argv[1]).read_text()
pipeline = DataPipeline(name="Planted")
pipeline.add_datasource(CSVDatasource(name="Table", path="table.csv"))
pipeline.add_step(Login(password=password).with_backend(ProcessingBaseBackend(workers=2)))
print(pipeline, pipeline.steps, pipeline.to_yaml("written.yaml"))
run = pipeline.run(backend=GuardedBackend(token=password))
print(run.to_json())
pipeline.view_statistics()
"""


class Machine:
    """A project in a folder with a home, a cache and a place for temporary files of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.said = ""
        self._capsys = capsys
        for name in ("home", "cache", "tmp", "project/src", "project/.zenml"):
            (folder / name).mkdir(parents=True)
        self.project = folder / "project"
        shutil.copy(Path(__file__).parent / "planted.py", self.project / "src")
        (self.project / "table.csv").write_text("a,b\n" + "1,x\n2,y\n" * 10)

    def zenml(self, *arguments: str) -> str:
        """Run a command in this process, which knows no secret."""
        code = run(list(arguments))
        out, err = self._capsys.readouterr()
        assert code == 0, err
        self.said += out + err
        return out

    def python(self, *arguments: str, code: int = 0) -> None:
        """Run Python in a process of its own and keep what it said."""
        path = os.pathsep.join((str(self.project / "src"), os.environ.get("PYTHONPATH", "")))
        command = [sys.executable, *arguments]
        environment = {**os.environ, "PYTHONPATH": path}
        done = subprocess.run(command, cwd=self.project, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == code, done.stderr
        self.said += done.stdout + done.stderr

    def run_pipeline(self, *, code: int = 0) -> None:
        """Run the pipeline file in a process of its own."""
        self.python("-m", "zenml.cli.main", "--debug", "pipeline", "run", "planted.yaml", code=code)

    def files_with(self, text: str) -> list[str]:
        """Return the files that hold a text, in any of the forms in which it may be written down."""
        forms = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1], MARK}
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        found = [path for path in files if any(form.encode() in path.read_bytes() for form in forms)]
        return sorted(path.relative_to(self.folder).as_posix() for path in found)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Machine:
    for variable, name in (("HOME", "home"), ("XDG_CACHE_HOME", "cache"), ("TMPDIR", "tmp")):
        monkeypatch.setenv(variable, str(tmp_path / name))
    machine = Machine(tmp_path, capsys)
    monkeypatch.chdir(machine.project)
    return machine


@pytest.mark.parametrize(
    ("backend", "fails"),
    [(HERE, "step"), (PACKAGED, "worker"), (PACKAGED, "")],
    ids=["a step fails here", "a worker of a packaged job fails", "a packaged job"],
)
def test_a_password_looked_up_in_a_run_is_nowhere_else(machine: Machine, backend: str, fails: str) -> None:
    SecretsFile(machine.project / ".zenml" / "secrets.yaml").set("db.password", PASSWORD)
    (machine.project / "planted.yaml").write_text(PIPELINE % {"backend": backend, "fails": fails})
    machine.run_pipeline(code=1 if fails else 0)
    (row,) = json.loads(machine.zenml("run", "list", "--json"))
    assert row["state"] == ("FAILED" if fails else "COMPLETE")
    found = json.loads(machine.zenml("run", "get", row["id"], "--json"))
    machine.zenml("run", "get", row["id"])
    logs = machine.zenml("run", "logs", row["id"])
    machine.zenml("pipeline", "get", "Planted")
    machine.zenml("secret", "list")
    assert machine.files_with(PASSWORD) == ["project/.zenml/secrets.yaml"]
    assert MARK not in machine.said
    assert "the step logs in with ***" in logs
    if fails:
        assert f"{fails} cannot log in with ***" in found["steps"][1]["error"]


def test_a_password_given_in_python_is_kept_in_the_secrets_file_only(machine: Machine) -> None:
    (machine.folder / "given").write_text(PASSWORD)
    (machine.project / "train.py").write_text(SCRIPT)
    machine.python("train.py", str(machine.folder / "given"))
    (machine.folder / "given").unlink()
    assert "password: secret:step.login.password" in (machine.project / "written.yaml").read_text()
    assert list((machine.project / ".zenml" / "reports").glob("*.html"))
    assert machine.files_with(PASSWORD) == ["project/.zenml/secrets.yaml"]
    assert MARK not in machine.said


def test_a_password_in_a_pipeline_file_is_refused(machine: Machine) -> None:
    text = PIPELINE % {"backend": HERE, "fails": ""}
    (machine.project / "planted.yaml").write_text(text.replace("secret:db.password", MARK))
    machine.run_pipeline(code=2)
    assert "step login: Login.password: a secret itself must not stand here" in machine.said
    assert "GuardedBackend.token" in machine.said
    assert machine.files_with(MARK) == ["project/planted.yaml"]
    assert MARK not in machine.said
