"""BigQueryDatasource: credentials, permissions, what is not there, and streams that end too early."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bigquery_double import Break, World
from bigquery_double.world import real_table
from google.api_core.exceptions import BadRequest, Forbidden, InvalidArgument
from google_double import Fault

from zenml.datasources import BigQueryDatasource
from zenml.errors import ConfigError, DataError, ZenMLError
from zenml.testing.late_answers import let_time_fly
from zenml_gcp.bigquery import streams, trouble
from zenml_gcp.google_trouble import RefusedError, explained


def source(**config: Any) -> BigQueryDatasource:
    return BigQueryDatasource(**{"name": "data", "project": "birds", "dataset": "zoo", "table": "penguins", **config})


def told(read: Any, given: BigQueryDatasource) -> str:
    with pytest.raises(ZenMLError) as error:
        read(given)
    (problem,) = error.value.problems
    return str(problem)


def test_missing_credentials_are_told(bigquery: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(ConfigError, match=r"no Google credentials were found\. Run: gcloud auth application-default"):
        source().identity()


def test_credentials_that_are_not_valid_any_more_are_told(bigquery: World) -> None:
    bigquery.google.expired = True
    with pytest.raises(ConfigError, match=r"the Google credentials are not valid any more\. Run: gcloud auth"):
        source().identity()


def test_credentials_are_needed_where_no_emulator_is_named(
    bigquery: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from zenml_gcp.bigquery.service import BigQuery

    monkeypatch.delenv("BIGQUERY_STORAGE_GRPC_ENDPOINT")
    reader = BigQuery("here").reader()
    assert reader.transport.host == "bigquerystorage.googleapis.com:443"
    reader.transport.close()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(ConfigError, match="no Google credentials were found"):
        BigQuery("here").reader()


def test_a_missing_permission_is_told_with_the_role_that_has_it(bigquery: World, read: Any) -> None:
    bigquery.service.denied = {"bigquery.tables.get"}
    assert told(read, source()) == (
        "BigQuery table birds.zoo.penguins: the credentials lack the permission bigquery.tables.get on table "
        "birds:zoo.penguins. Grant them the role BigQuery Data Viewer (roles/bigquery.dataViewer)"
    )
    bigquery.service.denied = {"bigquery.jobs.create"}
    query = source(dataset=None, table=None, query="SELECT 1 AS one")
    assert told(read, query) == (
        "BigQuery query in birds: the credentials lack the permission bigquery.jobs.create on project birds. "
        "Grant them the role BigQuery Job User (roles/bigquery.jobUser)"
    )
    bigquery.service.denied = set()
    bigquery.storage.denied = {"bigquery.readsessions.create"}
    assert told(read, source(billing_project="purse")) == (
        "BigQuery table birds.zoo.penguins: the credentials lack the permission bigquery.readsessions.create on "
        "projects/purse. Grant them the role BigQuery Read Session User (roles/bigquery.readSessionUser)"
    )
    bigquery.storage.denied = {"bigquery.readsessions.getData"}
    assert "the credentials lack the permission bigquery.readsessions.getData on projects/" in told(read, source())


def test_an_api_that_is_not_enabled_is_told(bigquery: World, read: Any) -> None:
    bigquery.service.enabled = False
    assert told(read, source()) == (
        "BigQuery table birds.zoo.penguins: the API bigquery.googleapis.com is not enabled. "
        "Run: gcloud services enable bigquery.googleapis.com"
    )


def test_what_is_not_there_is_told_with_the_closest_name(bigquery: World, read: Any) -> None:
    for name in ("aquarium", "zone", "zoom"):
        bigquery.warehouse.put(f"birds.{name}.t", bigquery.warehouse.tables["birds", "zoo", "penguins"].now)
    for name in ("a", "b", "c"):
        bigquery.warehouse.put(f"birds.zoo.{name}", bigquery.warehouse.tables["birds", "zoo", "penguins"].now)
    place = "BigQuery table birds.zoo.pinguins: "
    assert told(read, source(table="pinguins")) == (
        f"{place}there is no table 'pinguins' in dataset birds.zoo. Did you mean penguins?"
    )
    assert told(read, source(table="x")).endswith("Tables: a, b, c, penguins")
    assert "there is no dataset 'aquarum' in project birds. Did you mean aquarium?" in told(
        read, source(dataset="aquarum")
    )
    assert told(read, source(project="fish")).endswith("there is no dataset 'zoo' in project fish. Datasets: none")
    bigquery.service.denied = {"bigquery.tables.list"}
    assert told(read, source(table="x")).endswith("BigQuery says: Not found: Table birds:zoo.x")


def test_columns_that_are_not_there_are_told_all_at_once(bigquery: World, read: Any) -> None:
    with pytest.raises(DataError) as error:
        read(source(columns=["yeer", "species", "z"], types={"iland": "string"}))
    assert [str(problem).partition(": ")[2] for problem in error.value.problems] == [
        "columns names a column 'yeer' that is not there. Did you mean year?",
        f"columns names a column 'z' that is not there. Columns: {', '.join(real_table('penguins').column_names)}",
        "types names a column 'iland' that is not there. Did you mean island?",
    ]


def test_a_filter_that_the_service_refuses_is_told(bigquery: World, read: Any) -> None:
    text = told(read, source(row_filter="yeer = 2007"))
    assert "BigQuery says: Row filter for table zoo.penguins is invalid. Filter is 'yeer = 2007'" in text
    assert "row_filter is a condition of SQL on the table's own columns" in text


@pytest.mark.parametrize("how", ["429", "500", "503", "cut-before", "cut-after", "late"])
def test_a_look_at_a_table_is_taken_again(
    how: str, bigquery: World, read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_time_fly(monkeypatch)
    bigquery.google.faults.append(Fault(how, times=3, method="tables.get"))
    assert read(source()).rows("all") == 344


def test_a_service_that_never_answers_is_told(bigquery: World, read: Any) -> None:
    bigquery.google.faults.append(Fault("cut-before", times=100, method="tables.get"))
    assert "bigquery.googleapis.com does not answer" in told(read, source())


@pytest.mark.parametrize("how", ["unavailable", "reset", "throttled"])
def test_a_stream_that_breaks_off_goes_on_where_it_was(how: str, bigquery: World, read: Any) -> None:
    bigquery.storage.streams = 1
    bigquery.storage.breaks = [Break(how, 100), Break(how, 0), Break(how, 30)]
    assert read(source()).rows("all") == 344
    assert bigquery.storage.offsets == [0, 100, 100, 130]


def test_a_stream_that_brings_no_row_any_more_is_given_up(bigquery: World, read: Any) -> None:
    bigquery.storage.streams = 1
    bigquery.storage.breaks = [Break("unavailable", 100), Break("unavailable", 0, times=100)]
    assert "the service cannot do that now: The service is currently unavailable." in told(read, source())
    assert bigquery.storage.offsets == [0] + [100] * (streams.TRIES - 1)


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("expired", "the read session has expired. Run again, with more workers or a larger max_streams"),
        ("exhausted", "Your project exceeded quota for read rows"),
        ("broken", "an internal error"),
    ],
)
def test_a_stream_that_cannot_go_on_is_told(how: str, text: str, bigquery: World, read: Any) -> None:
    bigquery.storage.breaks = [Break(how, 10)]
    assert text in told(read, source())
    assert len(bigquery.storage.offsets) <= 3


def test_a_worker_is_told_no_secret(bigquery: World, tmp_path: Path) -> None:
    from zenml_gcp.bigquery.service import BigQuery
    from zenml_gcp.bigquery.streams import Wanted, open_streams
    from zenml_gcp.bigquery.tables import TableName

    wanted = Wanted(TableName("birds", "zoo", "penguins"), (), "", None, "birds", 4)
    found = open_streams(BigQuery("here"), wanted)
    text = json.dumps([*found.shards, dict(found.params)])
    assert "ya29" not in text
    assert "PRIVATE" not in text
    assert str(bigquery.key) not in text


@pytest.mark.parametrize(
    ("kind", "said", "expected"),
    [
        (
            Forbidden,
            "Access Denied: Table birds:zoo.t: User does not have permission to query table birds:zoo.t.",
            "here: the service refused: Access Denied: Table birds:zoo.t: User does not have permission",
        ),
        (
            Forbidden,
            "Access Denied: Dataset a:b: Permission bigquery.tables.list denied on dataset a:b (or it may not exist).",
            "here: the credentials lack the permission bigquery.tables.list on dataset a:b. Grant them the role",
        ),
        (
            Forbidden,
            "Quota exceeded: Your project exceeded quota for concurrent queries.",
            "here: a quota is used up: Quota exceeded: Your project exceeded quota for",
        ),
        (
            InvalidArgument,
            "request failed: Cannot query over table 't' without a filter over column(s) 'day'",
            "here: BigQuery says: Cannot query over table 't' without a filter over column(s) 'day'. Give row_filter=…",
        ),
        (
            BadRequest,
            "GET https://bigquery.googleapis.com/bigquery/v2/x: Syntax error: Unexpected end of script at [3:14]",
            "here, line 3, column 14: BigQuery says: Syntax error: Unexpected end of script",
        ),
        (
            BadRequest,
            "Query exceeded limit for bytes billed: 1000. 10485760 or higher required.",
            "here: BigQuery says: Query exceeded limit for bytes billed: 1000. 10485760 or higher required. Raise",
        ),
    ],
)
def test_what_the_service_says_is_told_with_what_to_do(kind: type[Exception], said: str, expected: str) -> None:
    cause = kind(said)
    known = explained(cause, "BigQuery")
    assert isinstance(known, RefusedError)
    known.__cause__ = cause
    assert str(trouble.told(known, "here")).startswith(expected)
