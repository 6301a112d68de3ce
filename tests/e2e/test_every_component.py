"""Each datasource, split, sequencer, preprocesser, filling and transform, from Python and from YAML: the same bytes."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from zenml.cli.main import run as zenml
from zenml.data.transforms import FILLINGS, GROUP_TRANSFORMS, TRANSFORMS
from zenml.datasources import DataFrameDatasource
from zenml.pipelines import DataPipeline
from zenml.plugins.first_party import FIRST_PARTY
from zenml.plugins.registry import load_type

FAMILIES = ("Split", "Sequencer", "Preprocesser", "Datasource")
NAMES = sorted(name for name in FIRST_PARTY if name.endswith(FAMILIES))
"""Every datasource, split, sequencer and preprocesser of this repository."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give every case in turn."""
    if "case" in metafunc.fixturenames:
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.syspath_prepend(Path(__file__).parent)
            from components_for_tests import CASES
        metafunc.parametrize("case", CASES)


def test_no_component_is_left_out() -> None:
    import components_for_tests as components

    assert sorted({*components.DATASOURCES, *components.STEPS}) == NAMES
    assert set(components.FILLINGS) == set(FILLINGS)
    assert set(components.TRANSFORMS) == set(TRANSFORMS)
    assert set(components.GROUPS) == set(GROUP_TRANSFORMS)


def test_it_gives_the_same_from_python_and_from_yaml(
    case: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    from components_for_tests import build

    if case == "BigQueryDatasource":
        request.getfixturevalue("bigquery")
    if "image" in case.partition(":")[2] and find_spec("PIL") is None:
        pytest.skip("Pillow is not installed. Run: pip install zenml-core[images]")
    here, there = tmp_path / "python", tmp_path / "yaml"
    (here / ".zenml").mkdir(parents=True)
    monkeypatch.chdir(here)
    pipeline = build(case, here)
    run = pipeline.run()
    made = {step: {name: row.digest for name, row in view.outputs.items()} for step, view in run.steps.items()}
    assert all(str(view.state) == "COMPLETE" for view in run.steps.values())
    assert all(sum(split["rows"] for split in splits.values()) for splits in row_counts(run))

    pinned = pin(pipeline)
    pinned.to_yaml("pipeline.yaml")
    shutil.copytree(here, there, ignore=shutil.ignore_patterns("metadata.db*", "sources.json"))
    if pinned is pipeline:
        shutil.rmtree(there / ".zenml" / "artifacts")
    monkeypatch.chdir(there)
    capsys.readouterr()
    assert zenml(["pipeline", "run", "pipeline.yaml", "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert [step["state"] for step in steps] == ["COMPLETE"] * len(made)
    assert {step["id"]: {row["name"]: row["digest"] for row in step["outputs"]} for step in steps} == made


def pin(pipeline: DataPipeline) -> DataPipeline:
    """Return the pipeline as a file can hold it: a table in memory is committed, and the version pinned."""
    source = pipeline.steps["data"]
    if not isinstance(source, DataFrameDatasource):
        return pipeline
    version = source.commit()
    return DataPipeline(pipeline.name).add_datasource(source.model_copy(update={"snapshot": version.digest}))


def row_counts(run: Any) -> list[dict[str, Any]]:
    """Return the row counts of all examples of a run."""
    rows = [row for view in run.steps.values() for row in view.outputs.values() if row.type.endswith("Examples")]
    return [run.store.open(row.uri).properties["splits"] for row in rows]


def documented(kind: type) -> set[str]:
    """Return the parameters that a class's own docstring names below `Args`."""
    _, _, below = (kind.__dict__.get("__doc__") or "").partition("Args:")
    return {line.strip().partition(":")[0] for line in below.splitlines() if ":" in line}


METHODS = [*FILLINGS.values(), *TRANSFORMS.values(), *GROUP_TRANSFORMS.values()]


@pytest.mark.parametrize("kind", [*NAMES, *METHODS], ids=lambda kind: kind if isinstance(kind, str) else kind.NAME)
def test_a_docstring_names_every_field(kind: Any) -> None:
    loaded: Any = load_type(kind) if isinstance(kind, str) else kind
    assert (loaded.__doc__ or "").strip()
    inherited = set().union(*(documented(base) for base in loaded.__mro__))
    assert set(loaded.model_fields) <= inherited, "a field that no docstring names"
    own = {name for name in loaded.model_fields if name in vars(loaded).get("__annotations__", {})}
    assert own <= documented(loaded), "a field of its own that its docstring does not name"


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.NAME)
def test_the_docstring_of_a_transform_tells_the_shape_of_what_comes_out(method: Any) -> None:
    assert "It gives" in method.__doc__
