"""What is secret of a run stays with the client: nothing that Dataflow and its workers see holds any of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from database_servers import PASSWORD, DatabaseServer
from dataflow_double import Dataflow
from google_double import GoogleDouble
from metadata_databases import config_of, new_database
from planted_secrets import WATCHED_STEP, Planted, command_lines, files_below, objects_in, service_account_key

from zenml.artifacts.store import ArtifactStore
from zenml.datasources import CSVDatasource
from zenml.metadata import MySQLMetadataStore
from zenml.metadata.records import State
from zenml.pipelines import DataPipeline
from zenml.repo import Repository
from zenml.testing.emulators import make_gcs_bucket
from zenml_gcp.artifact_store import GCSArtifactStore

pytestmark = pytest.mark.xdist_group("dataflow")
Make = Callable[..., Any]


@pytest.fixture
def metadata(mariadb_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[MySQLMetadataStore]:
    """A store in a new database, whose password only the client knows."""
    monkeypatch.setenv("DATABASE_PASSWORD", PASSWORD)
    with new_database(mariadb_server) as name:
        yield MySQLMetadataStore(**config_of(mariadb_server, name))


@pytest.fixture
def key(google: GoogleDouble, monkeypatch: pytest.MonkeyPatch) -> str:
    """A service account's key, which only the client knows."""
    text, account = service_account_key(f"{google.url}/token")
    monkeypatch.setenv("BUCKET_KEY", account)
    return text


@pytest.fixture
def artifacts(storage: str, key: str) -> GCSArtifactStore:
    """A store in a new bucket, with that key by reference."""
    bucket = f"bucket-{token_hex(8)}"
    make_gcs_bucket(storage, bucket)
    return GCSArtifactStore(f"gs://{bucket}/artifacts", endpoint_url=storage, credentials="env:BUCKET_KEY")


def test_a_planted_secret_reaches_neither_dataflow_nor_its_workers(
    google: GoogleDouble,
    dataflow: Dataflow,
    engine: Make,
    metadata: MySQLMetadataStore,
    artifacts: GCSArtifactStore,
    key: str,
    place: str,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    planted = Planted(PASSWORD, *key.split("\n")[1:-2])
    (project / "watched.py").write_text(WATCHED_STEP)
    (project / "table.csv").write_text("a,b\n" + "1,x\n2,y\n" * 10)
    (gate := tmp_path / "gate").mkdir()
    monkeypatch.syspath_prepend(project)
    from watched import WatchedSplit

    pipeline = DataPipeline(name="Planted").add_datasource(CSVDatasource(name="Table", path="table.csv"))
    pipeline.add_step(WatchedSplit(gate=str(gate)).with_backend(engine()), id="split")

    def amid() -> list[bytes]:
        """Return all that can be seen while a worker is at work."""
        try:
            google.wait_for((gate / "told").exists)
            seen = [*command_lines(), *objects_in(ArtifactStore(place)), (gate / "told").read_bytes()]
            return [*seen, *files_below(dataflow.folder)]
        finally:
            (gate / "open").touch()

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(amid)
        run = pipeline.run(metadata_store=metadata, artifact_store=artifacts)
    assert (run.state, run.metrics) == (State.COMPLETE, {"rows": 20.0})
    assert metadata.get_run(run.id) is not None
    seen = looking.result()
    assert b'"environment"' in b"".join(seen)
    assert any(b"shards/" in text for text in seen)
    assert planted.seen_in(seen) == []

    assert planted.seen_in([json.dumps(job.body) for job in dataflow.jobs]) == []
    assert planted.seen_in(google.sent) == []
    assert planted.seen_in([*files_below(dataflow.folder, project), *objects_in(artifacts)]) == []
    assert planted.seen_in(capfd.readouterr()) == []
    assert list(objects_in(ArtifactStore(place))) == []
    assert not [job for job in dataflow.jobs if job.active]
    assert engine().list_runs() == Repository.get_instance().garbage(older_than=0).find() == []
