from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from zenml.cli.main import run

SPEC = """zenml: 1
name: Data only
type: DataPipeline
steps:
  - id: data
    type: CSVDatasource
    config: {name: Table, path: table.csv}
"""


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def pipeline_file(project: Path) -> Path:
    (project / "table.csv").write_text("a,b\n" + "1,x\n2,y\n" * 10)
    (project / "data.yaml").write_text(SPEC)
    return project / "data.yaml"


def test_a_pipeline_is_run_listed_and_shown(pipeline_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "pipeline", "run", str(pipeline_file), "--json")
    assert code == 0, err
    ran = json.loads(out)
    assert ran["state"] == "COMPLETE"
    assert [step["state"] for step in ran["steps"]] == ["COMPLETE"]

    code, out, _ = call(capsys, "pipeline", "run", str(pipeline_file))
    assert code == 0
    assert "CACHED" in out

    code, out, _ = call(capsys, "run", "list", "--json")
    rows = json.loads(out)
    assert code == 0
    assert [set(row) for row in rows] == [{"id", "pipeline", "state", "started", "duration"}] * 2
    assert rows[1]["id"] == ran["id"]

    code, out, _ = call(capsys, "run", "get", ran["id"][:15], "--json")
    assert code == 0 or "several runs begin" in out
    code, out, _ = call(capsys, "run", "get", ran["id"])
    assert (code, ran["id"] in out) == (0, True)

    code, out, _ = call(capsys, "pipeline", "list", "--json")
    assert (code, json.loads(out)[0]["name"], json.loads(out)[0]["runs"]) == (0, "Data only", 2)
    code, out, _ = call(capsys, "pipeline", "get", "Data only")
    assert (code, "path: table.csv" in out) == (0, True)
    code, out, _ = call(capsys, "step", "list", "--json")
    assert (code, {row["type"] for row in json.loads(out)}) == (0, {"CSVDatasource"})
    code, out, _ = call(capsys, "step", "get", ran["id"], "data", "--json")
    assert (code, json.loads(out)["id"]) == (0, "data")
    for words in (("run", "list"), ("step", "list"), ("pipeline", "list"), ("step", "get", ran["id"], "data")):
        code, out, _ = call(capsys, *words)
        assert code == 0
        assert "─" in out


def test_validate_tells_every_problem_with_its_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "bad.yaml").write_text(
        "zenml: 1\nname: Bad\nsteps:\n"
        "  - id: data\n    type: CSVDatasorce\n    config: {name: T, path: t.csv}\n"
        "  - id: split\n    type: RandomSplit\n    config: {split_map: {train: 0.9, eval: 0.5}}\n"
        "  - id: evaluator\n    type: TFMAEvaluator\n    config: {metrics: {y: [roc_auk]}}\n"
        "    inputs: {examples: split.examples, model: trainer.model}\n"
    )
    code, _, err = call(capsys, "pipeline", "validate", "bad.yaml")
    assert code == 2
    assert "bad.yaml:4: step data" in err
    assert "Did you mean CSVDatasource?" in err
    assert "bad.yaml:7: step split" in err
    assert "1.4" in err
    assert "bad.yaml:10: step evaluator: TFMAEvaluator.metrics.y: there is no metric 'roc_auk'" in err
    assert "there is no step 'trainer'" in err
    assert err.count("bad.yaml:") == 4
    code, out, _ = call(capsys, "pipeline", "validate", "bad.yaml", "--json")
    assert code == 2
    assert len(json.loads(out)["problems"]) >= 2


def test_validate_says_that_a_file_is_good(pipeline_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "pipeline", "validate", str(pipeline_file))[0] == 0
    code, out, _ = call(capsys, "pipeline", "validate", str(pipeline_file), "--json")
    assert (code, json.loads(out)) == (0, {"valid": True, "problems": []})


