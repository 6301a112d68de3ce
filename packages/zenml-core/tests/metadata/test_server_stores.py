"""Stores on servers, as far as no server is needed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from zenml.errors import ConfigError, PluginError
from zenml.metadata import MySQLMetadataStore, PostgreSQLMetadataStore
from zenml.metadata.model import base_name, pieces
from zenml.metadata.store import MetadataStore


@pytest.mark.parametrize(("kind", "extra"), [(MySQLMetadataStore, "mysql"), (PostgreSQLMetadataStore, "postgresql")])
def test_a_missing_driver_is_told_with_what_to_install(
    kind: type[MySQLMetadataStore | PostgreSQLMetadataStore], extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(PluginError, match=rf"pip install 'zenml-core\[{extra}\]'"):
        kind().list_runs()


def test_a_password_is_written_as_its_reference() -> None:
    store = MySQLMetadataStore(host="db", password="env:PASSWORD")
    assert store.to_config() == {
        "type": "MySQLMetadataStore",
        "config": {"host": "db", "password": "env:PASSWORD"},
    }
    assert MetadataStore.from_config(store.to_config()) == store


def test_certificates_count_from_the_given_root(tmp_path: Path) -> None:
    store = PostgreSQLMetadataStore(ssl="verify-full", ssl_ca="certs/ca.pem")
    found = store.resolve(tmp_path)
    assert (found.ssl, found.ssl_ca) == ("verify-full", str(tmp_path / "certs/ca.pem"))
    assert found.resolve(Path("/elsewhere")) is found


def test_wrong_fields_are_told_together() -> None:
    with pytest.raises(ConfigError) as caught:
        MySQLMetadataStore(port=0, ssl="maybe", hots="db")
    assert len(caught.value.problems) == 3
    assert "Did you mean host?" in str(caught.value)


@pytest.mark.parametrize("kind", [MySQLMetadataStore, PostgreSQLMetadataStore])
def test_a_certificate_that_is_not_there_is_told(kind: type[MySQLMetadataStore | PostgreSQLMetadataStore]) -> None:
    pytest.importorskip(kind.DRIVER)
    with pytest.raises(ConfigError, match="--ssl-ca"):
        kind(ssl="verify-ca", ssl_ca="/nowhere/ca.pem", port=1).list_runs()


@pytest.mark.parametrize(
    ("sqlstate", "said", "expected"),
    [
        (
            "28000",
            'no pg_hba.conf entry for host "::1", no encryption',
            "refused the user me: no pg_hba.conf",
        ),
        ("53300", "sorry, too many clients already", "has too many connections"),
        ("57P03", "the database system is starting up", "takes no connections at the moment"),
        ("0A000", "cannot set transaction read-write mode during recovery", "the server only reads"),
        ("25006", "cannot execute INSERT in a read-only transaction", "the server only reads"),
        ("53100", "could not extend file: No space left on device", "failed: could not extend file"),
    ],
)
def test_what_postgresql_says_is_told_with_its_meaning(sqlstate: str, said: str, expected: str) -> None:
    pytest.importorskip("pg8000")
    from zenml.metadata.postgresql_connection import ServerError

    database = PostgreSQLMetadataStore(username="me").open_database()
    assert expected in str(database.explain(ServerError(sqlstate, said)))


def test_a_long_text_is_cut_between_characters_and_put_together_again() -> None:
    text = "aä✓😀" * 1000
    parts = pieces("error", False, text, 1600)
    assert "".join(part for *_, part in parts) == text
    assert all(len(part.encode()) <= 1600 for *_, part in parts)
    assert parts[0][:2] == ("error", False)
    assert {base_name(name) for name, *_ in parts[1:]} == {"error"}
    assert [name for name, *_ in parts[1:]] == sorted(name for name, *_ in parts[1:])
    assert pieces("error", False, text, None) == [("error", False, text)]
