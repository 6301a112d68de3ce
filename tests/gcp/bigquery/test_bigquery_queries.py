"""BigQueryDatasource: queries, what they may cost, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest
from bigquery_double import World
from google_double import Fault

from zenml.data.identity import IdentityMemo
from zenml.data.snapshot import Snapshot
from zenml.datasources import BigQueryDatasource
from zenml.errors import DataError
from zenml.testing.late_answers import let_time_fly

BY_SPECIES = "SELECT species, count(*) AS number, avg(body_mass_g) AS mass FROM `zoo.penguins` GROUP BY species"


def source(query: str = BY_SPECIES, **config: Any) -> BigQueryDatasource:
    return BigQueryDatasource(name="data", project="birds", query=query, **config)


def rows(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [row for batch in snapshot.batches("all") for row in batch.to_pylist()]


def told(read: Any, given: BigQueryDatasource) -> str:
    with pytest.raises(DataError) as error:
        read(given)
    (problem,) = error.value.problems
    return str(problem)


def test_a_query_is_run_by_the_service_and_its_result_read(bigquery: World, read: Any) -> None:
    found = read(source())
    assert {row["species"]: row["number"] for row in rows(found)} == {"Adelie": 152, "Chinstrap": 68, "Gentoo": 124}
    assert found.schema["mass"].type == "float"
    (session,) = bigquery.storage.sessions
    assert session.read_session.table.startswith("projects/birds/datasets/_anonymous/tables/anon")
    ((_, job),) = bigquery.service.jobs.items()
    assert job.body["configuration"]["labels"] == {"created-by": "zenml"}
    calls = [name for name in bigquery.google.methods() if name != "token"]
    assert calls == [
        *("bigquery.jobs.insert",) * 2,
        *("bigquery.jobs.getQueryResults",) * 2,
        "bigquery.jobs.get",
    ]


def test_tables_without_a_dataset_are_those_of_the_given_one(bigquery: World, read: Any) -> None:
    assert read(source("SELECT * FROM `penguins` WHERE year = 2007", dataset="zoo")).rows("all") == 110


def test_another_project_pays(bigquery: World, read: Any) -> None:
    read(source("SELECT year FROM `birds.zoo.penguins`", billing_project="purse"))
    assert [project for project, _ in bigquery.service.jobs] == ["purse"]
    assert bigquery.storage.sessions[-1].parent == "projects/purse"


def test_a_query_is_run_in_each_run_unless_refresh_says_otherwise(bigquery: World, read: Any) -> None:
    assert source().identity() != source().identity()
    assert source(refresh="never").identity() == source(refresh="never").identity()
    assert source("SELECT 1 AS one", refresh="never").identity() != source(refresh="never").identity()
    memo = IdentityMemo()
    step = source(refresh="1h")
    before = step.identity(memo)
    assert source(refresh="1h").identity(memo) != before
    read(step)
    assert source(refresh="1h").identity(memo) == before
    assert len(bigquery.service.jobs) == 1
    read(source())
    assert [job.cached for job in bigquery.service.jobs.values()] == [False, True]


def test_what_the_service_says_of_a_query_is_told_with_its_place(bigquery: World, read: Any) -> None:
    assert told(read, source("SELECT specie\nFROM `zoo.penguins`")) == (
        "BigQuery query in birds, line 1, column 8: BigQuery says: Unrecognized name: specie"
    )
    assert told(read, source("SELECT year,\n  FORM `zoo.penguins` x y")).startswith(
        "BigQuery query in birds, line 2, column 23: BigQuery says: Syntax error: Unexpected identifier"
    )
    text = told(read, source("SELECT * FROM `zoo.pinguins`"))
    assert "BigQuery says: Not found: Table birds:zoo.pinguins was not found in location US" in text
    assert bigquery.service.jobs == {}


def test_a_statement_that_selects_nothing_is_refused(bigquery: World, read: Any) -> None:
    text = told(read, source("CREATE TABLE zoo.t AS SELECT 1 AS one"))
    assert text == "BigQuery query in birds: the query is no SELECT statement, but CREATE_TABLE_AS_SELECT"
    assert bigquery.service.jobs == {}


def test_a_query_that_fails_while_it_runs_is_told(bigquery: World, read: Any) -> None:
    bigquery.service.fail_running = "division by zero: 1 / 0"
    assert told(read, source()) == "BigQuery query in birds: BigQuery says: division by zero: 1 / 0"


def test_a_query_in_the_wrong_place_is_told(bigquery: World, read: Any) -> None:
    assert 'Say where the data lies, as in location="EU"' in told(read, source(location="asia-east1"))
    assert read(source(location="US")).rows("all") == 3


def test_what_a_query_may_cost_is_checked_before_it_runs(bigquery: World, read: Any) -> None:
    text = told(read, source(maximum_bytes_billed=1000))
    assert "bytes, more than maximum_bytes_billed allows (1,000)" in text
    assert bigquery.service.jobs == {}
    read(source(maximum_bytes_billed=10**6))
    ((_, job),) = bigquery.service.jobs.items()
    assert job.body["configuration"]["query"]["maximumBytesBilled"] == "1000000"


def test_columns_are_checked_before_a_query_is_paid_for(bigquery: World, read: Any) -> None:
    query = "SELECT {'a': 1} AS parts, CAST(1 AS DECIMAL(38, 9)) AS amount, year FROM `zoo.penguins`"
    with pytest.raises(DataError) as error:
        read(source(query))
    assert [problem.where.rpartition(" ")[2] for problem in error.value.problems] == ["parts", "amount"]
    assert bigquery.service.jobs == {}


def test_a_query_without_rows_is_refused(bigquery: World, read: Any) -> None:
    assert told(read, source(f"{BY_SPECIES} HAVING count(*) > 1000")) == "BigQuery query in birds: there is no row"


@pytest.mark.parametrize("at", [1, 2, 3, 4])
@pytest.mark.parametrize("how", ["429", "500", "503", "cut-before", "cut-after", "late"])
def test_a_call_that_fails_is_made_again_and_makes_one_job(
    how: str, at: int, bigquery: World, read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_time_fly(monkeypatch)
    bigquery.google.faults.append(Fault(how, at=at, times=2, method="bigquery"))
    assert read(source()).rows("all") == 3
    assert len(bigquery.service.jobs) == 1


def test_a_query_that_nobody_waits_for_any_more_is_stopped(
    bigquery: World, read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zenml_gcp.bigquery.queries import Query

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Query, "_wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        read(source())
    ((_, job),) = bigquery.service.jobs.items()
    assert job.cancelled
