from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zenml.cli.main import run

SPEC = """zenml: 1
name: {pipeline}
type: DataPipeline
steps:
  - id: data
    type: {type}
    config: {{name: {name}, path: {path}}}
"""


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def commit(project: Path, capsys: pytest.CaptureFixture[str], **values: Any) -> None:
    (project / "p.yaml").write_text(SPEC.format(**values))
    code, _, err = call(capsys, "pipeline", "run", str(project / "p.yaml"))
    assert code == 0, err


def test_datasources_are_listed_with_their_versions(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "datasource", "list")[:2] == (0, "No pipeline has read data here yet\n")
    events = {"pipeline": "Lines", "type": "JSONLinesDatasource", "name": "Events", "path": "e.jsonl"}
    (project / "e.jsonl").write_text('{"n": 1}\n')
    commit(project, capsys, **events)
    commit(project, capsys, **events)
    (project / "e.jsonl").write_text('{"n": 1}\n{"n": 2}\n')
    commit(project, capsys, **events)
    (project / "t.csv").write_text("n\n1\n")
    commit(project, capsys, pipeline="Cells", type="CSVDatasource", name="Table", path="t.csv")

    code, out, _ = call(capsys, "datasource", "list", "--json")
    assert code == 0
    assert json.loads(out) == [
        {"name": "Events", "type": "JSONLinesDatasource", "pipeline": "Lines", "versions": 2},
        {"name": "Table", "type": "CSVDatasource", "pipeline": "Cells", "versions": 1},
    ]

    code, out, _ = call(capsys, "datasource", "get", "Events", "--json")
    (row,) = json.loads(out)
    assert (code, row["config"]["path"]) == (0, "e.jsonl")
    assert [version["rows"] for version in row["versions"]] == [2, 1]
    assert all(version["digest"].startswith("sha256:") for version in row["versions"])

    code, out, _ = call(capsys, "datasource", "get", "Table")
    assert (code, "Table, a CSVDatasource of pipeline Cells" in out, "path: t.csv" in out) == (0, True, True)


def test_an_unknown_datasource_is_told_with_the_closest(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "t.csv").write_text("n\n1\n")
    commit(project, capsys, pipeline="Cells", type="CSVDatasource", name="Table", path="t.csv")
    code, _, err = call(capsys, "datasource", "get", "Tabel")
    assert (code, "no pipeline has read a datasource 'Tabel'. Did you mean Table?" in err) == (2, True)
