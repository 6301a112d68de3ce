"""A datasource is committed, sampled and compared from a script in a fresh folder, inside a repository, a notebook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
from zenml.datasources import CSVDatasource

source = CSVDatasource(name="Pima", path={data!r})
table = source.sample_data(2, columns=["age", "bmi"])
print(table.num_rows, table.column_names)
print(source.commit() == source.versions()[0], len(source.versions()))
print(source.view_statistics().path)
"""

LIVE_SOURCE = """
class Mine(CSVDatasource):
    pass

version = Mine(name="Mine", path={data!r}).commit()
print(version.rows, version.type)
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}


def run(*command: str, folder: Path, environment: dict[str, str], text: str = "") -> str:
    done = subprocess.run(
        [sys.executable, *command],
        input=text,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_script_in_a_fresh_folder_makes_the_repository_beside_itself(
    tmp_path: Path, diabetes: Path, environment: dict[str, str]
) -> None:
    fresh, elsewhere = tmp_path / "fresh", tmp_path / "elsewhere"
    fresh.mkdir()
    elsewhere.mkdir()
    script = SCRIPT.format(data=str(diabetes)) + LIVE_SOURCE.format(data=str(diabetes))
    (fresh / "look.py").write_text(script)
    said = run(str(fresh / "look.py"), folder=elsewhere, environment=environment)
    assert said.splitlines()[:2] == ["2 ['age', 'bmi']", "True 1"]
    assert said.splitlines()[2].startswith(str(fresh / ".zenml" / "reports"))
    assert said.splitlines()[3] == "632 __main__:Mine"
    assert not (elsewhere / ".zenml").exists()
    assert sorted(path.name for path in fresh.iterdir()) == [".zenml", "look.py"]


def test_inside_a_repository_paths_count_from_where_the_user_is(
    project: Path, diabetes: Path, environment: dict[str, str]
) -> None:
    inner = project / "inner"
    inner.mkdir()
    (inner / "table.csv").write_bytes(diabetes.read_bytes())
    script = SCRIPT.format(data="table.csv")
    assert "True 1" in run("-", folder=inner, environment=environment, text=script)
    assert not (inner / ".zenml").exists()
    said = run("-m", "zenml.cli.main", "datasource", "get", "Pima", "--json", folder=project, environment=environment)
    assert json.loads(said)["config"]["path"] == "inner/table.csv"
    said = run("-m", "zenml.cli.main", "datasource", "commit", "Pima", folder=inner, environment=environment)
    assert said.endswith(", 632 rows\n")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the notebook client's own dependencies
def test_a_notebook_shows_rows_versions_and_the_page(
    project: Path, diabetes: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cells = [
        SCRIPT.format(data=str(diabetes)),
        LIVE_SOURCE.format(data=str(diabetes)),
        "source.versions()",
        "source.view_statistics()",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    text = json.dumps(notebook)
    assert "632 __main__:Mine" in text
    shown = [output["data"]["text/html"] for cell in notebook.cells[2:] for output in cell.outputs if "data" in output]
    assert "<td" in shown[0]
    assert "<th>Committed</th>" in shown[0]
    assert "iframe" in shown[1]
