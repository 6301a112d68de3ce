from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from zenml.data.shards import atomic_file
from zenml.datasources import CSVDatasource, DataFrameDatasource, JSONLinesDatasource
from zenml.datasources.base import Datasource
from zenml.datasources.version import DataVersion
from zenml.errors import ConfigError, DataError, RunFailed, StoreError
from zenml.pipelines import DataPipeline
from zenml.repo import Repository


@pytest.fixture
def source(project: Path) -> Datasource:
    (project / "t.csv").write_text("n,word\n1,a\n2,b\n3,\n")
    return CSVDatasource(name="Table", path="t.csv")


def change(project: Path, text: str) -> None:
    with atomic_file(project / "t.csv") as file:
        file.write(text.encode())


def artifacts(project: Path) -> list[str]:
    return sorted(str(path) for path in (project / ".zenml/artifacts").rglob("*") if path.is_file())


def test_a_commit_is_a_version_with_its_rows_and_columns(source: Datasource, project: Path) -> None:
    version = source.commit()
    assert re.fullmatch("sha256:[0-9a-f]{64}", version.digest)
    assert version.digest.startswith(f"sha256:{version.short}")
    assert (version.rows, version.name, version.type) == (3, "Table", "CSVDatasource")
    assert [(row.name, row.type.value) for row in version.schema] == [("n", "integer"), ("word", "string")]
    assert version.statistics["word"].missing == 1
    (run,) = Repository.get_instance().get_runs()
    assert (run.id, run.record.pipeline, run.state) == (version.run, "Commit Table", "COMPLETE")


def test_the_same_content_is_the_same_version_and_is_not_written_again(source: Datasource, project: Path) -> None:
    first = source.commit()
    written = artifacts(project)
    (project / "copy.csv").write_bytes((project / "t.csv").read_bytes())
    again = source.commit()
    moved = CSVDatasource(name="Table", path="copy.csv").commit()
    assert first.digest == again.digest == moved.digest
    assert artifacts(project) == written
    assert (len(source.versions()), first.run < again.run < moved.run) == (1, True)
    assert source.versions()[0] == moved
    assert source.versions()[0].committed == first.committed


def test_a_changed_cell_is_a_new_version_and_the_old_one_stays(source: Datasource, project: Path) -> None:
    old = source.commit()
    change(project, "n,word\n1,a\n2,c\n3,\n")
    new = source.commit()
    assert [version.digest for version in source.versions()] == [new.digest, old.digest]
    assert source.sample_data().column("word").to_pylist() == ["a", "c", None]
    assert source.sample_data(version=old).column("word").to_pylist() == ["a", "b", None]
    assert source.sample_data(2, version=old.short, columns=["word"]).to_pydict() == {"word": ["a", "b"]}
    change(project, "n,word\n1,a\n2,b\n3,\n")
    assert source.commit().digest == old.digest
    assert [version.digest for version in source.versions()] == [old.digest, new.digest], "what was read last is first"


def test_versions_are_those_of_every_pipeline_that_reads_the_data(source: Datasource, project: Path) -> None:
    committed = source.commit()
    for name in ("One", "Two"):
        DataPipeline(name).add_datasource(CSVDatasource(name="Table", path="t.csv")).run()
    change(project, "n,word\n9,z\n")
    run = DataPipeline("Two").add_datasource(CSVDatasource(name="Table", path="t.csv")).run()
    DataPipeline("Other").add_datasource(CSVDatasource(name="Else", path="t.csv")).run()
    newest, older = source.versions()
    assert (newest.run, newest.digest) == (run.id, run.steps["data"].outputs["examples"].digest)
    assert older.digest == committed.digest
    assert [each.name for each in (newest, older)] == ["Table", "Table"]
    repo = Repository.get_instance()
    assert repo.get_datasource_names() == ["Table", "Else"]
    assert repo.get_datasource_by_name("Table").versions() == source.versions()
    with pytest.raises(ConfigError, match="Did you mean Table"):
        repo.get_datasource_by_name("Tabel")


