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
        {"name": "Events", "type": "JSONLinesDatasource", "pipelines": ["Lines"], "versions": 2},
        {"name": "Table", "type": "CSVDatasource", "pipelines": ["Cells"], "versions": 1},
    ]

    code, out, _ = call(capsys, "datasource", "get", "Events", "--json")
    row = json.loads(out)
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


def test_versions_and_samples_are_shown(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wide = ",".join(f"a_long_column_{number}" for number in range(12))
    (project / "t.csv").write_text(
        f"n,{wide}\n" + f"1,{','.join('x' * 40 for _ in range(12))}\n" + "2" + "," * 12 + "\n"
    )
    commit(project, capsys, pipeline="Cells", type="CSVDatasource", name="Table", path="t.csv")
    code, out, _ = call(capsys, "datasource", "versions", "Table", "--json")
    (version,) = json.loads(out)
    assert (code, version["rows"], version["type"]) == (0, 2, "CSVDatasource")
    digits = version["digest"].removeprefix("sha256:")
    code, out, _ = call(capsys, "datasource", "versions", "Table")
    assert (code, digits[:12] in out, digits[:13] in out) == (0, True, False)

    code, out, _ = call(capsys, "datasource", "sample", "Table", "--version", digits[:8])
    assert (code, "a_long_column_2" in out, "xxx…" in out) == (0, True, True)
    assert out.splitlines()[-1].startswith("2 rows; further columns (see --json): a_long_column_")
    assert max(map(len, out.splitlines()[:-1])) <= 100
    code, out, _ = call(capsys, "datasource", "sample", "Table", "-n", "1", "--json")
    assert (code, json.loads(out)) == (0, [{"n": 1, **dict.fromkeys(wide.split(","), "x" * 40)}])
    code, _, err = call(capsys, "datasource", "sample", "Table", "--version", "0123456789")
    assert (code, f"Its versions: {digits[:12]}" in err) == (2, True)
    assert call(capsys, "datasource", "sample", "Table", "-n", "-1")[0] == 2


def test_a_sample_of_every_type_is_json(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import pyarrow as pa

    from zenml.datasources import DataFrameDatasource

    table = pa.table({"b": [b"\x01\xff"], "x": [float("inf")], "t": pa.array([0], pa.timestamp("us")), "f": [True]})
    DataFrameDatasource(name="Mixed", data=table).commit()
    code, out, _ = call(capsys, "datasource", "sample", "Mixed", "--json")
    assert (code, json.loads(out)) == (0, [{"b": "01ff", "x": "inf", "t": "1970-01-01T00:00:00", "f": True}])
    code, out, _ = call(capsys, "datasource", "sample", "Mixed")
    assert (code, "01ff" in out, "inf" in out) == (0, True, True)
    code, _, err = call(capsys, "datasource", "commit", "Mixed")
    assert code == 0 or "lives in the process that made it" in err


def test_data_are_committed_again_by_their_name(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "t.csv").write_text("n\n1\n")
    commit(project, capsys, pipeline="Cells", type="CSVDatasource", name="Table", path="t.csv")
    (project / "t.csv").write_text("n\n1\n2\n")
    code, out, _ = call(capsys, "datasource", "commit", "Table")
    assert (code, out.startswith("Table: version "), out.endswith(", 2 rows\n")) == (0, True, True)
    code, again, _ = call(capsys, "datasource", "commit", "Table", "--json")
    assert (code, json.loads(again)["digest"].removeprefix("sha256:")[:12] in out) == (0, True)
    code, listed, _ = call(capsys, "datasource", "list", "--json")
    assert json.loads(listed) == [
        {"name": "Table", "type": "CSVDatasource", "pipelines": ["Commit Table", "Cells"], "versions": 2}
    ]
    code, _, err = call(capsys, "datasource", "commit", "Tabel")
    assert (code, "Did you mean Table?" in err) == (2, True)
