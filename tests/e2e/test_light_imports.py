"""What a command does not need is not imported for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    *("pandas", "tensorflow", "torch", "apache_beam", "sklearn", "skops", "boto3", "kubernetes"),
    *("google.cloud", "google.api_core", "google.auth", "grpc"),
}
COSTLY = {"sqlalchemy", "pyarrow", "fsspec", "numpy", "pydantic", "rich", "pluggy", "yaml"}
BACKENDS = "from zenml.repo import Repository; rows = Repository.get_instance().get_backends(); assert len(rows) >= 4"
COMMAND = "from zenml.cli.main import run; assert run({arguments!r}) == 0"


@pytest.mark.parametrize(
    ("code", "spared"),
    [
        ("import zenml", HEAVY | COSTLY | {"click"}),
        ("import zenml.plugins", HEAVY | COSTLY | {"click"}),
        ("import zenml_sklearn.plugin", HEAVY | COSTLY | {"click"}),
        (BACKENDS, HEAVY | COSTLY),
        (COMMAND.format(arguments=["--help"]), HEAVY | COSTLY),
        (COMMAND.format(arguments=["pipeline", "--help"]), HEAVY | COSTLY),
        (COMMAND.format(arguments=["plugin", "list", "--json"]), HEAVY | COSTLY),
        (COMMAND.format(arguments=["init", "here"]), HEAVY | COSTLY),
        (COMMAND.format(arguments=["pipeline", "validate", "data.yaml"]), HEAVY | {"sqlalchemy"}),
    ],
)
def test_only_what_is_needed_is_imported(project: Path, code: str, spared: set[str]) -> None:
    (project / "data.yaml").write_text(
        "zenml: 1\nname: X\ntype: DataPipeline\nsteps: [{id: data, type: CSVDatasource, config: {name: T, path: t}}]\n"
    )
    bare = imported_by("pass")  # some distributions import a part of themselves into every interpreter
    imported_by(code)  # which may fill the discovery cache
    assert not spared & (imported_by(code) - bare)


def imported_by(code: str) -> set[str]:
    tell = "; import json, sys; print(); print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code + tell], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))