def test_versions_print_as_a_table(source: Datasource, project: Path) -> None:
    assert repr(source.versions()) == "no version of 'Table' yet"
    version = source.commit()
    head, row = repr(source.versions()).splitlines()
    assert head.split() == ["Version", "Rows", "Committed", "Run"]
    assert row.split()[:2] == [version.short, "3"]
    assert (row.split()[-1], len(row) <= 80) == (version.run, True)
    assert f'<td style="text-align:left">{version.short}</td>' in source.versions()._repr_html_()
    assert source.versions()[0:1] == source.versions()
    assert source.versions()[version.digest] == version


def test_a_version_whose_data_are_gone_is_told(source: Datasource, project: Path) -> None:
    version = source.commit()
    Repository.get_instance().artifact_store.delete(version.uri)
    (row,) = source.versions().to_json()
    assert row["rows"] is None
    assert " gone " in repr(source.versions())
    with pytest.raises(StoreError):
        source.sample_data()


def test_a_sample_commits_where_there_is_no_version(source: Datasource, project: Path) -> None:
    table = source.sample_data(2)
    assert table.to_pydict() == {"n": [1, 2], "word": ["a", "b"]}
    change(project, "n,word\n7,q\n")
    assert source.sample_data(1).to_pydict() == {"n": [1], "word": ["a"]}, "of the newest version, not of the file"
    assert len(source.versions()) == 1


def test_a_sample_reads_no_shard_that_it_does_not_need(project: Path) -> None:
    for number in range(3):
        (project / f"part-{number}.csv").write_text(f"n\n{number}\n{number}\n")
    source = CSVDatasource(name="Parts", path="part-*.csv")
    _, *others = source.commit()._snapshot.shards("all")
    assert len(others) == 2
    for shard in others:
        before = shard.stat()
        shard.write_bytes(b"\0" * before.st_size)
        os.utime(shard, ns=(before.st_mtime_ns, before.st_mtime_ns))  # what has a new time is read when it is opened
    assert source.sample_data(2)["n"].to_pylist() == [0, 0]
    with pytest.raises(pa.ArrowInvalid):
        source.sample_data(3)


@pytest.mark.parametrize("n", [0, 3, 1000])
def test_a_sample_has_so_many_rows_or_all(source: Datasource, n: int) -> None:
    table = source.sample_data(n)
    assert table.num_rows == min(n, 3)
    assert table.schema == pa.schema({"n": pa.int64(), "word": pa.utf8()})
    assert source.sample_data(np.int64(n)) == table


@pytest.mark.parametrize("n", [-1, True, 1.5, "2", None])
def test_what_is_no_count_is_refused(source: Datasource, n: object) -> None:
    with pytest.raises(ConfigError, match="sample_data: n is a number of rows, 0 or more, got"):
        source.sample_data(n)  # type: ignore[arg-type] # wrong on purpose


def test_an_unknown_version_or_column_is_told_with_the_closest(source: Datasource, project: Path) -> None:
    version = source.commit()
    wrong = version.short[:-1] + ("0" if version.short[-1] != "0" else "1")
    with pytest.raises(ConfigError, match=f"'Table' has no version '{wrong}'. Did you mean {version.short}?"):
        source.sample_data(version=wrong)
    with pytest.raises(ConfigError, match=f"no version 'nonsense'. Its versions: {version.short}"):
        source.view_statistics(compare="nonsense")
    with pytest.raises(ConfigError, match="too short to name one version"):
        source.view_schema(version=version.short[:2])
    with pytest.raises(ConfigError, match=r"has no version 'abcdef'\. It has none"):
        JSONLinesDatasource(name="Never", path="x.jsonl").sample_data(version="abcdef")
    with pytest.raises(DataError, match=r"there is no column 'wird'\. Did you mean word\?"):
        source.sample_data(columns=["wird"])


