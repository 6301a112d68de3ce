from __future__ import annotations

import random
from pathlib import Path

import pytest

from zenml.data.anomalies import Limits
from zenml.datasources import CSVDatasource
from zenml.errors import ConfigError, DataError, ZenMLError
from zenml.pipelines import DataPipeline, Pipeline


def write(
    path: Path, *, moved: float = 0.0, colors: str = "rgb", header: str = "size,color,hole", holes: float = 0.0
) -> None:
    chance = random.Random(3)
    rows = [
        f"{chance.gauss(moved, 1):.4f},{chance.choice(colors)},{'' if chance.random() < holes else 1}"
        for _ in range(2000)
    ]
    path.write_text("\n".join([header, *rows]) + "\n")


@pytest.fixture
def pipeline(project: Path) -> DataPipeline:
    write(project / "t.csv")
    made = DataPipeline(name="Watched")
    made.add_datasource(CSVDatasource(name="Things", path="t.csv"))
    made.run()
    return made


def kinds(pipeline: Pipeline, **options: object) -> list[tuple[str, str]]:
    return [(row.column, row.kind) for row in pipeline.view_anomalies(**options)]  # type: ignore[arg-type] # options of it


def test_equal_and_like_data_have_none(project: Path, pipeline: DataPipeline) -> None:
    assert pipeline.view_anomalies() == []
    pipeline.pin_schema()
    write(project / "t.csv", moved=0.02)
    pipeline.run()
    assert pipeline.view_anomalies(raises=True) == []


def test_what_differs_from_the_pinned_schema_and_the_version_before_is_told(
    project: Path, pipeline: DataPipeline
) -> None:
    path = pipeline.pin_schema()
    assert path == project / "schemas/Things.yaml"
    assert "- b\n    - g\n    - r\n" in path.read_text()
    path.write_text(path.read_text().replace("type: float\n", "type: float\n    max: 10\n    min: -10\n"))
    assert pipeline.view_schema().columns["size"].max == 10

    write(project / "t.csv", moved=20, colors="rgbx", header="size,color,gap", holes=0.5)
    pipeline.run()
    assert set(kinds(pipeline)) == {
        ("size", "range"),
        ("size", "drift"),
        ("color", "domain"),
        ("color", "drift"),
        ("hole", "missing-column"),
        ("gap", "new-column"),
    }
    assert ("color", "drift") not in kinds(pipeline, limits=Limits(l_infinity=0.5))
    with pytest.raises(DataError, match=r"column 'color': values outside of its domain: 'x' \(\d+ times\)"):
        pipeline.view_anomalies(raises=True)


def test_missing_cells_and_a_change_of_type_are_told(project: Path, pipeline: DataPipeline) -> None:
    pipeline.pin_schema()
    write(project / "t.csv", holes=0.4)
    pipeline.run()
    assert set(kinds(pipeline)) == {("hole", "presence"), ("hole", "drift")}
    text = (project / "t.csv").read_text().splitlines()
    (project / "t.csv").write_text("\n".join([text[0], *(f"big,{row.partition(',')[2]}" for row in text[1:])]) + "\n")
    pipeline.run()
    assert ("size", "type") in kinds(pipeline)


def test_a_schema_that_was_edited_wrongly_is_told(project: Path, pipeline: DataPipeline) -> None:
    path = pipeline.pin_schema()
    path.write_text(path.read_text().replace("type: float", "type: flot"))
    with pytest.raises(ConfigError, match=r"Things.yaml.columns.size.type"):
        pipeline.view_anomalies()


def test_without_a_run_there_is_nothing_to_compare(project: Path) -> None:
    made = DataPipeline(name="New").add_datasource(CSVDatasource(name="Things", path="t.csv"))
    with pytest.raises(ZenMLError, match="has no complete run yet"):
        made.view_anomalies()