def test_the_schema_accepts_what_is_valid_and_refuses_what_is_not(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    import yaml

    code, out, _ = call(capsys, "pipeline", "schema")
    assert code == 0
    validator = jsonschema.Draft202012Validator(json.loads(out))
    good = yaml.safe_load(SPEC)
    assert not list(validator.iter_errors(good))
    good["steps"][0]["config"]["pth"] = 1
    assert list(validator.iter_errors(good))


def test_a_failed_run_exits_with_1_and_shows_no_traceback(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "table.csv").write_text("a,b\n")
    (project / "data.yaml").write_text(SPEC)
    code, _, err = call(capsys, "pipeline", "run", "data.yaml")
    assert code == 1
    assert "a header and no row" in err
    assert "Traceback" not in err
    (failed,) = json.loads(call(capsys, "run", "list", "--json")[1])
    assert failed["state"] == "FAILED"
    code, out, _ = call(capsys, "run", "get", failed["id"])
    assert (code, "a header and no row" in out) == (0, True)


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (("pipelin", "list"), 2, "Did you mean pipeline?"),
        (("pipeline", "run", "nowhere.yaml"), 2, "nowhere.yaml"),
        (("pipeline", "get", "Nothing"), 2, "no pipeline 'Nothing' ever ran here"),
        (("run", "get", "rnone"), 2, "there is no run 'rnone'"),
        (("run", "list", "--limit", "0"), 2, "limit"),
        (("config", "metadata", "set", "orcl"), 2, "Known: mlmd, mysql"),
        (("config", "metadata", "set", "sqlite"), 2, "--path"),
        (("config", "artifacts", "set", "gopher://hole"), 1, "no installed plugin serves gopher://"),
        (("config", "artifacts", "set", "folder", "--region", "x"), 2, "--region"),
        (("config", "artifacts", "cache", "--size", "much"), 2, "'much' is no size"),
    ],
)
def test_mistakes_end_with_their_exit_code_and_one_message(
    project: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, expected: str
) -> None:
    found, _, err = call(capsys, *words)
    assert (found, expected in err, "Traceback" in err) == (code, True, False), err


def test_stores_are_configured(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "config", "artifacts", "set", "elsewhere")[0] == 0
    assert call(capsys, "config", "artifacts", "get")[1].strip() == str(project / "elsewhere")
    assert call(capsys, "config", "metadata", "set", "sqlite", "--path", "runs.db")[0] == 0
    code, out, _ = call(capsys, "config", "metadata", "get", "--json")
    assert (code, json.loads(out)["config"]["path"]) == (0, str(project / "runs.db"))
    assert oct((project / ".zenml/config.yaml").stat().st_mode & 0o777) == "0o600"


def test_init_clean_and_version(project: Path, capsys: pytest.CaptureFixture[str], pipeline_file: Path) -> None:
    assert "is a repository now" in call(capsys, "init", "sub")[1]
    assert "is a repository already" in call(capsys, "init", "sub")[1]
    call(capsys, "config", "artifacts", "set", "kept outside")
    call(capsys, "pipeline", "run", str(pipeline_file), "--json")
    (project / "kept outside").mkdir(exist_ok=True)
    (project / ".zenml" / "link").symlink_to(project / "kept outside")
    code, out, _ = call(capsys, "clean", "--yes")
    assert (code, "metadata.db" in out) == (0, True)
    assert sorted(path.name for path in (project / ".zenml").iterdir()) == [".gitignore", "config.yaml"]
    assert (project / "kept outside").is_dir()
    assert "Nothing to clean" in call(capsys, "clean")[1]
    assert call(capsys, "version")[1].strip() == __import__("zenml").__version__


def test_clean_asks_first(project: Path, pipeline_file: Path) -> None:
    (project / ".zenml" / "metadata.db").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "zenml.cli.main", "clean"], input="n\n", capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert (project / ".zenml" / "metadata.db").exists()


def test_debug_shows_the_traceback(project: Path) -> None:
    command = [sys.executable, "-m", "zenml.cli.main", "--debug", "run", "get", "rnone"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" in done.stderr


def test_listing_makes_no_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (("run", "list"), ("step", "list"), ("pipeline", "list"), ("clean",), ("config", "artifacts", "get")):
        code, _, err = call(capsys, *words)
        assert (code, "in no repository. Make it one: zenml init" in err) == (2, True)
    assert not list(tmp_path.iterdir())


def test_clean_refuses_a_link_and_a_running_run(
    project: Path, pipeline_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from zenml.metadata import SQLiteMetadataStore
    from zenml.metadata.liveness import this_owner
    from zenml.metadata.records import RunRecord

    store = SQLiteMetadataStore(path=str(project / ".zenml/metadata.db"))
    store.start_run(RunRecord("r0000000000000000001", "Data only", "", this_owner()))
    code, _, err = call(capsys, "clean", "--yes")
    assert (code, "r0000000000000000001 is running" in err) == (2, True)
    (project / ".zenml").rename(tmp_path / "elsewhere")
    (project / ".zenml").symlink_to(tmp_path / "elsewhere")
    code, _, err = call(capsys, "clean", "--yes")
    assert (code, "is a link" in err) == (2, True)
    assert (tmp_path / "elsewhere" / "metadata.db").exists()