def test_data_that_cannot_be_read_fail_with_every_problem_and_leave_no_version(project: Path) -> None:
    (project / "t.csv").write_text("n,word\n1\n2,b,c\n")
    source = CSVDatasource(name="Bad", path="t.csv")
    with pytest.raises(RunFailed) as caught:
        source.commit()
    assert len(caught.value.problems) == 2
    assert len(source.versions()) == 0
    assert Repository.get_instance().get_runs()[0].state == "FAILED"


def test_the_schema_is_the_pinned_one_or_that_of_a_version(source: Datasource, project: Path) -> None:
    pipeline = DataPipeline("Pins").add_datasource(source)
    assert source.view_schema().columns["word"].domain == ["a", "b"]
    pipeline.run()
    pinned = pipeline.pin_schema()
    assert repr(source.view_schema()) == pinned.read_text()
    pinned.write_text(pinned.read_text().replace("- b", "- z"))
    assert source.view_schema().columns["word"].domain == ["a", "z"]
    assert source.view_schema(version=source.versions()[0]).columns["word"].domain == ["a", "b"]


def test_statistics_of_one_version_or_of_two_side_by_side(source: Datasource, project: Path) -> None:
    old = source.commit()
    alone = source.view_statistics()
    assert alone.path == project / ".zenml/reports" / f"{old.short}-statistics.html"
    change(project, "n,word\n1,a\n2,c\n3,d\n4,\n")
    new = source.commit()
    page = source.view_statistics(compare=old, path=project / "page.html")
    html = (project / "page.html").read_text()
    assert page.path == project / "page.html"
    assert html.index(old.short) < html.index(new.short)
    assert "Table: statistics" in html
    assert new.view_statistics(compare=new).path == project / ".zenml/reports" / f"{new.short}-statistics.html"
    swapped = source.view_statistics(compare=new.short, version=old).path
    assert swapped == project / ".zenml/reports" / f"{new.short}-{old.short}-statistics.html"


def test_a_table_in_memory_has_versions_too(project: Path) -> None:
    first = DataFrameDatasource(name="Frame", data=pa.table({"n": [1, 2]})).commit()
    second = DataFrameDatasource(name="Frame", data=pa.table({"n": [1, 3]})).commit()
    assert first.digest != second.digest
    assert isinstance(second, DataVersion)
    assert [row.rows for row in DataFrameDatasource(name="Frame", data=pa.table({"n": [0]})).versions()] == [2, 2]


def test_any_name_can_be_committed(project: Path) -> None:
    (project / "t.csv").write_text("n\n1\n")
    name = "Übersicht / 2024: " + "x" * 80
    version = CSVDatasource(name=name, path="t.csv").commit()
    assert version.name == name
    assert len(CSVDatasource(name=name, path="t.csv").versions()) == 1


def test_a_pinned_version_is_read_whatever_becomes_of_the_source(source: Datasource, project: Path) -> None:
    version = source.commit()
    (project / "t.csv").unlink()
    pinned = source.model_copy(update={"snapshot": version.digest})
    run = DataPipeline("Pinned").add_datasource(pinned).run()
    assert run.steps["data"].outputs["examples"].digest == version.digest
    assert pinned.commit().digest == version.digest


def test_rows_in_quarantine_are_read_from_the_version(project: Path) -> None:
    (project / "t.csv").write_text("n,word\n" + "1,a\n" * 300 + "2,b,c\n")
    aside = CSVDatasource(name="Aside", path="t.csv", on_bad_rows="quarantine")
    version = aside.commit()
    assert version.rows == 300
    (row,) = version.bad_rows().to_pylist()
    assert (row["row"], row["text"], bool(row["reason"])) == (301, b"2,b,c", True)
    change(project, "n,word\n1,a\n")
    none = aside.commit().bad_rows()
    assert (none.num_rows, none.column_names) == (0, ["file", "row", "column", "reason", "text"])
