"""Encrypted connections of metadata stores to real servers: what each `ssl` demands, and who is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from certificates import Authority, Issued
from database_servers import PASSWORD, DatabaseServer, mariadb, postgresql
from metadata_databases import config_of

from zenml.errors import ConfigError, StoreError
from zenml.metadata import MySQLMetadataStore, PostgreSQLMetadataStore
from zenml.metadata.server import ServerMetadataStore
from zenml.testing.recorded_runs import complete, started

CIPHER = {
    "mysql": "SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'",
    "postgresql": "SELECT coalesce(cipher, '') FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
}


@dataclass
class Guarded:
    """A server that encrypts, whose user `guarded` needs a certificate of the authority's.

    Args:
        server: the server; its certificate is for 127.0.0.1 and no other name.
        authority: who signed that.
        client: a certificate of the same authority.
        stranger: an authority that the server does not know.
    """

    server: DatabaseServer
    authority: Authority
    client: Issued
    stranger: Authority

    def store(self, **changes: Any) -> ServerMetadataStore:
        """Return a store in the server's database `zenml`."""
        kind = MySQLMetadataStore if self.server.scheme == "mysql" else PostgreSQLMetadataStore
        trusted = {"ssl_ca": str(self.authority.ca)}
        return kind(**{**config_of(self.server, "zenml"), **trusted, **changes})


SERVERS = [
    pytest.param(mariadb, marks=pytest.mark.xdist_group("mariadb")),
    pytest.param(postgresql, marks=pytest.mark.xdist_group("postgresql")),
]


@pytest.fixture(scope="module", params=SERVERS)
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("certificates")
    authority, stranger = Authority(folder, "ours"), Authority(folder, "theirs")
    with request.param(tls=(authority.ca, authority.issue("server", "127.0.0.1"))) as server:
        word = PASSWORD.replace("'", "''")
        if server.scheme == "mysql":
            server.run(
                f"CREATE USER guarded@'127.0.0.1' IDENTIFIED BY '{word}' REQUIRE X509;"
                "GRANT ALL ON *.* TO guarded@'127.0.0.1';"
            )
        else:
            server.run(f"CREATE ROLE guarded LOGIN PASSWORD '{word}' IN ROLE zenml;", "postgres")
        yield Guarded(server, authority, authority.issue("client"), stranger)


def cipher(store: ServerMetadataStore) -> str:
    """Return how a store's connection is encrypted, by its server's account."""
    store.list_runs()
    database = store._database
    assert database is not None
    query = CIPHER["mysql" if isinstance(store, MySQLMetadataStore) else "postgresql"]
    return database.transact(lambda connection, _: str(connection.exec_driver_sql(query).scalar()), write=False)


@pytest.mark.parametrize("ssl", ["disable", "prefer", "require", "verify-ca", "verify-full"])
def test_a_connection_is_encrypted_as_demanded(guarded: Guarded, ssl: str) -> None:
    store = guarded.store(ssl=ssl)
    assert bool(cipher(store)) is (ssl != "disable")


@pytest.mark.parametrize("ssl", ["verify-ca", "verify-full"])
def test_a_server_that_another_authority_vouches_for_is_refused(guarded: Guarded, ssl: str) -> None:
    with pytest.raises(StoreError, match="certificate cannot be trusted") as caught:
        guarded.store(ssl=ssl, ssl_ca=str(guarded.stranger.ca)).list_runs()
    assert len(caught.value.problems) == 1
    assert "--ssl-ca" in str(caught.value)
    assert cipher(guarded.store(ssl="require", ssl_ca=str(guarded.stranger.ca)))


def test_a_server_of_another_name_is_refused_where_names_are_checked(guarded: Guarded) -> None:
    with pytest.raises(StoreError, match="certificate is of another host") as caught:
        guarded.store(ssl="verify-full", host="localhost").list_runs()
    assert len(caught.value.problems) == 1
    assert "--host" in str(caught.value)
    assert cipher(guarded.store(ssl="verify-ca", host="localhost"))


def test_a_server_that_asks_for_a_client_s_certificate_gets_it(guarded: Guarded) -> None:
    client = {"ssl_cert": str(guarded.client.certificate), "ssl_key": str(guarded.client.key)}
    store = guarded.store(ssl="verify-full", username="guarded", **client)
    assert cipher(store)
    run = started(store, 1)
    complete(store, run, "data")
    assert [found.id for found in guarded.store().list_runs()] == [run]
    with pytest.raises(StoreError, match="refused the user guarded") as caught:
        guarded.store(ssl="verify-full", username="guarded").list_runs()
    assert len(caught.value.problems) == 1
    assert "--ssl-cert" in str(caught.value)


def test_a_certificate_without_its_key_is_told(guarded: Guarded) -> None:
    with pytest.raises(ConfigError, match="a certificate cannot be read"):
        guarded.store(ssl="require", ssl_cert=str(guarded.client.certificate)).list_runs()


@pytest.mark.parametrize("guarded", SERVERS[1:], indirect=True)
def test_a_login_holds_for_the_encrypted_connection_alone_that_it_was_made_on(guarded: Guarded) -> None:
    store = guarded.store(ssl="require")
    store.list_runs()
    assert store._database is not None
    with store._database.engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        assert driver.auth.mechanism_name == "SCRAM-SHA-256-PLUS"
